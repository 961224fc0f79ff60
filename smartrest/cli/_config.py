"""The configuration of `smartrest device run`: reads the TOML file and refuses unknown keys by name.

The file holds no secrets: it names an environment variable or a file that does.
"""

from __future__ import annotations

import math
import os
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import _install
from ._report import UsageError

if TYPE_CHECKING:
    from ..device import Credentials

LONGEST_INTERVAL = 32_767  # minutes: the platform keeps 16 bits
SHAPES = ("sine", "random", "constant")
SOURCES = ("generator", "stdin", "none")
OPERATIONS = (
    "c8y_Command",
    "c8y_Restart",
    "c8y_Configuration",
    "c8y_MeasurementRequestOperation",
    "c8y_Relay",
    "c8y_RelayArray",
)


@dataclass
class Connection:
    host: str = "127.0.0.1"
    port: int = 0  # 0: the platform's for TLS and WebSocket
    tls: bool = True
    websocket: bool = False
    ca_file: str = ""


@dataclass
class Login:
    """One of: `tenant` and `user` with a password; a bootstrap password with `store`; `identity`, a folder or PEM.

    With `renew` the device replaces the certificate in that folder in time.
    """

    tenant: str = ""
    user: str = ""
    password_env: str = ""
    password_file: str = ""
    bootstrap_env: str = ""
    rebootstrap: bool = False
    store: str = ""
    identity: str = ""
    renew: bool = False


@dataclass
class About:
    client_id: str = ""
    name: str = ""
    type: str = "smartrest_DemoAgent"
    required_interval: int = 0  # minutes; 0: not sent
    token: bool = False
    outbox: str = ""


@dataclass
class ChildTable:
    id: str = ""
    name: str = ""
    type: str = ""


@dataclass
class Series:
    """One value: from `low` to `high`, as a `sine` of `period` seconds, a `random` walk, or `constant` (`high`)."""

    fragment: str = ""
    series: str = ""
    unit: str = ""
    shape: str = "sine"
    low: float = 0.0
    high: float = 1.0
    period: float = 60.0
    child: str = ""


@dataclass
class Measurements:
    source: str = "generator"
    interval: float = 5.0
    series: list[Series] = field(default_factory=list)


@dataclass
class Allowed:
    allow: list[str] = field(default_factory=lambda: list(OPERATIONS))


@dataclass
class Config:
    connection: Connection = field(default_factory=Connection)
    login: Login = field(default_factory=Login)
    device: About = field(default_factory=About)
    children: list[ChildTable] = field(default_factory=list)
    measurements: Measurements = field(default_factory=Measurements)
    operations: Allowed = field(default_factory=Allowed)


LISTS: dict[tuple[type, str], type] = {(Config, "children"): ChildTable, (Measurements, "series"): Series}


def load(path: str, outbox: str | None = None) -> Config:
    """Load the configuration from a file; `outbox` overrides its `device.outbox`. `UsageError` names file and fault."""
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        try:
            import tomli as tomllib
        except ModuleNotFoundError as error:
            raise UsageError(str(_install.hint(error, "reading a TOML file", "device"))) from None
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
        config: Config = _table(Config, data, "")
        _check(config)
        config.device.outbox = outbox or config.device.outbox
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, ValueError) as error:
        raise UsageError(f"{path}: {error}") from error
    return config


def _table(kind: type, data: Any, where: str) -> Any:
    """One table as a dataclass: every key known, every value of the type of its default."""
    if not isinstance(data, dict):
        raise ValueError(f"{where} is not a table")
    result = kind()
    known = [one.name for one in fields(kind)]
    for key, value in data.items():
        name = f"{where}.{key}".lstrip(".")
        if key not in known:
            raise ValueError(f"unknown key {name}; known: {', '.join(known)}")
        wanted = getattr(result, key)
        if (kind, key) in LISTS:
            if not isinstance(value, list):
                raise ValueError(f"{name} must be a list of tables: [[{name}]]")
            value = [_table(LISTS[kind, key], one, f"{name}[{number}]") for number, one in enumerate(value)]
        elif isinstance(wanted, (str, bool, int, float, list)):
            fits = type(value) is type(wanted) or (type(wanted) is float and type(value) is int)
            if not fits or (isinstance(value, list) and not all(isinstance(one, str) for one in value)):
                raise ValueError(f"{name} must be {type(wanted).__name__}, not {value!r}")
        else:
            value = _table(type(wanted), value, name)
        setattr(result, key, value)
    return result


def _check(config: Config) -> None:
    def one_of(value: str, words: tuple[str, ...], name: str) -> None:
        if value not in words:
            raise ValueError(f"{name} must be one of {', '.join(words)}, not {value!r}")

    if not config.device.client_id:
        raise ValueError("device.client_id is missing")
    one_of(config.measurements.source, SOURCES, "measurements.source")
    if not 0 < config.measurements.interval < math.inf:
        raise ValueError("measurements.interval must be a number of seconds above 0")
    if not 0 <= config.connection.port <= 65_535:
        raise ValueError("connection.port must be 1 to 65535, or 0 for the platform's")
    if not 0 <= config.device.required_interval <= LONGEST_INTERVAL:
        raise ValueError(f"device.required_interval must be 1 to {LONGEST_INTERVAL} minutes, or 0 to leave it out")
    children = [child.id for child in config.children]
    if "" in children:
        raise ValueError("each of children needs an id")
    for number, series in enumerate(config.measurements.series):
        name = f"measurements.series[{number}]"
        if not series.fragment or not series.series:
            raise ValueError(f"{name} needs fragment and series")
        one_of(series.shape, SHAPES, f"{name}.shape")
        if series.child and series.child not in children:
            raise ValueError(f"{name}.child {series.child!r} is not one of children")
        if not 0 < series.period < math.inf:
            raise ValueError(f"{name}.period must be a number of seconds above 0")
        if not -math.inf < series.low <= series.high < math.inf:
            raise ValueError(f"{name}.low and high must be finite numbers, low at most high")
    for fragment in config.operations.allow:
        one_of(fragment, OPERATIONS, "operations.allow")
    ways = [
        bool(config.login.user or config.login.tenant),
        bool(config.login.bootstrap_env),
        bool(config.login.identity),
    ]
    login = config.login
    if login.store and not login.bootstrap_env:
        raise ValueError("login.store needs login.bootstrap_env")
    if login.rebootstrap and not login.bootstrap_env:
        raise ValueError("login.rebootstrap needs login.bootstrap_env")
    if login.renew and not login.identity:
        raise ValueError("login.renew needs login.identity")
    if sum(ways) > 1:
        raise ValueError("login accepts only one of: tenant and user; bootstrap_env; identity")
    if bool(login.user) != bool(login.tenant):
        given, missing = ("user", "tenant") if login.user else ("tenant", "user")
        raise ValueError(f"login.{given} needs login.{missing}")
    if (login.password_env or login.password_file) and not login.user:
        raise ValueError("login.password_env and password_file need tenant and user")
    if login.password_env and login.password_file:
        raise ValueError("login: password_env and password_file exclude each other")


def credentials(login: Login) -> Credentials | None:
    """User name and password, if configured."""
    from ..device import Credentials

    if not login.user:
        return None
    return Credentials(login.tenant, login.user, _secret(login.password_env, login.password_file))


def bootstrap(login: Login) -> str | None:
    return _secret(login.bootstrap_env, "") if login.bootstrap_env else None


def _secret(variable: str, file: str) -> str:
    if file:
        try:
            return Path(file).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"login.password_file: {error}") from error
    if not variable:
        raise UsageError("login.user needs password_env or password_file")
    if variable not in os.environ:
        raise UsageError(f"login names the environment variable {variable}, which is not set")
    return os.environ[variable]
