"""`smartrest certificates truststore` and `fetch`: what a client trusts, and what a server shows."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from ._certificate_actions import action, host_and_port, read_input, refuse_existing, say
from ._passphrase import new_passphrase, passphrase_options

if TYPE_CHECKING:
    from cryptography import x509

    from ._certificate_actions import Actions


def register(actions: Actions) -> None:
    trust = action(actions, "truststore", _truststore, "write a PKCS#12 truststore for Java from certificates in PEM")
    trust.add_argument(
        "files",
        nargs="+",
        metavar="[ALIAS=]FILE",
        help="certificates to trust; the alias is by default the file's name",
    )
    trust.add_argument("--out", default="truststore.p12", metavar="FILE", help="default truststore.p12")
    trust.add_argument("--force", action="store_true", help="overwrite an existing file")
    passphrase_options(trust, "", "passphrase of the truststore")

    fetch = action(actions, "fetch", _fetch, "save the certificates that a server shows; trusts none of them")
    fetch.add_argument("host", metavar="HOST[:PORT]", help="the server (port 8883)")
    fetch.add_argument("--out", metavar="FILE", help="where to write (default HOST.pem)")
    fetch.add_argument("--force", action="store_true", help="overwrite an existing file")


def _truststore(args: argparse.Namespace) -> int:
    from ..certificates import truststore
    from ..certificates._files import save_files
    from ..certificates._identity import read_certificates

    path = _out(args)
    entries: dict[str, x509.Certificate] = {}
    for item in args.files:
        alias, equals, file = item.partition("=")
        if not equals:
            alias, file = Path(item).stem, item
        for number, certificate in enumerate(read_certificates(read_input(file), file), 1):
            entries[alias if number == 1 else f"{alias}-{number}"] = certificate
    passphrase = new_passphrase(args, "the truststore", wanted=True)
    assert passphrase is not None  # it was asked for
    save_files(path.parent, {path.name: truststore(entries, passphrase)}, overwrite=args.force)
    say(f"{path}  trusts {len(entries)} certificates: {', '.join(entries)}")
    return 0


def _fetch(args: argparse.Namespace) -> int:
    from ..certificates import fetch_certificates
    from ..certificates._files import chain_pem, save_files
    from ..certificates._show import describe, sentences

    host, port = host_and_port(args.host, "a server as", 8883)
    args.out = args.out or f"{host}.pem"
    path = _out(args)
    data = chain_pem(fetch_certificates(host, port))
    save_files(path.parent, {path.name: data}, overwrite=args.force)
    for thing in describe(data)[0]:
        for line in sentences(thing):
            say(line)
    say(f"saved in {path}, and not trusted yet: compare a fingerprint with the operator of the server, then use")
    say(f"  --ca-file {path}, ca_file={str(path)!r}, or smartrest certificates truststore {path}")
    return 0


def _out(args: argparse.Namespace) -> Path:
    path = Path(args.out)
    args.out = path.parent
    refuse_existing(args, path.name)
    return path
