"""Arguments of the wrong type or number raise TypeError at once."""

from __future__ import annotations

from typing import Any

import pytest
from support import module_of

from smartrest import SmartRestError

READING = ("decode", "decode_row", "split", "scan", "check", "unescape")


class Str(str):
    def encode(self, *args: Any, **options: Any) -> bytes:
        return b"evil"

    def __len__(self) -> int:
        return 99

    def __str__(self) -> str:
        return "evil"


class Bytes(bytes):
    def __bytes__(self) -> bytes:
        return b"evil"

    def decode(self, *args: Any, **options: Any) -> str:
        return "evil"

    def __len__(self) -> int:
        return 99

    def __getitem__(self, k: Any) -> Any:
        return 7


@pytest.mark.parametrize("call", READING)
def test_not_a_payload(engine: Any, call: str) -> None:
    for wrong in (None, 5, 1.5, ["500"], ("500",), {"a": 1}, object(), str, iter(b"500")):
        with pytest.raises(TypeError):
            getattr(engine, call)(wrong)
    with pytest.raises(TypeError):
        getattr(engine, call)()
    with pytest.raises(TypeError):
        getattr(engine, call)(b"500", b"501")
    with pytest.raises(TypeError):
        getattr(engine, call)(b"500", colour="red")


def test_subclasses_of_str_and_bytes_by_value(engine: Any) -> None:
    for payload in (Str('1,"é"'), Bytes('1,"é"'.encode())):
        assert engine.decode(payload) == [("1", "é")]
        assert engine.decode(payload, limit=6) == [("1", "é")]
        assert engine.decode_row(payload) == ("1", "é")
        assert engine.split(payload) == ['1,"é"'.encode()]
        assert engine.scan(payload)[0].fields == ("1", "é")
        assert engine.scan(payload)[0].raw == '1,"é"'.encode()
        assert engine.check(payload) == []
        assert engine.unescape(type(payload)(payload[2:] if isinstance(payload, Str) else b'"x"')) in ("é", "x")
        assert type(engine.split(payload)[0]) is bytes


def test_wrong_types_are_not_data_errors(engine: Any) -> None:
    for call in (lambda: engine.decode(5), lambda: engine.encode(5), lambda: engine.pack(5), lambda: engine.Schema(5)):
        with pytest.raises(TypeError) as caught:
            call()
        assert not isinstance(caught.value, SmartRestError)


def test_options_of_reading_are_keywords(engine: Any) -> None:
    for call in ("decode", "decode_row", "scan"):
        with pytest.raises(TypeError):
            getattr(engine, call)(b"500", True)


def test_engines_name_themselves(engine: Any) -> None:
    name = engine.engine()
    assert type(name) is str
    assert name == "pure" or name.startswith("core:")
    with pytest.raises(TypeError):
        engine.engine(1)


def test_lazy_rows_cannot_be_made_by_hand_into_something_unsafe(engine: Any) -> None:
    """Bare constructors raise or return a working object; they never crash."""
    module = module_of(engine)
    for cls in (module.LazyRows, module.LazyRow, module.Encoder):
        for args in ((), (b"500",), (None,), (b"500", 0), (1, 2, 3)):
            try:
                repr(cls(*args))
            except (TypeError, ValueError, AttributeError, IndexError):
                continue
        try:
            bare = cls.__new__(cls)
        except TypeError:
            continue
        for use in (
            repr,
            len,
            list,
            lambda b: b[0],
            lambda b: b(),
            lambda b: b.raw,
            lambda b: b.fields,
            lambda b: b.id,
        ):
            try:
                use(bare)
            except (TypeError, ValueError, AttributeError, IndexError, SystemError) as error:
                assert not isinstance(error, SystemError)


def test_schema_without_init(engine: Any) -> None:
    schema = module_of(engine).Schema
    try:
        bare = schema.__new__(schema)
        assert bare.decode(b"1,2") == [("1", "2")]
    except (TypeError, AttributeError, ValueError):
        pass
