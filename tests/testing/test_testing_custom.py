"""The stand-in without a network: answers to custom requests, and SmartREST 1.0."""

from __future__ import annotations

from typing import Any

import pytest
from support_tenant import Outside, outside, tenant

from smartrest.templates import Collection
from smartrest.testing.platform.answers import selected
from smartrest.testing.platform.clients import Client
from smartrest.testing.platform.tenant import Tenant

__all__ = ["outside", "tenant"]

JSON = {"a": {"b": [1, {"c": "x"}, {"c": "y"}]}, "d e": None, "n": {"c": "z"}}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        ("$.a.b[0]", [1]),
        ("a.b[1].c", ["x"]),
        ("a.b[-1].c", ["y"]),
        ("a.b[*].c", ["x", "y"]),
        ("$..c", ["x", "y", "z"]),
        ("['d e']", [None]),
        ('$["a"]["b"][0]', [1]),
        ("a.b[9]", []),
        ("a.x", []),
        ("a.b[?(@.c)]", []),
        ("$", [JSON]),
    ],
)
def test_paths(path: str, values: list[Any]) -> None:
    assert selected(JSON, path) == values


@pytest.fixture
def client(tenant: Tenant) -> Client:
    client = Client("d:dev1:acme", everything=True)
    tenant.received(client, "s/us", b"100,Mine,my_Type\n114,c8y_Restart,c8y_Command")
    return client


ACME = (
    Collection("acme")
    .get_inventory("who", external_id_type="c8y_Serial")
    .get_inventory("quiet", external_id_type="c8y_Serial", response=False)
    .put_inventory("place", external_id_type="c8y_Serial", custom={"place": "acme.place"}, response=True)
    .post_event("event", type="acme_Event", text="hi", response=True)
    .response("me", name="$.name", operations="$.c8y_SupportedOperations[*]")
    .response("at", "acme", "$.acme.place", place="place")
    .response("made", "", "$.source", type="$.type", by="$.source.id")
)


def test_a_get_is_answered_by_the_response_templates(tenant: Tenant, client: Client, outside: Outside) -> None:
    tenant.received(client, ACME.topic, ACME.payload)
    outside.sent.clear()
    tenant.received(client, "s/uc/acme", b"who,dev1\nquiet,dev1\nplace,dev1,roof\nwho,dev1")
    me = ("me", "Mine", "c8y_Restart", "c8y_Command")
    assert outside.rows == [
        ("s/dc/acme", [me]),
        ("s/dc/acme", [me, ("at", "roof")]),
        ("s/dc/acme", [me, ("at", "roof")]),
    ]
    assert ACME.parse(outside.rows[0][1][0])["operations"] == ["c8y_Restart", "c8y_Command"]
    assert tenant.errors == []
    tenant.received(client, "s/uc/acme", b"who,unknown")
    assert tenant.errors[-1][:2] == ("40", "who")


def test_what_was_created_is_answered_if_asked_for(tenant: Tenant, client: Client, outside: Outside) -> None:
    tenant.received(client, ACME.topic, ACME.payload)
    outside.sent.clear()
    tenant.received(client, "s/ud", b"event")
    assert outside.rows == [("s/dd", [("made", "acme_Event", tenant.inventory["dev1"].id)])]


ONE = b"""10,100,GET,/identity/externalIds/c8y_Serial/%%,,application/json,%%,STRING,
10,101,PUT,/inventory/managedObjects/%%,application/json,application/json,%%,UNSIGNED STRING,"{""name"":""%%""}"
10,102,POST,/inventory/managedObjects,application/json,application/json,%%,STRING,"{""name"":""%%"",""acme"":{""on"":true}}"
10,103,PUT,/inventory/managedObjects/%%,application/json,application/json,%%,UNSIGNED STRING,"{""name"":%%}"
11,200,,$.managedObject,$.managedObject.id,$.managedObject.name
11,201,,$.acme,$.name,$.acme.on
"""


def test_smartrest_one(tenant: Tenant, client: Client, outside: Outside) -> None:
    outside.sent.clear()
    tenant.received(client, "s/ul/old", b"")
    tenant.received(client, "s/ul/old", ONE)
    tenant.received(client, "s/ul/old", b"")
    own = tenant.inventory["dev1"].id
    tenant.received(client, "s/ul", f"15,old\n100,dev1\n101,{own},Renamed\n100,unknown\n102,New\n999".encode())
    tenant.received(client, "s/ul/old", f"103,abc,x\n103,{own},x".encode())
    assert outside.rows == [
        ("s/dl/old", [("40", "No template for this X-ID.")]),
        ("s/dl/old", [("20", "9001")]),
        ("s/dl/old", [("20", "9001")]),
        (
            "s/dl/old",
            [
                ("200", "2", own, "Mine"),
                ("50", "4", "404"),
                ("201", "5", "New", "true"),
                ("43", "6", "Invalid message identifier"),
            ],
        ),
        ("s/dl/old", [("45", "1", outside.rows[-1][1][0][2]), ("42", "2", "Malformed Request")]),
    ]
    assert tenant.inventory["dev1"].name == "New"
    assert [error[0] for error in tenant.errors] == ["50", "43", "45", "42"]


def test_smartrest_one_doubles_quotes(tenant: Tenant, client: Client, outside: Outside) -> None:
    tenant.received(client, "s/ul/old", ONE)
    tenant.inventory["dev1"].name = '12" pipe'
    tenant.received(client, "s/ul/old", b"100,dev1")
    assert outside.sent[-1][2] == f'200,1,{tenant.inventory["dev1"].id},"12"" pipe"'.encode()


def test_an_answer_of_smartrest_one_that_fits_no_packet_is_an_error(tenant: Tenant, client: Client) -> None:
    tenant.received(client, "s/ul/old", ONE)
    tenant.inventory["dev1"].name = "x" * 20_000
    tenant.received(client, "s/ul/old", b"100,dev1")
    assert [error[0] for error in tenant.errors] == ["50"]


def test_smartrest_one_without_an_x_id_or_with_a_bad_collection(tenant: Tenant, client: Client) -> None:
    tenant.received(client, "s/ul", b"100,x")
    tenant.received(client, "s/ul", b"")
    tenant.received(client, "s/ul/bad", b"10,100,PATCH,/x")
    assert [error[0] for error in tenant.errors] == ["40", "40", "41"]
    for payload in (b"10", b"11,1", b"15", b"15,x\n\xff", b'10,1,GET,/x,,,(,,\n"', b"\xff"):
        tenant.received(client, "s/ul", payload)
        tenant.received(client, "s/ul/y", payload)
