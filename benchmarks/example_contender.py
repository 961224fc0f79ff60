"""A contender of your own: `python -m benchmarks --contender benchmarks/example_contender.py --rows D1,D2,E1`.

Define any of these four functions; each takes part in the rows that need it:

    decode(payload: bytes) -> list of rows, a row being a list or tuple of str    D1, D2, D3, D15
    decode_row(payload: bytes) -> one row                                         D4
    encode(rows) -> bytes                                                         E1, E2, E3, E4, E12, F1
    encode_row(row) -> bytes                                                      E5, E10

It is checked before it is timed, and marked right or wrong. This one uses a regular expression, which knows nothing of
blanks beside quotes.
"""

from __future__ import annotations

import re

NAME = "regex"
FIELD = re.compile(r'(?:"((?:[^"\\]|""|\\.)*)"|([^,\n]*))(,|\n|$)', re.S)
ESCAPE = re.compile(r'\\(")|"(")')


def decode(payload):
    rows, row = [], []
    for quoted, plain, end in FIELD.findall(payload.decode()):
        row.append(ESCAPE.sub('"', quoted) if quoted else plain)
        if end != ",":
            rows.append(row)
            row = []
        if not end:
            break
    return rows


def encode(rows):
    return "\n".join([",".join([field_text(str(field)) for field in row]) for row in rows]).encode()


def field_text(text):
    return f'"{text.replace(chr(34), chr(34) * 2)}"' if re.search('[",\n\r]|^ | $', text) else text
