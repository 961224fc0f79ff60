"""The topics of SmartREST and JSON via MQTT: one builder per topic, and `parse`, which takes any text.

Builders and `parse` both read the table `KINDS`. Other files call the builders, except for a few fixed topics, such as
the default `s/us`. Source: MQTT integration guide, sections "SmartREST payload", "JSON via MQTT" and "Device
authentication".
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from ..errors import SmartRestError
from ._text import LEVEL, WILDCARDS, check_level, check_string, refuse

Mode = Literal["s", "t", "q", "c"]
Direction = Literal["up", "down"]

MODES: dict[str, str] = {
    "s": "persistent: stored and processed",
    "t": "transient: real-time processing only, not stored",
    "q": "quiescent: stored, no real-time notifications",
    "c": "CEP: real-time engine only, no notifications",
}


class Kind(NamedTuple):
    """One row of the table of topics. `modes`: the topic also takes the modes t, q and c."""

    direction: Direction
    meaning: str
    x_id: Literal["no", "may", "must"] = "no"
    child: Literal["no", "may"] = "no"
    modes: bool = False


KINDS: dict[str, Kind] = {
    "us": Kind("up", "static templates", child="may", modes=True),
    "ds": Kind("down", "static template rows: operations and replies"),
    "uc": Kind("up", "custom template collection", x_id="must", child="may", modes=True),
    "dc": Kind("down", "responses and operations of a collection", x_id="must"),
    "ud": Kind("up", "default collection", child="may", modes=True),
    "dd": Kind("down", "responses and operations of the default collection"),
    "ut": Kind("up", "create a collection, or ask for it", x_id="must"),
    "dt": Kind("down", "answers about collections"),
    "ul": Kind("up", "SmartREST 1.0 requests", x_id="may", modes=True),
    "dl": Kind("down", "SmartREST 1.0 responses", x_id="must"),
    "ol": Kind("down", "SmartREST 1.0 operations", x_id="must"),
    "ucr": Kind("up", "poll device credentials"),
    "dcr": Kind("down", "device credentials"),
    "uat": Kind("up", "ask for a token"),
    "dat": Kind("down", "token"),
    "e": Kind("down", "error rows, for debugging"),
}

SERVICE_ERRORS = "$debug/$error"
JSON_ERRORS = "error"
JSON_OPERATIONS = "devicecontrol/notifications"
JSON_ACTIONS: dict[str, tuple[str, ...]] = {
    "event/events": ("create", "createBulk", "update", "delete"),
    "alarm/alarms": ("create", "createBulk", "update"),
    "measurement/measurements": ("create", "createBulk", "delete"),
    "inventory/managedObjects": ("create", "update"),
}
_CHILD_DEVICES = "childDevices"  # inventory/managedObjects/<id>/childDevices/create


class Topic(NamedTuple):
    """A parsed topic. `kind` is a key of `KINDS`, "json", or `None` for a topic that is not the platform's."""

    mode: str | None = None
    kind: str | None = None
    x_id: str | None = None
    child: str | None = None

    @property
    def is_smartrest(self) -> bool:
        return self.kind in KINDS

    @property
    def is_legacy(self) -> bool:
        """Whether it is a topic of SmartREST 1.0, which doubles quotes."""
        return self.kind in ("ul", "dl", "ol")

    @property
    def is_json(self) -> bool:
        return self.kind == "json"

    @property
    def is_error(self) -> bool:
        """Whether it carries error rows of SmartREST (`s/e`); JSON errors arrive on `json_errors()`."""
        return self.kind == "e"

    @property
    def direction(self) -> Direction | None:
        """ "up" for publishing, "down" for subscribing; `None` if `kind` is "json" or `None`."""
        kind = KINDS.get(self.kind or "")
        return kind.direction if kind else None

    @property
    def holds_secret(self) -> bool:
        """Whether it carries credentials or a token, which must not be logged."""
        return self.kind in ("dcr", "dat")


def parse(text: str, *, prefix: str | None = None) -> Topic:
    """The parts of a topic. A text that is not the platform's gives `Topic(None, None, None, None)`.

    `prefix`: what a gateway's broker puts before every topic, such as `c8y` for `c8y/s/us`; then a topic without it is
    not the platform's. Raises `SmartRestError` for an invalid prefix, and nothing else.
    """
    if prefix is not None:
        inner = without_prefix(text, prefix)
        return Topic() if inner is None else parse(inner)
    if any(character in text for character in WILDCARDS + "\0"):
        return Topic()
    levels = text.split(LEVEL)
    if "" in levels:
        return Topic()
    mode, rest = levels[0], levels[1:]
    kind = KINDS.get(rest[0]) if mode in MODES and rest else None
    if kind is not None:
        return _parse_smartrest(mode, rest[0], kind, rest[1:])
    if mode in MODES and mode != "s":
        return Topic(mode, "json") if _is_json_publish(rest) else Topic()
    if text in (JSON_ERRORS, JSON_OPERATIONS) or _is_json_publish(levels):
        return Topic("s", "json")
    return Topic()


def _parse_smartrest(mode: str, name: str, kind: Kind, rest: list[str]) -> Topic:
    if mode != "s" and not kind.modes:
        return Topic()
    x_id = rest.pop(0) if kind.x_id != "no" and rest else None
    child = rest.pop(0) if kind.child == "may" and rest else None
    if rest or (kind.x_id == "must" and x_id is None):
        return Topic()
    return Topic(mode, name, x_id, child)


def _is_json_publish(levels: list[str]) -> bool:
    if len(levels) == 5 and levels[3] == _CHILD_DEVICES:
        return levels[:2] == ["inventory", "managedObjects"] and levels[4] == "create"
    if not 3 <= len(levels) <= 4:
        return False
    action = levels[2]
    known = action in JSON_ACTIONS.get(LEVEL.join(levels[:2]), ())
    return known and (len(levels) == 3 or not action.startswith("create"))


def check_prefix(prefix: str) -> str:
    """`prefix` if a broker can put it before topics: one or more levels, such as `c8y`. Raises `SmartRestError`."""
    check_string(prefix, "topic prefix")
    if any(character in prefix for character in WILDCARDS):
        raise refuse(prefix, "topic prefix", "holds a wildcard; give the exact prefix, such as c8y")
    if "" in prefix.split(LEVEL):
        raise refuse(prefix, "topic prefix", "has an empty level; leave out the '/' between prefix and topic")
    return prefix


def with_prefix(topic: str, prefix: str | None) -> str:
    """`topic` as a broker with this prefix names it. Raises `SmartRestError` if the result is too long."""
    return topic if prefix is None else check_string(f"{check_prefix(prefix)}{LEVEL}{topic}", "topic")


def without_prefix(topic: str, prefix: str | None) -> str | None:
    """`topic` as the platform names it, or `None` if it does not start with the prefix."""
    if prefix is None:
        return topic
    head = check_prefix(prefix) + LEVEL
    return topic[len(head) :] if topic.startswith(head) else None


def build(kind: str, x_id: str | None = None, child: str | None = None, *, mode: str = "s") -> str:
    """The topic of a kind of `KINDS`; `parse` returns its parts. Raises `SmartRestError`."""
    rule = KINDS.get(kind)
    if rule is None:
        raise SmartRestError(f"unknown topic {kind!r}; known: {', '.join(KINDS)}", "bad_topic")
    if mode not in MODES or (mode != "s" and not rule.modes):
        allowed = ", ".join(MODES) if rule.modes else "s"
        raise SmartRestError(f"topic {kind!r} has no mode {mode!r}; use {allowed}", "bad_topic")
    if x_id is None and rule.x_id == "must":
        raise SmartRestError(f"topic {kind!r} needs an X-ID", "bad_topic")
    levels = [mode, kind]
    for text, what, allowed in ((x_id, "X-ID", rule.x_id), (child, "child ID", rule.child)):
        if text is not None:
            if allowed == "no":
                raise SmartRestError(f"topic {kind!r} has no {what}", "bad_topic")
            levels.append(check_level(text, what))
    return check_string(LEVEL.join(levels), "topic")


def us(child: str | None = None, *, mode: str = "s") -> str:
    """Publish rows of static templates, for the device itself or a child."""
    return build("us", child=child, mode=mode)


def ds() -> str:
    """Subscribe to operations and replies of static templates, children's included."""
    return build("ds")


def uc(x_id: str, child: str | None = None, *, mode: str = "s") -> str:
    """Publish rows of a custom collection."""
    return build("uc", x_id, child, mode=mode)


def dc(x_id: str) -> str:
    """Subscribe to responses and operations of a custom collection, children's included."""
    return build("dc", x_id)


def ud(child: str | None = None, *, mode: str = "s") -> str:
    """Publish rows of the default collection (third part of the ClientId)."""
    return build("ud", child=child, mode=mode)


def dd() -> str:
    """Subscribe to responses and operations of the default collection."""
    return build("dd")


def ut(x_id: str) -> str:
    """Publish the rows that create a collection, or an empty payload that asks for it."""
    return build("ut", x_id)


def dt() -> str:
    """Subscribe to answers about collections."""
    return build("dt")


def ul(x_id: str | None = None, *, mode: str = "s") -> str:
    """Publish SmartREST 1.0 requests; without an X-ID the payload names it in a row 15."""
    return build("ul", x_id, mode=mode)


def dl(x_id: str) -> str:
    """Subscribe to SmartREST 1.0 responses."""
    return build("dl", x_id)


def ol(x_id: str) -> str:
    """Subscribe to SmartREST 1.0 operations."""
    return build("ol", x_id)


def ucr() -> str:
    """Publish an empty payload to poll for device credentials."""
    return build("ucr")


def dcr() -> str:
    """Subscribe to device credentials."""
    return build("dcr")


def uat() -> str:
    """Publish an empty payload to ask for a token."""
    return build("uat")


def dat() -> str:
    """Subscribe to tokens."""
    return build("dat")


def e() -> str:
    """Subscribe to error rows: for debugging, not a response channel."""
    return build("e")


def json_errors() -> str:
    """Subscribe to errors of JSON via MQTT."""
    return JSON_ERRORS


def json_operations() -> str:
    """Subscribe to operations as JSON: one per line, several per payload."""
    return JSON_OPERATIONS


def service_errors() -> str:
    """Subscribe to errors of the MQTT Service that concern this client."""
    return SERVICE_ERRORS


def json(resource: str, action: str, object_id: str | None = None, *, mode: str = "s") -> str:
    """Publish JSON: `resource` is a key of `JSON_ACTIONS`, `object_id` is the object to update or delete."""
    if resource not in JSON_ACTIONS or action not in JSON_ACTIONS[resource]:
        known = "; ".join(f"{name}: {', '.join(actions)}" for name, actions in JSON_ACTIONS.items())
        raise SmartRestError(f"JSON via MQTT has no topic for {resource!r}, {action!r}; known: {known}", "bad_topic")
    if mode not in MODES:
        raise SmartRestError(f"unknown mode {mode!r}; use {', '.join(MODES)}", "bad_topic")
    levels = [resource, action] if mode == "s" else [mode, resource, action]
    if object_id is not None:
        if action.startswith("create"):
            raise SmartRestError(f"{action!r} takes no ID", "bad_topic")
        levels.append(check_level(object_id, "ID"))
    return check_string(LEVEL.join(levels), "topic")


def json_child_device(object_id: str, *, mode: str = "s") -> str:
    """Publish JSON that creates a child of the managed object `object_id`."""
    if mode not in MODES:
        raise SmartRestError(f"unknown mode {mode!r}; use {', '.join(MODES)}", "bad_topic")
    prefix = "" if mode == "s" else mode + LEVEL
    level = check_level(object_id, "ID")
    return check_string(f"{prefix}inventory/managedObjects/{level}/{_CHILD_DEVICES}/create", "topic")


def check_topic(text: str) -> str:
    """`text` if it is valid to publish to. Raises `SmartRestError`."""
    check_string(text, "topic")
    if any(character in text for character in WILDCARDS):
        raise refuse(text, "topic", "holds a wildcard; publish to an exact topic")
    return text


def check_filter(text: str, *, prefix: str | None = None) -> str:
    """`text` if it is valid to subscribe to: an exact topic that is not for publishing. Raises `SmartRestError`."""
    check_string(text, "topic")
    if any(character in text for character in WILDCARDS):
        raise refuse(text, "topic", "holds a wildcard; the platform accepts exact topics only")
    if parse(text, prefix=prefix).direction == "up":
        raise refuse(text, "topic", "is for publishing, not for subscribing")
    return text
