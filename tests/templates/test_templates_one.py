"""SmartREST 1.0, and the files of definitions that vendors ship."""

from __future__ import annotations

import pytest

import smartrest
from smartrest.errors import PayloadTooLargeError, TemplateError
from smartrest.templates import Collection, Message, Reader, parse

ROW = b'10,101,POST,/inventory/managedObjects,application/json,application/json,%%,STRING,"{""name"":""%%""}"'
GET = b"10,100,GET,/identity/externalIds/c8y_Serial/%%,,application/json,%%,STRING,"
FILE = b"""acme_3

# devices, "all of them
10,100,GET,/identity/externalIds/c8y_Serial/%%,,application/json,%%,STRING,
11,502,,$.c8y_Restart,$.id,$.deviceId
"""


def test_a_collection_is_created_on_its_own_topic_in_its_own_dialect() -> None:
    c = Collection.parse(ROW, "acme_3")
    assert (c.protocol, c.topic) == ("1.0", "s/ul/acme_3")
    assert c.payload == ROW
    assert c["101"].topic == ""
    assert Collection.parse(b"15,acme_3\n" + ROW).topic == "s/ul/acme_3"
    two = Collection("x").post_event("1", type="a, b")
    assert (two.topic, two.payload) == ("s/ut/x", b'10,1,POST,EVENT,,"a, b",,')


def test_a_large_collection_is_for_http() -> None:
    rows = b"\n".join(
        b"10,%d,GET,/inventory/managedObjects/%%%%,,application/json,%%%%,UNSIGNED," % n for n in range(300)
    )
    c = Collection.parse(rows, "acme_3")
    assert len(c.rows) == 300
    assert Collection.check(rows) == []
    assert c.encode(limit=None) == rows
    with pytest.raises(PayloadTooLargeError):
        _ = c.payload
    two = b"\n".join(b"11,%d,,,$.name,$.type,$.owner,$.creationTime,$.lastUpdated,$.self" % n for n in range(300))
    assert [finding.reason for finding in Collection.check(two)] == ["too_large"]


def test_a_row_15_names_the_x_id_of_the_rows_that_follow() -> None:
    mine, other = Collection.parse(GET, "acme_3"), Collection.parse(ROW.replace(b"10,101", b"10,100"), "acme_4")
    rows = smartrest.decode(b"100,early\n15,acme_3\n100,serial-1\n15,acme_4\n100,name\n15,unknown\n100,x")
    reader = Reader("s/ul", collections=[mine, other])
    found = [message for message in reader.messages(rows) if isinstance(message, Message)]
    assert [message.template and message.template.description for message in found] == [
        None,
        "Names the X-Id of the rows that follow.",
        "GET /identity/externalIds/c8y_Serial/%%",
        "Names the X-Id of the rows that follow.",
        "POST /inventory/managedObjects",
        "Names the X-Id of the rows that follow.",
        None,
    ]
    topic = smartrest.check(b"15,acme_3\n100,a,b\n101", topic="s/ul", collections=[mine])
    assert [(finding.reason, finding.row) for finding in topic] == [("too_many_fields", 1), ("unknown_template", 2)]
    assert smartrest.check(GET, topic="s/ul/acme_3", collections=[mine]) == []  # its own definition
    assert parse(("100", "serial-1"), "s/ul/acme_3", collections=[mine])["value_1"] == "serial-1"


def test_a_row_87_names_the_x_id_of_some_rows_that_follow() -> None:
    a = Collection.parse(b"15,a\n11,200,,,$.id")
    b = Collection.parse(b"15,b\n11,200,,,$.name")
    for topic in ("s/dl/a", "s/ol/a"):
        rows = smartrest.decode(b"200,1,x\n87,2,b\n200,1,y\n200,2,z\n200,1,w\n87,often,b\n200,1,v")
        messages = Reader(topic, collections=[a, b]).messages(rows)
        names = [list(m.parameters)[-1] for m in messages if isinstance(m, Message) and m.id == "200"]
        assert names == ["id", "name", "name", "id", "name"]


def test_the_answer_about_a_collection() -> None:
    c = Collection.parse(GET, "acme_3")
    assert c.answer(("20", "12345")) == "12345"
    assert c.answer(("40", "No template for this X-ID, none")) is None
    with pytest.raises(TemplateError) as caught:
        c.answer(("41", "acme_3"))
    assert caught.value.reason == "wrong_id"


def test_a_collection_of_the_right_protocol_is_taken() -> None:
    two = Collection("x").response("200", one="$.a")
    one = Collection.parse(b"15,x\n11,200,,,$.b")
    for both in ([one, two], [two, one]):
        assert "one" in parse(("200", "v"), "s/dc/x", collections=both).parameters
        assert "b" in parse(("200", "1", "v"), "s/dl/x", collections=both).parameters


# Files


@pytest.mark.parametrize("data", [FILE, FILE.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + FILE, b"# first\n" + FILE])
def test_a_file_as_vendors_ship_it(data: bytes) -> None:
    for c in (Collection.from_file(data), Collection.parse(data), Collection.from_file(data.decode())):
        assert (c.x_id, c.protocol, list(c)) == ("acme_3", "1.0", ["100", "502"])
    assert Collection.check(data) == []
    assert Collection.from_file(data, "other").x_id == "other"
    assert Collection.from_file(Collection("j").response("1", a="$.a").to_json()).x_id == "j"


def test_only_files_have_comments() -> None:
    with pytest.raises(TemplateError, match="row 10 or 11"):
        Collection.parse(b"# x\n" + GET, "acme_3")
    assert smartrest.decode(b"# x\n500") == [("# x",), ("500",)]
    body = b'10,1,POST,/x,application/json,,%%,STRING,"{\n# not a comment\n}"'
    assert Collection.parse(b"acme\n#one\n" + body).rows[0][-1] == "{\n# not a comment\n}"


def test_faults_of_a_file_are_found_at_their_place() -> None:
    data = b"acme_3\n# c\n10,100,PATCH,/x\n#d\r\nnonsense,1\n"
    found = Collection.check(data)
    assert [(f.reason, f.start, f.end) for f in found] == [
        ("bad_method", data.index(b"PATCH"), data.index(b"PATCH") + 5),
        ("bad_row", data.index(b"nonsense"), data.index(b"nonsense") + 8),
    ]
    [finding] = Collection.check(b'# c\n10,1,"x')
    assert (finding.reason, finding.start) == ("unterminated_quote", 9)


def test_placeholders_are_named() -> None:
    data = b"${XID}\n# ${NOT}\n10,100,GET,/identity/externalIds/${TYPE}/%%,,application/json,%%,STRING,\n"
    found = Collection.check(data)
    assert [(f.reason, f.row, f.field) for f in found] == [("placeholder", 0, 0), ("placeholder", 1, 3)]
    assert "${XID}" in found[0].text
    assert "${TYPE}" in found[1].text
    assert Collection.from_file(data).x_id == "${XID}"


def test_patterns_of_an_export_are_texts_numbers_or_objects() -> None:
    stored = '{"responseTemplates": [{"msgId": 1, "pattern": [{"path": "$.a"}, "b", 7]}], "requestTemplates": []}'
    assert Collection.from_json(stored, "x").rows == [("11", "1", "", "", "$.a", "b", "7")]
