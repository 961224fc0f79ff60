"""Copy the public docstrings of the pure engine into the parts of the core: `python tools/copy_docstrings.py`.

Edit them only in the pure engine; `tests/house/test_stubs.py` compares the copies. `--check` writes nothing and fails
if a copy is out of date.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))
PARTS = sorted((ROOT / "smartrest" / "shell").glob("*.pxi"))
HEAD = re.compile(r"(?P<indent> *)(?:cdef class|def) (?P<name>\w+)")
SIGNATURE_END = r"\n--\n\n"  # ends a text signature written into a docstring
CLASSES = ("Dispatcher", "Encoder", "LazyRow", "LazyRows", "Schema")


def original(pure: object, owner: str, name: str) -> str | None:
    """The docstring of a member of `owner`, or of the class `name` itself; `Engine` means the module."""
    if not owner:
        return inspect.getdoc(getattr(pure, name)) if name in CLASSES else None
    home = pure if owner == "Engine" else getattr(pure, owner) if owner in CLASSES else None
    if home is None or name.startswith("_") or name not in vars(home):
        return None
    if inspect.isclass(vars(home)[name]):
        return None
    return inspect.getdoc(inspect.getattr_static(home, name))


def written(text: str, indent: str) -> list[str]:
    """A docstring as source lines; an empty line stays empty."""
    escaped = text.replace("\\", "\\\\").replace("\n", f"\n{indent}").split("\n")
    lines = [line.rstrip() for line in escaped]
    lines[0] = f'{indent}"""{lines[0]}'
    if len(lines) == 1:
        return [lines[0] + '"""']
    return [*lines, f'{indent}"""']


def copied(source: str) -> str:
    from smartrest import pure

    lines, result, owner, i = source.split("\n"), [], "", 0
    while i < len(lines):
        line = lines[i]
        result.append(line)
        i += 1
        head = HEAD.match(line)
        if not head or (head["indent"] and not line.startswith("    def ")):
            continue
        if not head["indent"]:
            owner = head["name"] if line.startswith("cdef class") else "-"
        text = original(pure, "" if not head["indent"] else owner, head["name"])
        if text is None:
            continue
        indent = head["indent"] + "    "
        if lines[i].lstrip().startswith('"""'):
            end = i
            while not lines[end].endswith('"""') or (end == i and lines[end].strip() == '"""'):
                end += 1
            signature = lines[i].split(SIGNATURE_END)[0] + SIGNATURE_END if SIGNATURE_END in lines[i] else ""
            i = end + 1
        else:
            signature = ""
        new = written(text, indent)
        if signature:
            new[0] = signature + new[0].strip().removeprefix('"""')
        result += new
    return "\n".join(result)


def main() -> int:
    stale = 0
    for path in PARTS:
        source = path.read_text(encoding="utf-8")
        new = copied(source)
        stale |= new != source
        if "--check" not in sys.argv:
            path.write_text(new, encoding="utf-8")
    return int(stale and "--check" in sys.argv)


if __name__ == "__main__":
    raise SystemExit(main())
