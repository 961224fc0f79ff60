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


def _immortal(function: Any) -> Any:
    """A function that C may call even while the interpreter ends: consumers release late."""
    ctypes.pythonapi.Py_IncRef(py_object(function))
    return function


def _dropper(
    exported: dict[int, Any], name_of: Callable[[int], bytes], pointer_of: Callable[[int, bytes], int]
) -> Callable[[int], None]:
    classes = dict(CLASSES)

    def drop(capsule: int) -> None:
        name = name_of(capsule)
        address = pointer_of(capsule, name)
        struct = classes[name].from_address(address)
        if struct.release:
            struct.release(address)
        del exported[-address]

    return drop


_destructor = _immortal(ctypes.PYFUNCTYPE(None, c_void_p)(_dropper(_exported, _name_of_dying, _pointer_of_dying)))


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


def _releaser(cls: Any, exported: dict[int, Any], address_of: Callable[[Any], int], nothing: Any) -> Any:
    has_parts = cls is not ArrowArrayStream

    def release(address: int) -> None:
        struct = cls.from_address(address)
        parts = [struct.children[i].contents for i in range(struct.n_children)] if has_parts else []
        if has_parts and struct.dictionary:
            parts.append(struct.dictionary.contents)
        for part in parts:
            if part.release:  # else it has been moved
                part.release(address_of(part))
        token = struct.private_data
        struct.release = nothing
        del exported[token]

    return _immortal(RELEASE(release))


release_schema, release_array, release_stream = [
    _releaser(cls, _exported, ctypes.addressof, RELEASE()) for cls in (ArrowSchema, ArrowArray, ArrowArrayStream)
]
