"""The commands of the codec and their options: `decode`, `encode`, `inspect`, `check`. Each runs in its own module."""

from __future__ import annotations

import argparse
import importlib
from collections.abc import Callable

from .framing import FRAMINGS

NO_LIMIT_GIVEN = -1

TYPE_CHECKING = False
if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]


def register(commands: Commands) -> None:
    """Add the commands of the codec."""
    for add in (_decode, _encode, _inspect, _check):
        add(commands)


def _command(commands: Commands, name: str, text: str, files: str) -> argparse.ArgumentParser:
    parser = commands.add_parser(name, help=text[0].lower() + text[1:].rstrip("."), description=text)
    parser.add_argument("files", nargs="+", metavar="FILE", help=files + "; - is standard input")
    parser.add_argument("--engine", metavar="NAME", help="pure, core or core:<kernel>, such as core:avx2")
    return parser


def _reader(commands: Commands, name: str, text: str) -> argparse.ArgumentParser:
    parser = _command(commands, name, text, "payloads")
    parser.add_argument(
        "--framing",
        choices=FRAMINGS,
        help="content of a FILE: one payload (whole), one JSON object with payload and topic per line (jsonl, "
        "default for .jsonl, as mosquitto_sub -F %%j prints it), one payload per line (lines), or one per line after "
        "its topic (topic): `topic payload` as mosquitto_sub -v prints it, or `[topic] payload`",
    )
    parser.add_argument("--base64", action="store_true", help="payloads are in base64")
    parser.add_argument(
        "--collection",
        metavar="[X-ID=]FILE",
        action="append",
        default=[],
        help="a template collection for its custom topics: rows 10 and 11, or JSON as the platform exports it; "
        "if neither names the X-ID, it is the file name without extension",
    )
    return parser


def _prefix(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--topic-prefix",
        metavar="PREFIX",
        help="what the broker puts before the platform's topics: c8y for c8y/s/us; other topics are read as they are",
    )


def _topic(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--topic", metavar="TOPIC", help=text)
    parser.add_argument("--qos", type=int, choices=(0, 1, 2), default=1, help="QoS of the publish (default: 1)")


def _decode(commands: Commands) -> None:
    parser = _reader(commands, "decode", "Read payloads, print one JSON array per row.")
    parser.add_argument("--strict", action="store_true", help="refuse payloads that are not strictly well-formed")
    parser.add_argument(
        "--with",
        dest="keep",
        metavar="WORDS",
        help="print where each row came from: topic, line, time, file, or members of the JSON line, with commas "
        "between them; all for all members",
    )
    parser.add_argument("--named", action="store_true", help="print JSON objects, parameters named by their templates")
    parser.add_argument(
        "--topic", metavar="TOPIC", default="s/us", help="topic of payloads that name none (default: s/us)"
    )
    _prefix(parser)
    parser.set_defaults(run=_late("_decode"))


def _encode(commands: Commands) -> None:
    parser = _command(commands, "encode", "Write one payload; the rows are JSON arrays, one per line.", "JSON lines")
    parser.add_argument(
        "--dialect", choices=("backslash", "double"), default="backslash", help="how quotes are escaped"
    )
    parser.add_argument("--quote", choices=("minimal", "all"), default="minimal", help="which fields are quoted")
    parser.add_argument("--final-newline", action="store_true", help="end the last row with a newline too")
    parser.add_argument(
        "--on-trailing-backslash",
        choices=("allow", "error"),
        default="allow",
        help="for a quoted field that ends with a backslash: some receivers misread it",
    )
    parser.add_argument(
        "--limit",
        type=_limit,
        default=NO_LIMIT_GIVEN,
        metavar="BYTES",
        help="limit of one payload, or none (default: 16000)",
    )
    parser.add_argument(
        "--pack", action="store_true", help="pack into as few payloads as possible: one JSON object per line"
    )
    parser.add_argument(
        "--split-groups", action="store_true", help="with --pack: split a row of a list that is too long"
    )
    _topic(parser, "topic of the payload: sets the exact limit")
    parser.set_defaults(run=_late("_encode"))


def _inspect(commands: Commands) -> None:
    parser = _reader(commands, "inspect", "Show each field, the escapes used, and the size compared with the limit.")
    _topic(parser, "topic of payloads that name none: sets the exact limit")
    parser.set_defaults(run=_late("_inspect"))


def _check(commands: Commands) -> None:
    parser = _reader(commands, "check", "Report every fault and doubt, with line, column and reason.")
    parser.add_argument(
        "--topic", metavar="TOPIC", help="topic of payloads that name none: checks templates and size too"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object per finding")
    _prefix(parser)
    parser.set_defaults(run=_late("_check"))


def _late(module: str) -> Callable[[argparse.Namespace], int]:
    """The `run` of a module that is imported when its command runs."""

    def run(args: argparse.Namespace) -> int:
        code: int = importlib.import_module(f".{module}", __package__).run(args)
        return code

    return run


def _limit(text: str) -> int | None:
    if text == "none":
        return None
    if not text.isascii() or not text.isdigit():
        raise argparse.ArgumentTypeError(f"expected a number of bytes, or none: {text!r}")
    return int(text)
