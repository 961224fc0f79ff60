"""The structs of the Arrow C data interface in ctypes, their capsules, and what keeps exported ones alive.

Copies everything it reads, and exports copies, so that only this file handles addresses. The structs are those of
src_c/columns/arrow.h.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from ctypes import CFUNCTYPE, POINTER, Structure, c_char_p, c_int, c_int64, c_void_p, py_object
from typing import Any


class ArrowSchema(Structure):
    pass


class ArrowArray(Structure):
    pass


class ArrowArrayStream(Structure):
    pass


RELEASE = CFUNCTYPE(None, c_void_p)
GET = CFUNCTYPE(c_int, c_void_p, c_void_p)
LAST_ERROR = CFUNCTYPE(c_void_p, c_void_p)

ArrowSchema._fields_ = [
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(ArrowSchema))),
    ("dictionary", POINTER(ArrowSchema)),
    ("release", RELEASE),
    ("private_data", c_void_p),
]
ArrowArray._fields_ = [
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(ArrowArray))),
    ("dictionary", POINTER(ArrowArray)),
    ("release", RELEASE),
    ("private_data", c_void_p),
]
ArrowArrayStream._fields_ = [
    ("get_schema", GET),
    ("get_next", GET),
    ("get_last_error", LAST_ERROR),
    ("release", RELEASE),
    ("private_data", c_void_p),
]

_exported: dict[int, Any] = {}  # by address: what an exported struct points into, until it is released

_new = ctypes.pythonapi.PyCapsule_New
_new.restype, _new.argtypes = py_object, [c_void_p, c_void_p, c_void_p]
_pointer = ctypes.PYFUNCTYPE(c_void_p, py_object, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
_pointer_of_dying = ctypes.PYFUNCTYPE(c_void_p, c_void_p, c_char_p)(("PyCapsule_GetPointer", ctypes.pythonapi))
_name_of_dying = ctypes.PYFUNCTYPE(c_char_p, c_void_p)(("PyCapsule_GetName", ctypes.pythonapi))

CLASSES: dict[bytes, Any] = {
    b"arrow_schema": ArrowSchema,
    b"arrow_array": ArrowArray,
    b"arrow_array_stream": ArrowArrayStream,
}
_NAMES = {cls: ctypes.create_string_buffer(name) for name, cls in CLASSES.items()}  # a capsule refers to its name


def in_capsule(capsule: object, cls: Any) -> Any:
    """The struct that a capsule holds. Raises `ValueError` if it was read before, or holds another one."""
    found = cls.from_address(_pointer(capsule, _NAMES[cls].value))
    if not found.release:
        raise ValueError("this Arrow capsule has been read before")
    return found


def _drop(capsule: int) -> None:
    name = _name_of_dying(capsule)
    address = _pointer_of_dying(capsule, name)
    struct = CLASSES[name].from_address(address)
    if struct.release:
        struct.release(address)
    del _exported[-address]


_destructor = ctypes.PYFUNCTYPE(None, c_void_p)(_drop)


def to_capsule(struct: Any) -> object:
    """A capsule that owns the struct."""
    address = ctypes.addressof(struct)
    _exported[-address] = struct
    return _new(address, ctypes.addressof(_NAMES[type(struct)]), ctypes.cast(_destructor, c_void_p))


def keep(struct: Any, *kept: object) -> None:
    """Keeps objects alive until the consumer releases the struct, or the copy that it has made of it."""
    token = ctypes.create_string_buffer(1)  # its address is unique as long as it is kept
    struct.private_data = ctypes.addressof(token)
    _exported[struct.private_data] = (token, *kept)


def _parts(struct: Any) -> list[Any]:
    """The children and the dictionary of a schema or array."""
    if isinstance(struct, ArrowArrayStream):
        return []
    parts = [struct.children[i].contents for i in range(struct.n_children)]
    return [*parts, struct.dictionary.contents] if struct.dictionary else parts


def _releaser(cls: Any) -> Callable[[int], None]:
    def release(address: int) -> None:
        struct = cls.from_address(address)
        for part in _parts(struct):
            if part.release:  # else it has been moved
                part.release(ctypes.addressof(part))
        token = struct.private_data
        struct.release = RELEASE()
        del _exported[token]

    return release


release_schema = RELEASE(_releaser(ArrowSchema))
release_array = RELEASE(_releaser(ArrowArray))
release_stream = RELEASE(_releaser(ArrowArrayStream))
