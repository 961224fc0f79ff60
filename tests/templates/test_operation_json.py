"""Static operation templates in JSON: each row is the row of its JSON, and other objects give what they can."""

from __future__ import annotations

import pytest

from smartrest import decode_row
from smartrest.templates import static
from smartrest.templates.operation_json import FRAGMENTS, operation_content, operation_row

OPERATIONS = {key: template for key, template in static.items() if template.operation_fragment is not None}
PROFILES = {
    "527": "527,dev,$FW,fw,1,url,true,dep,$SW,nano,latest,test,install,b,1,,delete,$CONF,u,t",
    "531": "531,dev,$SW,nano,latest,apt,test,install",
}


@pytest.mark.parametrize("key", OPERATIONS)
def test_a_row_comes_back_from_its_json(key: str) -> None:
    row = decode_row(PROFILES.get(key) or OPERATIONS[key].example)
    content = operation_content(row)
    assert content is not None
    assert operation_row(content, row[1]) == (OPERATIONS[key].operation_fragment, row)


@pytest.mark.parametrize(
    ("content", "row"),
    [
        ({"c8y_Firmware": {"name": "a", "isPatch": True, "dependency": "b"}}, ("525", "d", "a", "", "", "b")),
        ({"c8y_UploadConfigFile": {"type": "ssh"}}, ("526", "d", "ssh")),
        (
            {"c8y_SoftwareUpdate": [{"name": "a"}, {"name": "b", "softwareType": "apt"}]},
            ("529", "d", "a", "", "", "", "", "b", "", "apt", "", ""),
        ),
        ({"c8y_DeviceProfile": {"software": [], "configuration": None}}, ("527", "d")),
        ({"c8y_LogfileRequest": {"logFile": "l", "maximumLines": 7}}, ("522", "d", "l", "", "", "", "7")),
        (
            {"c8y_A": {"x": {"y": 1.5}, "z": None}, "c8y_ParameterUpdate": {}, "c8y_ParameterUpdate_c8y_A": {}},
            ("532", "d", "c8y_A.x.y", "n", "1.5", "c8y_A.z", "", ""),
        ),
    ],
)
def test_the_row_of_an_object(content: dict[str, object], row: tuple[str, ...]) -> None:
    fragment, found = operation_row(content, "d")
    assert (fragment, found) == (static[row[0]].operation_fragment, row)
    static[row[0]].parse(found)


def test_the_row_of_what_is_not_an_object() -> None:
    assert operation_row({"c8y_Command": 3}, "d") == ("c8y_Command", ("511", "d", ""))
    assert operation_row({"c8y_SoftwareUpdate": "x"}, "d") == ("c8y_SoftwareUpdate", ("528", "d"))
    assert operation_row({"c8y_RelayArray": {}}, "d") == ("c8y_RelayArray", ("519", "d"))


def test_the_fragment_of_several() -> None:
    content = {"description": "x", "text": "y", "acme_A": {}, "acme_B": {}, "c8y_Restart": {}}
    assert operation_row(content, "d", {"acme_B"}) == ("acme_B", ("", "d"))
    assert operation_row(content, "d") == ("c8y_Restart", ("510", "d"))
    del content["c8y_Restart"]
    assert operation_row(content, "d") == ("acme_A", ("", "d"))
    assert operation_row({"id": "1", "profileName": "p", "delivery": {}}, "d") == ("", ("", "d"))
    assert operation_row({"acme_Mode": "on"}, "d", {"acme_Mode"}) == ("acme_Mode", ("", "d"))


def test_rows_without_a_json_form() -> None:
    assert operation_content(("200", "c8y_T", "T", "1")) is None
    assert operation_content(("dm1", "d")) is None
    assert set(FRAGMENTS) == {template.operation_fragment for template in OPERATIONS.values()}


@pytest.mark.parametrize(
    ("fields", "content"),
    [
        (("A.x", "n", "fast", "A.y", "b", ""), {"A": {"x": "fast", "y": ""}}),
        (("A", "n", "1", "A.x", "s", "a"), {"A": {"x": "a"}}),
        (("A.x", "s", "a", "A.x.y.z", "n", "2"), {"A": {"x": {"y": {"z": 2}}}}),
        (("A.x", "n", "9" * 5000), {"A": {"x": "9" * 5000}}),
    ],
)
def test_parameters_that_contradict_themselves(fields: tuple[str, ...], content: dict[str, object]) -> None:
    """A test may send its device any row."""
    found = operation_content(("532", "d", *fields))
    assert found == {**content, "c8y_ParameterUpdate": {}, "c8y_ParameterUpdate_A": {}}


def test_a_port_with_too_many_digits_stays_text() -> None:
    found = operation_content(("530", "d", "host", "9" * 5000, "key"))
    assert found == {"c8y_RemoteAccessConnect": {"hostname": "host", "port": "9" * 5000, "connectionKey": "key"}}
