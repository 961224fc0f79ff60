"""The life cycle of `Session`, step by step: credentials, registration, subscriptions, data, faults, tokens, end."""

from __future__ import annotations

import base64

import pytest
from support_session import kinds, online, rows, token

from smartrest import PayloadTooLargeError, SmartRestError, decode
from smartrest.device import (
    Child,
    Closed,
    Connect,
    Connected,
    Credentials,
    CredentialsReceived,
    Delivered,
    Disconnect,
    Dropped,
    ErrorReceived,
    GaveUp,
    Limits,
    Lost,
    MessageReceived,
    Online,
    PayloadReceived,
    PayloadRefused,
    Publish,
    QueueHalfFull,
    Refused,
    Session,
    State,
    Subscribe,
    SubscriptionRefused,
    TokenReceived,
)
from smartrest.mqtt import Backoff, ConnackCode

SECRET = Credentials("t1", "device_x", "s3cret")
BOOTSTRAP = Credentials("management", "devicebootstrap", "b00t")


def test_steps_one_to_three() -> None:
    session = Session(
        "dev", children=["c1", Child("c2", "Child 2", "my_type", parent="c1")], x_ids=["acme"], debug=True
    )
    assert session.outgoing() == [Connect("dev")]
    assert session.connected(0, 1.0) == [Connected()]
    published = session.outgoing()
    assert [(a.topic, decode(a.payload)) for a in published if isinstance(a, Publish)] == [
        ("s/us", [("100", "dev", "c8y_MQTTDevice"), ("101", "c1", "c1")]),
        ("s/us/c1", [("101", "c2", "Child 2", "my_type")]),
    ]
    assert [a.topic for a in published if isinstance(a, Subscribe)] == ["s/ds", "s/dc/acme", "s/e"]
    assert session.subscribed("s/ds", 1, 1.1) == []
    assert session.subscribed("s/dc/acme", 1, 1.1) == []
    assert not session.online
    assert session.subscribed("s/e", 1, 1.1) == [Online()]
    assert session.online
    assert rows(session) == [("s/us", [("500",)])]


def test_the_default_collection_is_subscribed() -> None:
    session = Session("d:dev:acme", name="My device", type="my_type")
    assert session.outgoing() == [Connect("d:dev:acme")]
    session.connected(0, 0.0)
    actions = session.outgoing()
    assert [a.topic for a in actions if isinstance(a, Subscribe)] == ["s/ds", "s/dd"]
    assert [decode(a.payload) for a in actions if isinstance(a, Publish)] == [[("100", "My device", "my_type")]]


def test_the_marker_of_a_child() -> None:
    children = [Child("a", marker=False), Child("b", "B", "t", marker="asset"), Child("c", marker=True), Child("d")]
    session = Session("dev", children=children)
    session.connected(0, 0.0)
    assert rows(session)[0][1][1:] == [
        ("101", "a", "a", "", "false"),
        ("101", "b", "B", "t", "asset"),
        ("101", "c", "c", "", "true"),
        ("101", "d", "d"),
    ]


def test_subscriptions_wait_for_the_acknowledgement_of_100() -> None:
    session = Session("dev", acknowledgements=True)
    session.outgoing()
    session.connected(0, 0.0)
    (publish,) = session.outgoing()
    assert isinstance(publish, Publish)
    assert session.state is State.REGISTERING
    session.acknowledged(publish.id + 7, 0.1)
    assert session.outgoing() == []
    session.acknowledged(publish.id, 0.1)
    assert session.outgoing() == [Subscribe("s/ds")]


def test_hundreds_of_children_are_registered_within_the_packet_limit() -> None:
    session = Session("dev", children=[f"child-{n:05d}" for n in range(2_000)])
    session.connected(0, 0.0)
    payloads = [a.payload for a in session.outgoing() if isinstance(a, Publish)]
    assert len(payloads) > 1
    assert max(map(len, payloads)) <= 16_173
    assert sum(row[0] == "101" for payload in payloads for row in decode(payload)) == 2_000


def test_step_zero_fetches_credentials() -> None:
    session = Session("dev", bootstrap=BOOTSTRAP, random=lambda: 0.0)
    assert session.outgoing() == [Connect("dev", BOOTSTRAP)]
    assert session.connected(0, 0.0) == [Connected(bootstrap=True)]
    assert session.outgoing() == [Subscribe("s/dcr")]
    session.subscribed("s/dcr", 1, 0.1)
    for moment in (0.1, 5.1, 10.1):
        session.tick(moment)
        (poll,) = session.outgoing()
        assert (poll.topic, poll.payload) == ("s/ucr", b"")  # type: ignore[union-attr]  # it is a Publish
        assert session.due() == pytest.approx(moment + 5)
    events = session.received("s/dcr", b'70,t1,device_x,"a,b""c\\d"', 11.0)
    assert events == [CredentialsReceived(Credentials("t1", "device_x", 'a,b"c\\d'))]
    assert session.credentials == Credentials("t1", "device_x", 'a,b"c\\d')
    assert session.outgoing() == [Disconnect()]
    assert session.disconnected(11.1) == []
    assert session.outgoing() == [Connect("dev", session.credentials)]
    assert session.connected(0, 11.2) == [Connected()]
    assert rows(session)[0][1][0][0] == "100"


@pytest.mark.parametrize(
    "payload",
    [
        b"70",
        b"70,t1",
        b"70,t1,user",
        b"70,,user,pw",
        b"70,t/1,user,pw",
        b'70,t1,user,"secret',
        b"71,x",
        b"\xff",
        b"",
        b"70,t,user\0,pw",
        b"70,t,user," + b"x" * 65_536,
    ],
)
def test_a_row_without_credentials_is_reported_without_its_text(payload: bytes) -> None:
    session = Session("dev", bootstrap=BOOTSTRAP)
    session.connected(0, 0.0)
    session.subscribed("s/dcr", 1, 0.0)
    events = session.received("s/dcr", payload, 1.0)
    assert kinds(events) == ([PayloadRefused] if payload else [])
    assert "secret" not in repr(events)
    assert "user" not in repr(events)
    assert session.state is State.BOOTSTRAP


def test_unrequested_credentials_change_nothing() -> None:
    session = online(credentials=SECRET)
    assert session.received("s/dcr", b"70,t2,other,pw", 1.0) == []
    assert session.credentials is SECRET
    assert session.online


def test_refused_bootstrap_subscription_backs_off() -> None:
    session = Session("dev", bootstrap=BOOTSTRAP, random=lambda: 0.0)
    session.connected(0, 0.0)
    session.outgoing()
    events = session.subscribed("s/dcr", 128, 1.0)
    assert kinds(events) == [SubscriptionRefused, Lost]
    assert session.outgoing() == [Disconnect()]
    assert session.due() == 2.0
    session.tick(2.0)
    assert session.outgoing() == [Connect("dev", BOOTSTRAP)]


def test_refused_subscriptions_are_asked_for_again_after_100() -> None:
    session = Session("dev", x_ids=["acme"], random=lambda: 0.0)
    session.connected(0, 0.0)
    session.outgoing()
    assert session.subscribed("s/ds", 128, 0.0) == []
    events = session.subscribed("s/dc/acme", 1, 0.0)
    assert events == [SubscriptionRefused("s/ds", 128, 2.0)]
    assert session.state is State.SUBSCRIBING
    for attempt, delay in enumerate((2.0, 4.0, 8.0)):
        due = session.due()
        assert due is not None
        session.tick(due)
        actions = session.outgoing()
        assert [type(a) for a in actions] == [Publish, Subscribe]
        assert actions[1] == Subscribe("s/ds")
        code = 128 if attempt < 2 else 1
        events = session.subscribed("s/ds", code, due)
        assert events == ([SubscriptionRefused("s/ds", 128, delay * 2)] if attempt < 2 else [Online()])


def test_a_refused_error_topic_does_not_keep_a_device_offline() -> None:
    session = Session("dev", debug=True)
    session.connected(0, 0.0)
    session.subscribed("s/e", 128, 0.0)
    assert session.subscribed("s/ds", 0, 0.0) == [Online(), SubscriptionRefused("s/e", 128, None)]


@pytest.mark.parametrize("code", [1, 2, 4])
def test_permanent_refusal_ends_the_attempts(code: int) -> None:
    session = Session("dev", credentials=SECRET)
    session.outgoing()
    events = session.connected(code, 0.0)
    assert kinds(events) == [Refused, GaveUp]
    assert isinstance(events[1], GaveUp)
    assert events[1].code is ConnackCode(code)
    assert session.state is State.FAILED
    assert session.due() is None
    assert session.outgoing() == []
    session.start(10.0)
    assert session.outgoing() == [Connect("dev", SECRET)]


def test_unavailable_backs_off_without_end() -> None:
    session = Session("dev", random=lambda: 0.0, limits=Limits(backoff=Backoff(1, 60)))
    now, delays = 0.0, []
    for _ in range(12):
        (refused,) = session.connected(3, now)
        assert isinstance(refused, Refused)
        delays.append(refused.retry_in)
        now = session.due() or 0.0
        session.tick(now)
        assert session.state is State.CONNECTING
    assert delays == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60, 60, 60]


def test_not_authorized_is_permanent_after_some_attempts() -> None:
    session = Session("dev", random=lambda: 0.0)
    now = 0.0
    for _ in range(5):
        assert kinds(session.connected(5, now)) == [Refused]
        now = session.due() or 0.0
        session.tick(now)
    assert kinds(session.connected(5, now)) == [Refused, GaveUp]


def test_a_late_refusal_closes_the_connection() -> None:
    session = online()
    session.outgoing()
    assert kinds(session.connected(3, 5.0)) == [Refused]
    assert session.outgoing() == [Disconnect(abort=True)]
    assert session.state is State.WAITING
    other = online()
    assert kinds(other.connected(4, 5.0)) == [Refused, GaveUp]


def test_an_unknown_code_is_tried_again() -> None:
    session = Session("dev")
    assert session.connected(77, 0.0)[0] == Refused(ConnackCode.UNAVAILABLE, pytest.approx(0.75, abs=0.26))


def test_backing_off_starts_anew_after_a_stable_connection() -> None:
    session = Session("dev", random=lambda: 0.0)
    for expected in (1.0, 2.0, 4.0):
        (lost,) = session.disconnected(session.due() or 0.0)
        assert lost == Lost("connection lost", expected)
        session.tick(session.due() or 0.0)
    now = session._now
    session.connected(0, now)
    session.subscribed("s/ds", 0, now)
    assert session.disconnected(now + 29)[0] == Lost("connection lost", 8.0)
    now = session.due() or 0.0
    session.tick(now)
    session.connected(0, now)
    session.subscribed("s/ds", 0, now)
    assert session.disconnected(now + 31)[0] == Lost("connection lost", 1.0)


def test_no_connack_in_time() -> None:
    session = Session("dev", now=100.0)
    session.outgoing()
    assert session.due() == 130.0
    assert kinds(session.tick(130.0)) == [Lost]
    assert session.outgoing() == [Disconnect(abort=True)]
    assert session.disconnected(131.0) == []


def test_what_was_not_acknowledged_is_sent_again_in_order() -> None:
    session = online(acknowledgements=True)
    for number in range(3):
        session.send(("200", "c8y_T", "T", number), now=1.0)
    first = [a for a in session.outgoing() if isinstance(a, Publish) and a.payload.startswith(b"200")]
    assert [decode(a.payload)[0][3] for a in first] == ["0", "1", "2"]
    assert session.acknowledged(first[1].id, 1.1) == [Delivered("s/us", 1, first[1].id)]
    session.disconnected(1.2)
    session.send(("200", "c8y_T", "T", 3), now=1.3)
    session.tick(session.due() or 0.0)
    session.outgoing()
    session.connected(0, 5.0)
    for action in session.outgoing():
        if isinstance(action, Publish):
            session.acknowledged(action.id, 5.0)
    again = [decode(a.payload) for a in session.outgoing() if isinstance(a, Publish)]
    assert [[row[3] for row in payload] for payload in again] == [["0", "2", "3"]]


def test_data_leaves_before_all_is_subscribed_but_not_before_100() -> None:
    session = Session("dev")
    session.send(("200", "c8y_T", "T", 1))
    session.outgoing()
    session.connected(0, 0.0)
    assert [row[0] for _, payload in rows(session) for row in payload] == ["100", "200"]


def test_linger_packs_rows_and_the_budget_ends_it() -> None:
    session = online(linger=0.5)
    session.tick(0.5)  # the time for the answer to 500 is over
    session.outgoing()
    for number in range(10):
        session.send(("200", "c8y_T", "T", number), now=1.0 + number / 100)
    assert session.outgoing() == []
    assert session.due() == 1.5
    assert kinds(session.tick(1.5)) == [Delivered]
    ((topic, sent),) = rows(session)
    assert (topic, len(sent)) == ("s/us", 10)
    for number in range(2_000):
        session.send(("200", "c8y_T", "T", number), now=2.0)
    payloads = [a.payload for a in session.outgoing() if isinstance(a, Publish)]
    assert payloads
    assert all(16_000 < len(payload) <= 16_173 for payload in payloads)
    session.flush()
    rest = rows(session)
    assert sum(len(decode(payload)) for payload in payloads) + len(rest[0][1]) == 2_000


def test_topics_of_children_modes_and_collections() -> None:
    session = online(children=["c1"], linger=1.0)
    session.outgoing()
    session.send(("200", "a", "b", 1), now=1.0)
    session.send(("200", "a", "b", 2), child="c1", now=1.0)
    session.send(("200", "a", "b", 3), mode="t", now=1.0)
    session.send(("pump", "1450"), x_id="acme", child="c1", now=1.0)
    session.send(("200", "a", "b", 4), now=1.0)
    session.publish("s/ut/acme", b"10,pump,POST,MEASUREMENT", now=1.0)
    session.tick(2.0)
    assert [(topic, [row[-1] for row in payload]) for topic, payload in rows(session)] == [
        ("s/ut/acme", ["MEASUREMENT"]),
        ("s/us", ["1", "4"]),
        ("s/us/c1", ["2"]),
        ("t/us", ["3"]),
        ("s/uc/acme/c1", ["1450"]),
    ]


def test_rows_that_cannot_be_sent_are_the_callers_fault_and_none_is_taken() -> None:
    session = online()
    session.outgoing()
    with pytest.raises(PayloadTooLargeError):
        session.send(("200", "a", "b", 1), ("400", "x", "y" * 17_000))
    with pytest.raises(SmartRestError, match="child ID"):
        session.send(("200", "a", "b", 1), child="a/b")
    with pytest.raises(SmartRestError):
        session.send(("200", "a", "b", 1), "500")  # type: ignore[arg-type]  # the point of the test
    with pytest.raises(PayloadTooLargeError):
        session.publish("s/ut/x", b"x" * 16_180)
    assert session.pending == 0
    assert session.outgoing() == []


def test_a_list_too_long_is_split_where_the_template_allows() -> None:
    session = online()
    session.outgoing()
    software = [text for n in range(900) for text in (f"software-{n}", "1.0", "apt", "http://example.com/")]
    session.send(("140", *software))
    sent = [row for _, payload in rows(session) for row in payload]
    assert [row[0] for row in sent] == ["140"] + ["141"] * (len(sent) - 1)
    assert len(sent) > 1
    assert [text for row in sent for text in row[1:]] == software


def test_the_queue_drops_the_oldest_measurement_first_and_says_so() -> None:
    session = Session("dev", limits=Limits(queue=10_000))
    dropped = []
    for number in range(30):
        dropped += session.send(("400", "event", f"text {number}"))
    for number in range(200):
        dropped += session.send(("200", "c8y_T", "T", number))
    assert [type(event) for event in dropped if not isinstance(event, Dropped)] == [QueueHalfFull]
    gone = [decode(event.payload)[0] for event in dropped if isinstance(event, Dropped)]
    assert gone == [("200", "c8y_T", "T", str(number)) for number in range(len(gone))]
    assert session.pending == 230 - len(gone)
    for number in range(100):
        dropped = session.send(("400", "event", f"more {number}"))
    assert isinstance(dropped[-1], Dropped)
    assert decode(dropped[-1].payload)[0][0] == "400"


def test_token_is_renewed_at_half_life() -> None:
    session = online(token=True, limits=Limits(token=30.0))
    assert [topic for topic, _ in rows(session)] == ["s/us", "s/uat"]
    (received,) = session.received("s/dat", f"71,{token(1, 600.0)}".encode(), 2.0)
    assert received == TokenReceived(token(1, 600.0), 300.0)
    assert token(1, 600.0) not in repr(received)
    assert session.token == token(1, 600.0)
    session.tick(3.0)
    assert session.due() == 302.0
    session.tick(302.0)
    assert rows(session) == [("s/uat", [])]
    assert session.due() == pytest.approx(332.0)
    for moment, wait in ((332.0, 60.0), (392.0, 120.0), (512.0, 240.0), (752.0, 480.0), (1232.0, 600.0)):
        session.tick(moment)
        assert rows(session) == [("s/uat", [])]
        assert session.due() == pytest.approx(moment + wait)


@pytest.mark.parametrize(
    "text", ["x", "a.b.c", "e30.e30.x", "e30.!!!.x", "..", "e30." + "A" * 5_000 + ".x", token(1, -5), token(1, 1e300)]
)
def test_a_token_that_does_not_tell_its_life_has_the_usual(text: str) -> None:
    session = online(token=True)
    (received,) = session.received("s/dat", f"71,{text}".encode(), 2.0)
    assert received == TokenReceived(text, 1800.0)


@pytest.mark.parametrize("padding", ["=", ""])
def test_a_token_in_base64_as_a_whole(padding: str) -> None:
    plain = token(1, 600.0)
    whole = base64.b64encode(plain.encode()).decode()
    session = online(token=True)
    (received,) = session.received("s/dat", f"71,{whole if padding else whole.rstrip('=')}".encode(), 2.0)
    assert received == TokenReceived(plain, 300.0)
    assert session.token == plain


def test_a_token_of_no_life_is_not_asked_for_without_end() -> None:
    session = online(token=True)
    (received,) = session.received("s/dat", f"71,{token(1, 1e-6)}".encode(), 2.0)
    assert received == TokenReceived(token(1, 1e-6), 1.0)


def test_a_token_outlives_the_connection() -> None:
    session = online(token=True)
    session.received("s/dat", f"71,{token(1, 600.0)}".encode(), 2.0)
    session.disconnected(10.0)
    session.tick(session.due() or 0.0)
    session.outgoing()
    session.connected(0, 20.0)
    session.subscribed("s/ds", 1, 20.0)
    session.subscribed("s/dat", 1, 20.0)
    assert "s/uat" not in [topic for topic, _ in rows(session)]


def test_error_rows_keep_their_commas() -> None:
    session = online(debug=True)
    payload = b"50,100,Error on device creation, message: no, not now\n41,,MqttAuth: no\n40\n"
    assert session.received("s/e", payload, 1.0) == [
        ErrorReceived("50", "100", "Error on device creation, message: no, not now"),
        ErrorReceived("41", "", "MqttAuth: no"),
        ErrorReceived("40", "", ""),
    ]


def test_replies_other_payloads_and_bad_payloads() -> None:
    session = online(x_ids=["acme"])
    assert session.received("s/ds", b"124,4711\n106,c1,c2", 1.0) == [
        MessageReceived("s/ds", ("124", "4711")),
        MessageReceived("s/ds", ("106", "c1", "c2")),
    ]
    assert session.received("s/dc/acme", b"100,x", 1.0) == [MessageReceived("s/dc/acme", ("100", "x"))]
    assert session.received("devicecontrol/notifications", b"{}", 1.0) == [
        PayloadReceived("devicecontrol/notifications", b"{}")
    ]
    events = session.received("s/ds", b'124,1\n511,dev,"cut off', 1.0)
    assert kinds(events) == [MessageReceived, PayloadRefused]
    assert isinstance(events[1], PayloadRefused)
    assert (events[1].reason, events[1].position) == ("unterminated_quote", 14)
    for payload in (b"\xff\xfe", b"\0", b'"', b"\n" * 50, b",,,,", b"511", b"511,"):
        for topic in ("s/ds", "s/dc/x", "s/e", "s/dat", "s/dcr", "", "+", "a/b", "s/ds/x"):
            session.received(topic, payload, 2.0)
    assert session.online


def test_a_payload_over_the_limit_is_not_read() -> None:
    session = online()
    (refused,) = session.received("s/ds", b"511,dev," + b"x" * 1_000_000, 1.0)
    assert isinstance(refused, PayloadRefused)
    assert (refused.reason, refused.position) == ("too_large", 1_000_000)


def test_stopping_sends_the_remaining_rows_first() -> None:
    session = online(acknowledgements=True, linger=10.0)
    session.outgoing()
    session.send(("200", "c8y_T", "T", 1), now=1.0)
    assert session.stop(1.5) == []
    (publish,) = session.outgoing()
    assert isinstance(publish, Publish)
    assert session.state is State.CLOSING
    events = []
    for id in range(1, publish.id + 1):
        events += session.acknowledged(id, 1.6)
    assert kinds(events) == [Delivered, Closed]
    assert session.outgoing() == [Disconnect()]
    assert session.due() is None
    assert session.stop(2.0) == session.tick(3.0) == session.disconnected(3.0) == []


def test_stopping_has_a_time_limit_and_reports_dropped_rows() -> None:
    session = online(acknowledgements=True)
    session.send(("200", "c8y_T", "T", 1), now=1.0)
    session.stop(2.0)
    session.tick(3.0)  # the time for the answer to 500 is over
    assert session.due() == 12.0
    events = session.tick(12.0)
    assert kinds(events) == [Dropped, Closed]
    assert session.pending == session.unacknowledged == 0
    waiting = Session("dev")
    waiting.send(("200", "c8y_T", "T", 1))
    assert kinds(waiting.stop(1.0)) == [Dropped, Closed]
    assert waiting.outgoing() == [Connect("dev"), Disconnect(abort=True)]


def test_left_over_operations_are_settled_once() -> None:
    session = Session("dev", children=["c1"], restarted="The agent was restarted", finished=["c8y_Restart"])
    session.connected(0, 0.0)
    session.outgoing()
    session.subscribed("s/ds", 1, 0.0)
    assert rows(session) == [
        ("s/us", [("503", "c8y_Restart"), ("507", "", "The agent was restarted")]),
        ("s/us/c1", [("507", "", "The agent was restarted")]),
        ("s/us", [("500",)]),
    ]
    session.disconnected(1.0)
    session.tick(session.due() or 0.0)
    session.outgoing()
    session.connected(0, 5.0)
    session.subscribed("s/ds", 1, 5.0)
    assert [payload[0][0] for _, payload in rows(session)] == ["100", "500"]


def test_children_added_later_are_created_now_and_with_each_connection() -> None:
    session = online()
    session.outgoing()
    session.add_child("late")
    assert rows(session) == [("s/us", [("101", "late", "late")])]
    session.disconnected(1.0)
    session.tick(session.due() or 0.0)
    session.connected(0, 5.0)
    assert ("101", "late", "late") in rows(session)[0][1]


def test_what_cannot_be_registered_fails_at_once() -> None:
    for options in ({"children": ["a/b"]}, {"name": "\ud800"}, {"x_ids": ["+"]}, {"type": "x" * 17_000}):
        with pytest.raises(SmartRestError):
            Session("dev", **options)  # type: ignore[arg-type]  # options of several types in one table
    with pytest.raises(ValueError, match="same ID as the device"):
        Session("dev", children=["dev"])
    with pytest.raises(ValueError, match="qos must be 0 or 1"):
        Session("dev", qos=2)


def test_no_secret_in_any_text() -> None:
    session = Session("dev", credentials=SECRET)
    (connect,) = session.outgoing()
    for text in (repr(session), repr(connect), repr(SECRET), str(SECRET), f"{CredentialsReceived(SECRET)!r}"):
        assert "s3cret" not in text
    assert SECRET.username == "t1/device_x"


def test_time_never_runs_backwards() -> None:
    session = online()
    session.tick(100.0)
    session.tick(50.0)
    (lost,) = session.disconnected(60.0)
    assert isinstance(lost, Lost)
    assert session.due() == 100.0 + lost.retry_in
