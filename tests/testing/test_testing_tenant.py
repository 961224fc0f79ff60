"""The stand-in platform without a network: custom collections, tokens, pictures, waiting."""

from __future__ import annotations

import base64
import json
import threading

import pytest
from support_tenant import Outside, outside, tenant

from smartrest import decode, encode
from smartrest.templates import Collection, flag, number, operation_status, static
from smartrest.templates.operation_json import operation_content
from smartrest.testing.platform.clients import Client, Options, Traffic
from smartrest.testing.platform.effects import EFFECTS
from smartrest.testing.platform.operations import Operation
from smartrest.testing.platform.tenant import Tenant

__all__ = ["outside", "tenant"]


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client("d:dev1:com.acme", everything=True)
    tenant.received(client, "s/us", b"100,Mine,my_Type")
    return client


COLLECTION = (
    Collection("com.acme")
    .post_measurement(
        "m", type="acme_Pump", custom={"rpm": number("acme_Pump.rpm.value"), "unit": "acme_Pump.rpm.unit"}
    )
    .post_event("e", type="acme_Event", custom={"on": flag("acme_On"), "depth": number("acme.depth")})
    .post_alarm("a", type="acme_Alarm", status="ACTIVE", severity="MAJOR")
    .put_alarm("c", type="acme_Alarm", custom={"status": "status"})
    .put_operation("o", fragment="acme_Op", custom={"status": operation_status("status"), "out": "acme.out"})
    .put_inventory("i", external_id_type="c8y_Serial", custom={"place": "acme.place"})
    .post_inventory("n", external_id_type="c8y_Serial", custom={"name": "name"})
    .get_inventory("g", external_id_type="c8y_Serial")
    .response("r", name="$.name")
)


def test_every_static_template_that_a_device_publishes_has_an_effect() -> None:
    assert set(EFFECTS) == {template.id for template in static.values() if template.direction == "publish"}


def test_every_example_of_the_table_is_understood(tenant: Tenant, client: Client) -> None:
    """All but 501 to 506, which are refused because this tenant has no operations."""
    for template in static.values():
        if template.direction == "publish" and template.id not in ("501", "502", "503", "504", "505", "506"):
            tenant.received(client, "s/us", template.example.encode())
    assert [row for row in tenant.errors if row[1] != "104"] == []  # 104 needs the topic of a service


def test_a_collection_is_created_once_and_can_be_asked_for(tenant: Tenant, client: Client, outside: Outside) -> None:
    tenant.received(client, "s/ut/com.acme", b"")
    tenant.received(client, "s/ut/com.acme", COLLECTION.payload)
    tenant.received(client, "s/ut/com.acme", b"")
    assert [payload for _, topic, payload in outside.sent if topic == "s/dt"] == [b"41,com.acme", b"20,com.acme,9001"]
    tenant.received(client, "s/ut/com.acme", COLLECTION.payload)
    tenant.received(client, "s/ut/other", b"10,x,PUT,WEATHER")
    assert [row[0] for row in tenant.errors] == ["41", "42"]
    assert list(tenant.collections) == ["com.acme"]


def test_requests_of_a_collection_are_carried_out(tenant: Tenant, client: Client) -> None:
    tenant.received(client, "s/ut/com.acme", COLLECTION.payload)
    thing = tenant.inventory["dev1"]
    tenant.received(client, "s/uc/com.acme", b'm,,1450,rpm\ne,"text, one",,2.5\na,first,\na,again,\nc,CLEARED\na,new,')
    tenant.received(client, "t/uc/com.acme", b"m,,1,rpm")
    assert [measurement.series for measurement in thing.measurements] == [{("acme_Pump", "rpm"): (1450.0, "rpm")}]
    assert [(event.text, event.fragments) for event in thing.events] == [
        ("text, one", {"acme_On": {}, "acme": {"depth": 2.5}})
    ]
    seen = [(alarm.text, alarm.status, alarm.count, alarm.severity) for alarm in thing.alarms]
    assert seen == [("first", "CLEARED", 2, "MAJOR"), ("new", "ACTIVE", 1, "MAJOR")]
    tenant.received(client, "s/uc/com.acme", b"n,pump-1,Pump\ni,dev1,cellar\ng,dev1")
    assert tenant.inventory["pump-1"].name == "Pump"
    assert thing.fragments["acme"] == {"place": "cellar"}
    assert tenant.errors == []


def test_the_default_collection_is_that_of_the_client_id(tenant: Tenant, client: Client) -> None:
    tenant.received(client, "s/ut/com.acme", COLLECTION.payload)
    tenant.received(client, "s/ud/child", b"m,,1,rpm")
    assert len(tenant.inventory["child"].measurements) == 1


def test_an_operation_can_be_answered_by_a_collection(tenant: Tenant, client: Client, outside: Outside) -> None:
    tenant.received(client, "s/ut/com.acme", COLLECTION.payload)
    operation = tenant.operation(("dm1", "dev1"), "s/dc/com.acme", "acme_Op", threading.Condition())
    tenant.operate(client, [operation])
    assert outside.sent[-1] == ("d:dev1:com.acme", "s/dc/com.acme", b"dm1,dev1")
    tenant.received(client, "s/uc/com.acme", b"o,EXECUTING,")
    tenant.received(client, "s/uc/com.acme", b"o,SUCCESSFUL,42")
    assert (operation.history, operation.result) == (["PENDING", "EXECUTING", "SUCCESSFUL"], "42")
    tenant.received(client, "s/uc/com.acme", b"o,EXECUTING,")
    assert tenant.errors == [("40", "o", "dev1 has no operation with fragment acme_Op")]


def test_a_device_profile_by_its_json_comes_as_527_and_531(tenant: Tenant, client: Client, outside: Outside) -> None:
    row = ("531", "dev1", "$SW", "a", "1", "apt", "u", "install")
    content = operation_content(row)
    tenant.operate(client, [tenant.operation(row, "s/ds", "c8y_DeviceProfile", threading.Condition(), content=content)])
    assert outside.rows[-1] == ("s/ds", [("527", "dev1", "$SW", "a", "1", "u", "install"), row])


@pytest.mark.parametrize(
    ("topic", "payload", "error"),
    [
        ("s/uc/none", b"m,,1,x", ("40", "m")),
        ("s/uc/com.acme", b"zzz", ("43", "zzz")),
        ("s/uc/com.acme", b"r,x", ("43", "r")),
        ("s/uc/com.acme", b"m,,fast,x", ("45", "m")),
        ("s/uc/com.acme", b"c,CLEARED", ("40", "c")),
        ("s/uc/com.acme", b"i,ghost,x", ("40", "i")),
        ("s/us", b"200,f,s", ("45", "200")),
        ("s/us", b"305,a,DREADFUL", ("45", "305")),
        ("s/us", b"104,up", ("40", "104")),
        ("s/us", b"\xff", ("42", "")),
    ],
)
def test_faults(tenant: Tenant, client: Client, topic: str, payload: bytes, error: tuple[str, str]) -> None:
    tenant.received(client, "s/ut/com.acme", COLLECTION.payload)
    tenant.received(client, topic, payload)
    assert [row[:2] for row in tenant.errors] == [error]


def test_hostile_payloads_never_raise(tenant: Tenant, client: Client) -> None:
    for payload in (b"", b"\n", b'"', b",,,", b"100" * 9, b"501", b"501,", b"503,\x00", b"107", b"408,,,,,", b'""'):
        for topic in (
            "s/us",
            "s/us/a",
            "s/uc/x",
            "s/uc/x/y",
            "s/ud",
            "s/ut/x",
            "s/ucr",
            "s/uat",
            "",
            "a/b",
            "s/us/a/b",
        ):
            tenant.received(client, topic, payload)
    for x_id in ("a/b", "", "#", "x" * 16_350):
        for topic in ("s/ul", f"s/ul/{x_id}"):
            tenant.received(client, topic, f"15,{x_id}\n100,a".encode())
            tenant.received(client, topic, b"")
    assert ("50", "", "No answer: X-ID 'a/b' must not hold '/'") in tenant.errors


@pytest.mark.parametrize(
    ("topic", "payload"),
    [("s/us", b"x" * 16_160), ("s/uc/none", b"x" * 16_150), ("s/ut/" + "x" * 16_100, b"10,a")],
)
def test_an_error_that_names_something_long_fits_its_packet(
    tenant: Tenant, client: Client, outside: Outside, topic: str, payload: bytes
) -> None:
    tenant.received(client, topic, payload)
    assert len(tenant.errors) == 1
    assert [topic for _, topic, _ in outside.sent] == ["s/e"]


def test_a_token_says_how_long_it_lives(tenant: Tenant, client: Client, outside: Outside) -> None:
    tenant.received(client, "s/uat", b"")
    ((_, token),) = decode(outside.sent[-1][2])
    _, claims, signature = token.split(".")
    found = json.loads(base64.urlsafe_b64decode(claims + "=="))
    assert found["exp"] - found["iat"] == 3600
    assert found["sub"] == "dev1"
    assert len(signature) == 43


def test_replies_that_do_not_fit_are_divided(tenant: Tenant, client: Client, outside: Outside) -> None:
    condition = threading.Condition()
    operations = [tenant.operation(("511", "dev1", "x" * 9_000), "s/ds", "c8y_Command", condition) for _ in range(3)]
    tenant.operate(None, operations)
    tenant.received(client, "s/us", b"500")
    assert [len(decode(payload)) for _, topic, payload in outside.sent if topic == "s/ds"] == [1, 1, 1]


def test_an_answer_that_is_too_large_is_an_error(tenant: Tenant, client: Client) -> None:
    for first in range(0, 2000, 500):
        tenant.received(client, "s/us", encode([("101", f"child-{n}") for n in range(first, first + 500)]))
    tenant.received(client, "s/us", b"105")
    assert [row[:2] for row in tenant.errors] == [("50", "105")]


def test_a_client_id_that_breaks_the_rules_is_reported(tenant: Tenant) -> None:
    client = Client("sensor:1")
    assert (client.device_id, client.x_id) == ("sensor:1", None)
    assert "connection type" in client.fault
    tenant.received(client, "s/us", b"100")
    assert "sensor:1" in tenant.inventory


def test_watchers_see_both_directions(tenant: Tenant, client: Client) -> None:
    seen: list[Traffic] = []
    tenant.watchers.append(seen.append)
    tenant.received(client, "s/us", b"123")
    assert [(traffic.direction, traffic.topic) for traffic in seen] == [("up", "s/us"), ("down", "s/ds")]


def test_waiting_sees_every_change() -> None:
    operation = Operation("1", "d", "f", [("510", "d")], "s/ds")
    threading.Timer(0.05, lambda: operation.move("EXECUTING")).start()
    assert operation.wait_for("EXECUTING", seconds=5).status == "EXECUTING"
    operation.move("FAILED", reason="no")
    assert str(operation.wait(0)) == "operation 1 f of d FAILED 'no'"
    with pytest.raises(TimeoutError, match="never sent: is the device connected"):
        Operation("1", "d", "f", [("510", "d")], "s/ds").wait(0.01)


def test_long_lists_are_shown_by_their_end(tenant: Tenant, client: Client) -> None:
    tenant.received(client, "s/us", encode([("400", "e", f"text {n}") for n in range(5)]))
    shown = str(tenant.inventory)
    assert "5 events\n    ...\n    e 'text 2'" in shown
    assert "text 1" not in shown


def test_a_picture_has_no_control_characters(tenant: Tenant, client: Client) -> None:
    evil = "\x1b[2J\x07\x9b31m\u202e\n"
    for row in (
        ("100", "x" + evil, evil), ("101", "c" + evil, evil, evil), ("110", evil, evil, evil), ("400", evil, evil),
        ("301", evil, evil), ("200", evil, evil, "1", evil), ("113", evil), ("102", "s" + evil, evil, evil, evil),
        ("114", evil), ("105" + evil,),
    ):  # fmt: skip
        tenant.received(client, "s/us", encode([row]))
    assert tenant.inventory["dev1"].events
    picture = str(tenant.inventory) + "\n".join(str(thing) for thing in tenant.inventory.values())
    assert [line for line in picture.split("\n") if not line.isprintable()] == []


def test_traffic_is_bounded_where_a_bound_is_given(outside: Outside) -> None:
    tenant = Tenant(Options(traffic_limit=3), outside)
    client = Client("dev1", everything=True)
    for value in range(10):
        tenant.received(client, "s/us", b"200,f,s,%d" % value)
    assert [item.rows for item in tenant.traffic] == [[("200", "f", "s", str(value))] for value in (7, 8, 9)]


ANSWERS = [
    ("501,c8y_Restart\n503,c8y_Restart,done", "503,c8y_Restart,done"),
    ("501,c8y_Restart\n502,c8y_Restart,no", "502,c8y_Restart,no"),
    ("504,5001\n506,5001,done", "506,5001,done"),
    ("504,5001\n505,5001,no", "505,5001,no"),
]


@pytest.mark.parametrize(("answered", "again"), ANSWERS)
def test_an_answer_repeated_on_the_next_connection_is_not_a_fault(
    tenant: Tenant, client: Client, outside: Outside, answered: str, again: str
) -> None:
    client.everything = False
    operation = tenant.operation(("510", "dev1"), "s/ds", "c8y_Restart", threading.Condition())
    tenant.operate(None, [operation])
    tenant.received(client, "s/us", answered.encode())
    after = Client(client.client_id)
    tenant.received(after, "s/us", again.encode())
    assert tenant.errors == []
    assert [topic for _, topic, _ in outside.sent] == ["s/e"]  # the platform still refuses it
    tenant.received(after, "s/us", again.encode())  # once a connection
    assert len(tenant.errors) == 1


@pytest.mark.parametrize(("answered", "again"), ANSWERS)
def test_an_answer_repeated_on_the_same_connection_or_changed_is_a_fault(
    tenant: Tenant, client: Client, answered: str, again: str
) -> None:
    client.everything = False
    operation = tenant.operation(("510", "dev1"), "s/ds", "c8y_Restart", threading.Condition())
    tenant.operate(None, [operation])
    tenant.received(client, "s/us", answered.encode())
    tenant.received(client, "s/us", again.encode())
    tenant.received(Client(client.client_id), "s/us", (again + "X").encode())
    assert len(tenant.errors) == 2


def test_a_repeated_answer_of_a_custom_template_is_not_a_fault(tenant: Tenant, client: Client) -> None:
    tenant.collections["com.acme"] = COLLECTION
    operation = tenant.operation(("o", "dev1"), "s/dc/com.acme", "acme_Op", threading.Condition())
    tenant.operate(None, [operation])
    tenant.received(client, "s/uc/com.acme", b"o,SUCCESSFUL,done")
    after = Client(client.client_id)
    tenant.received(after, "s/uc/com.acme", b"o,SUCCESSFUL,done")
    assert tenant.errors == []
    tenant.received(after, "s/uc/com.acme", b"o,SUCCESSFUL,done")
    assert len(tenant.errors) == 1


def test_a_stand_in_with_a_history_keeps_only_the_newest(outside: Outside) -> None:
    tenant = Tenant(Options(history=3), outside)
    client = Client("dev1", everything=True)
    for turn in range(10):
        text = f"200,f,s,{turn}\n400,t,{turn}\n301,a{turn}\n306,a{turn}\n999,{turn}"
        tenant.received(client, "s/us", text.encode())
    thing = tenant.inventory["dev1"]
    assert [each.series["f", "s"][0] for each in thing.measurements] == [7, 8, 9]
    assert [each.text for each in thing.events] == ["7", "8", "9"]
    assert [each.type for each in thing.alarms] == ["a7", "a8", "a9"]
    assert len(tenant.errors) == 3


def test_a_history_gives_up_finished_operations_and_cleared_alarms_only(outside: Outside) -> None:
    tenant = Tenant(Options(history=3), outside)
    client = Client("dev1", everything=True)
    tenant.received(client, "s/us", b"100")
    operations = [
        tenant.operation(("511", "dev1", str(number)), "s/ds", "c8y_Command", threading.Condition())
        for number in range(6)
    ]
    tenant.operate(None, operations)
    tenant.received(client, "s/us", b"301,kept\n301,a\n306,a\n301,b\n306,b\n301,c\n306,c")
    thing = tenant.inventory["dev1"]
    assert tenant.operations == thing.operations == operations  # each waits for its device
    assert [alarm.type for alarm in thing.alarms] == ["kept", "b", "c"]
    tenant.received(client, "s/us", b"501,c8y_Command\n503,c8y_Command\n" * 5)
    last = tenant.operation(("511", "dev1", "last"), "s/ds", "c8y_Command", threading.Condition())
    tenant.operate(None, [last])
    assert tenant.operations == thing.operations == [operations[4], operations[5], last]
