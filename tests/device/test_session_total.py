"""Any inputs in any order: a session never raises, never gets stuck, and keeps its promises."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from smartrest import decode, payload_budget
from smartrest.device import (
    Connect,
    Credentials,
    Limits,
    Operation,
    OperationReceived,
    OperationTemplate,
    Publish,
    Session,
    Subscribe,
)

TOPICS = ["s/ds", "s/dc/acme", "s/e", "s/dat", "s/dcr", "s/dt", "error", "s/us", "x", ""]
PAYLOADS = st.one_of(
    st.binary(max_size=60),
    st.lists(
        st.sampled_from(
            [
                "511,dev,ls",
                "511,c1,ls",
                '511,dev,"a\n""b"""',
                "510,dev",
                "510",
                "511,stranger,x",
                "511,a/b,x",
                "dm1,dev,77",
                "dm1,c1,78",
                "70,t,u,p",
                "70,t,u\0,p",
                "71,a.b.c",
                "41,,no",
                '513,dev,"open',
                "527,dev,$FW,n,1,u",
                "531,dev,$FW,n,1,u",
            ]
        ),
        max_size=6,
    ).map(lambda rows: "\n".join(rows).encode()),
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("connected"), st.sampled_from([0, 0, 0, 0, 2, 3, 5, 99])),
        st.tuples(st.just("subscribed"), st.tuples(st.sampled_from(TOPICS), st.sampled_from([0, 1, 1, 1, 128]))),
        st.tuples(st.just("suback all"), st.none()),
        st.tuples(st.just("received"), st.tuples(st.sampled_from(TOPICS), PAYLOADS, st.booleans())),
        st.tuples(st.just("acknowledged"), st.integers(0, 3)),
        st.tuples(st.just("acknowledge all"), st.none()),
        st.tuples(st.just("disconnected"), st.none()),
        st.tuples(st.just("wait"), st.sampled_from([0.1, 1.0, 5.0, 70.0])),
        st.tuples(st.just("due"), st.none()),
        st.tuples(st.just("send"), st.sampled_from([None, "c1", "new"])),
        st.tuples(st.just("finish"), st.tuples(st.integers(0, 3), st.booleans())),
        st.tuples(st.just("stop"), st.none()),
        st.tuples(st.just("start"), st.none()),
    ),
    max_size=80,
)


class Run:
    """A session with the actions it handed out."""

    def __init__(self, *, acknowledgements: bool, bootstrap: bool) -> None:
        self.now = 0.0
        self.session = Session(
            "dev",
            bootstrap=Credentials("management", "devicebootstrap", "x") if bootstrap else None,
            children=["c1"],
            x_ids=["acme"],
            operations={"dm1": OperationTemplate("acme_Pump", 2)},
            token=True,
            debug=True,
            acknowledgements=acknowledgements,
            limits=Limits(operation=30.0, operations=20, queue=5_000),
            random=lambda: 0.5,
            now=0.0,
        )
        self.publishes: list[Publish] = []
        self.subscribes: list[str] = []
        self.started: list[Operation] = []
        self.answered: dict[Operation, int] = {}

    def note(self, events: list[Any]) -> None:
        for event in events:
            repr(event)
            if isinstance(event, OperationReceived):
                assert event.operation not in self.started
                lane = [op for op in self.started if op.lane == event.operation.lane and self.session.is_running(op)]
                assert lane == []
                self.started.append(event.operation)
        for action in self.session.outgoing():
            if isinstance(action, Connect):
                self.publishes.clear()
                self.subscribes.clear()
            elif isinstance(action, Subscribe):
                self.subscribes.append(action.topic)
            elif isinstance(action, Publish):
                assert len(action.payload) <= payload_budget(action.topic, qos=1)
                decode(action.payload, strict=True)
                assert action.id not in [publish.id for publish in self.publishes]
                self.publishes.append(action)

    def step(self, what: str, argument: Any) -> None:
        session, now = self.session, self.now
        if what == "connected":
            self.note(session.connected(argument, now))
        elif what == "subscribed":
            self.note(session.subscribed(*argument, now))
        elif what == "suback all":
            for topic in list(self.subscribes):
                self.note(session.subscribed(topic, 1, now))
        elif what == "received":
            topic, payload, duplicate = argument
            self.note(session.received(topic, payload, now, duplicate=duplicate))
        elif what == "acknowledged" and self.publishes:
            self.note(session.acknowledged(self.publishes[argument % len(self.publishes)].id, now))
        elif what == "acknowledge all":
            for publish in list(self.publishes):
                self.note(session.acknowledged(publish.id, now))
        elif what == "disconnected":
            self.note(session.disconnected(now))
        elif what == "wait":
            self.now += argument
            self.note(session.tick(self.now))
        elif what == "due":
            self.wait_until_due()
        elif what == "send":
            self.note(session.send(("200", "a", "b", 1), ("400", "x", "y" * 200), child=argument, now=now))
        elif what == "finish" and self.started:
            index, good = argument
            operation = self.started[index % len(self.started)]
            self.note(session.succeed(operation, "r", now=now) if good else session.fail(operation, "f", now=now))
        elif what == "stop":
            self.note(session.stop(now))
        elif what == "start":
            self.note(session.start(now))

    def wait_until_due(self) -> None:
        due = self.session.due()
        if due is None:
            return
        self.now = max(self.now, due)
        self.note(self.session.tick(self.now))
        after = self.session.due()
        assert after is None or after > self.now


@given(STEPS, st.booleans(), st.booleans())
def test_any_inputs(steps: list[tuple[str, Any]], acknowledgements: bool, bootstrap: bool) -> None:
    run = Run(acknowledgements=acknowledgements, bootstrap=bootstrap)
    run.note([])
    for what, argument in steps:
        run.step(what, argument)
        assert run.session.due() is None or run.session.due() < 1e7  # type: ignore[operator]  # not None here
    for _ in range(60):  # left alone it continues by itself, never in circles
        run.wait_until_due()
    run.note(run.session.stop(run.now))
    for _ in range(20):
        run.wait_until_due()
    assert run.session.due() is None or run.session.operations
    assert run.session.state.value == "closed"
    assert run.session.unacknowledged == 0
