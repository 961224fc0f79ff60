"""`smartrest certificates`, for people new to X.509. Here: making, signing, checking, showing; see `_stores`, `_enrol`.

`smartrest.certificates` does the work; this module has the options, files and messages.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from . import _enrol, _stores
from ._certificate_actions import action, host_and_port, read_input, refuse_existing, say, shown
from ._enrol import device_folder, key_kind, load_ca, tell_validity
from ._numbers import count, natural
from ._passphrase import given_passphrase, new_passphrase, passphrase_options, unlocked
from ._report import Colours, UsageError, visible

if TYPE_CHECKING:
    from ..certificates import CA, ChainFinding, Identity

    Actions = argparse._SubParsersAction[argparse.ArgumentParser]

KEYSTORE_FILE = "keystore.p12"


def register(commands: Actions) -> None:
    parser = commands.add_parser(
        "certificates", help="make, check and show device certificates", description="X.509 identities for devices."
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _register_making(actions)

    check = action(actions, "check", _check, "check a device's chain against the platform's requirements")
    check.add_argument(
        "chain", metavar="CHAIN", help="PEM file, keystore, or the folder of a device, - for standard input"
    )
    check.add_argument(
        "--client-id", required=True, metavar="ID", help="the MQTT ClientId that the device connects with"
    )
    check.add_argument(
        "--max-length", type=count, metavar="N", help="certificates accepted (default 10, with a doubt over 2)"
    )
    check.add_argument("--key", metavar="FILE", help="private key of the chain (default: key.pem of the folder)")
    check.add_argument("--json", action="store_true", help="one JSON object a finding")
    check.add_argument("--connect", metavar="HOST[:PORT]", help="also shake hands with this server (port 8883)")
    check.add_argument("--ca-file", metavar="FILE", help="CA of that server, if the system does not know it")
    passphrase_options(check, "", "passphrase of the private key")

    show = action(actions, "show", _show, "describe the certificates, requests or keys in a file")
    show.add_argument("file", metavar="FILE", help="PEM file, keystore or truststore, - for standard input")
    form = show.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="one JSON object a certificate")
    form.add_argument(
        "--upload-body", action="store_true", help="print the JSON body that uploads the first one as trusted CA"
    )
    passphrase_options(show, "", "passphrase of a keystore or truststore")
    _stores.register(actions)
    _enrol.register(actions)


def _register_making(actions: Actions) -> None:
    ca = action(actions, "ca", _ca, "create your own certificate authority (CA)")
    ca.add_argument("name", metavar="NAME", help="name of the CA")
    ca.add_argument("--path-length", type=natural, default=10, metavar="N", help="CAs allowed below it (default 10)")
    _making_options(ca, days=7300, out="ca", against="--no-passphrase")

    middle = action(actions, "intermediate", _intermediate, "create a CA below another one")
    middle.add_argument("name", metavar="NAME", help="name of the CA")
    middle.add_argument(
        "--path-length",
        type=natural,
        metavar="N",
        help="CAs allowed below it (default 10, or fewer if the CA above allows fewer)",
    )
    _making_options(middle, days=3650, out="intermediate", against="--no-passphrase")
    _signer_options(middle)

    device = action(actions, "device", _device, "create the key and certificate of a device")
    device.add_argument("device_id", metavar="DEVICE_ID", help="the device identifier, as in its MQTT ClientId")
    device.add_argument(
        "--pkcs12", action="store_true", help=f"also write {KEYSTORE_FILE} for Java; needs a passphrase"
    )
    _making_options(device, days=365, out=None, against="--ask-passphrase")
    _signer_options(device)

    alone = action(actions, "self-signed", _self_signed, "create a key and a certificate that signs itself")
    alone.add_argument("device_id", metavar="DEVICE_ID", help="the device identifier, as in its MQTT ClientId")
    _making_options(alone, days=365, out=None, against="--ask-passphrase")

    request = action(actions, "request", _request, "create a key and a signing request (CSR); the key stays here")
    request.add_argument("name", metavar="NAME", help="the device identifier, or the name of the intermediate")
    request.add_argument("--intermediate", action="store_true", help="ask to be a CA below the one that signs")
    request.add_argument("--path-length", type=natural, metavar="N", help="CAs allowed below an intermediate")
    _out_options(request, "default: the device identifier, or intermediate")
    _key_options(request, "--ask-passphrase", "--no-passphrase")

    sign = action(actions, "sign", _sign, "sign a request (CSR); its key stays where it was made")
    sign.add_argument("request", metavar="CSR", help="file with the signing request in PEM, - for standard input")
    kind = sign.add_mutually_exclusive_group()
    kind.add_argument("--device", action="store_true", help="refuse requests that ask to be a CA")
    kind.add_argument("--device-id", metavar="ID", help="accept only a request for this device")
    kind.add_argument("--intermediate", action="store_true", help="sign it as a CA, even if it does not ask to be one")
    sign.add_argument("--path-length", type=natural, metavar="N", help="CAs allowed below an intermediate")
    sign.add_argument("--days", type=count, metavar="N", help="days of validity (default 365, of an intermediate 3650)")
    _out_options(sign, "default: the device identifier, or intermediate")
    _signer_options(sign)


def _making_options(parser: argparse.ArgumentParser, *, days: int, out: str | None, against: str) -> None:
    """`against`: the option that goes against the default of a new key."""
    _out_options(parser, f"default {out}" if out else "default: the device identifier")
    parser.set_defaults(out=out)
    parser.add_argument("--days", type=count, default=days, metavar="N", help=f"days of validity (default {days})")
    _key_options(parser, against)


def _out_options(parser: argparse.ArgumentParser, default: str) -> None:
    parser.add_argument("--out", metavar="FOLDER", help=f"where to write ({default})")
    parser.add_argument("--force", action="store_true", help="overwrite existing files")
    parser.add_argument(
        "--subject",
        action="append",
        default=[],
        metavar="PART=TEXT",
        help="country, state, organization, unit or email",
    )


def _key_options(parser: argparse.ArgumentParser, *against: str) -> None:
    parser.add_argument(
        "--key", type=key_kind, default=3072, help="RSA bits from 2048 to 4096 (default 3072), or P-256"
    )
    group = passphrase_options(parser, "", "passphrase for the new key")
    for option in against:
        does = "ask for a passphrase (default: none)" if "ask" in option else "do not encrypt the key (default: ask)"
        group.add_argument(option, action="store_true", help=does)


def _signer_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ca", default="ca", metavar="FOLDER", help="the CA: its folder, or a PEM file (default ca)")
    parser.add_argument("--ca-key", metavar="FILE", help="the CA's private key, if it is not in the folder")
    passphrase_options(parser, "ca-", "passphrase of the CA's key")


# --- creating ---


def _ca(args: argparse.Namespace) -> int:
    from ..certificates import CA

    refuse_existing(args, "ca.pem", "ca.key.pem")
    passphrase = new_passphrase(args, "the new CA's key", wanted=not args.no_passphrase)
    ca = CA.create(args.name, key=args.key, days=args.days, path_length=args.path_length, subject=_subject(args))
    return _save_ca(args, ca, passphrase)


def _intermediate(args: argparse.Namespace) -> int:
    refuse_existing(args, "ca.pem", "ca.key.pem")
    above = load_ca(args)
    passphrase = new_passphrase(args, "the new CA's key", wanted=not args.no_passphrase)
    subject = _subject(args)
    ca = above.intermediate(args.name, key=args.key, days=args.days, path_length=args.path_length, subject=subject)
    return _save_ca(args, ca, passphrase)


def _save_ca(args: argparse.Namespace, ca: CA, passphrase: str | None) -> int:
    folder = ca.save(args.out, passphrase=passphrase, overwrite=args.force)
    state = _state(passphrase)
    say(f"CA {ca.name!r}, valid until {ca.certificate.not_valid_after_utc:%Y-%m-%d}")
    say(f"  {folder / 'ca.pem'}  its certificate: upload this to the platform, as trusted certificate")
    say(f"  {folder / 'ca.key.pem'}  its private key, {state}: whoever has it can create devices, so keep it off them")
    say(f"next: smartrest certificates device DEVICE_ID --ca {folder}")
    return 0


def _device(args: argparse.Namespace) -> int:
    from ..certificates._files import save_files

    folder = device_folder(args, args.device_id)
    names = ["key.pem", "chain.pem", *([KEYSTORE_FILE] if args.pkcs12 else [])]
    refuse_existing(args, *names)
    ca = load_ca(args)
    passphrase = new_passphrase(args, "the device's key", wanted=args.ask_passphrase or args.pkcs12)
    identity = ca.issue(args.device_id, key=args.key, days=args.days, subject=_subject(args))
    contents = [identity.key_pem(passphrase), identity.chain_pem]
    if args.pkcs12 and passphrase is not None:
        contents.append(identity.pkcs12(passphrase))
    save_files(folder, dict(zip(names, contents, strict=True)), overwrite=args.force)
    _tell_device(identity, folder)
    state = _state(passphrase)
    say(f"  {folder / 'key.pem'}  its private key, {state}: it stays on the device")
    if args.pkcs12:
        say(f"  {folder / KEYSTORE_FILE}  both in one keystore for Java, with the same passphrase")
    _tell_check(identity, folder)
    return 0


def _self_signed(args: argparse.Namespace) -> int:
    from ..certificates import Identity

    folder = device_folder(args, args.device_id)
    refuse_existing(args, "key.pem", "chain.pem")
    identity = Identity.self_signed(args.device_id, key=args.key, days=args.days, subject=_subject(args))
    passphrase = new_passphrase(args, "the device's key", wanted=args.ask_passphrase)
    identity.save(folder, passphrase=passphrase, overwrite=args.force)
    tell_validity(identity)
    say(f"  {folder / 'chain.pem'}  its certificate: the device sends it; upload it to the platform, as trusted too")
    say(f"  {folder / 'key.pem'}  its private key, {_state(passphrase)}")
    _tell_check(identity, folder)
    return 0


def _request(args: argparse.Namespace) -> int:
    from ..certificates import SigningRequest

    if args.out is None:
        args.out = "intermediate" if args.intermediate else device_folder(args, args.name)
    key_file = "ca.key.pem" if args.intermediate else "key.pem"
    refuse_existing(args, "request.pem", key_file)
    depth = args.path_length if args.intermediate else None
    request = SigningRequest.create(
        args.name, ca=args.intermediate, path_length=depth, key=args.key, subject=_subject(args)
    )
    wanted = not args.no_passphrase if args.intermediate else args.ask_passphrase
    passphrase = new_passphrase(args, "the new key", wanted=wanted)
    folder = request.save(args.out, passphrase=passphrase, overwrite=args.force)
    state = _state(passphrase)
    say(f"request for {'the intermediate CA' if args.intermediate else 'the device'} {request.name!r}")
    say(f"  {folder / 'request.pem'}  send this to the CA")
    say(f"  {folder / key_file}  the private key, {state}: it stays here")
    say(f"next, where the CA is: smartrest certificates sign {folder / 'request.pem'}")
    say(f"then save the answer as {folder / ('ca.pem' if args.intermediate else 'chain.pem')}")
    return 0


def _sign(args: argparse.Namespace) -> int:
    from ..certificates._request import find_request, read_request

    request = find_request(read_input(args.request))
    assert request is not None  # bytes are never a name
    asks_ca = read_request(request, {}, device=False).ca
    days = {} if args.days is None else {"days": args.days}
    above = load_ca(args)
    if args.intermediate or (asks_ca and not args.device and args.device_id is None):
        below = above.intermediate(request, path_length=args.path_length, subject=_subject(args), **days)
        return _save_intermediate(args, below)
    identity = above.issue(request, device_id=args.device_id, subject=_subject(args), **days)
    folder = device_folder(args, identity.device_id)
    identity.save(folder, overwrite=args.force)
    _tell_device(identity, folder)
    _tell_check(identity, folder)
    return 0


def _save_intermediate(args: argparse.Namespace, ca: CA) -> int:
    folder = ca.save(args.out or "intermediate", overwrite=args.force)
    say(f"intermediate CA {ca.name!r}, valid until {ca.certificate.not_valid_after_utc:%Y-%m-%d}")
    say(f"  {folder / 'ca.pem'}  its certificate, followed by those above it: send it back to the owner of the key")
    say("whoever has that key can create devices; to sign devices only, use --device")
    return 0


def _tell_device(identity: Identity, folder: Path) -> None:
    tell_validity(identity)
    say(f"  {folder / 'chain.pem'}  its certificate, followed by the CA's: the device sends this")


def _tell_check(identity: Identity, folder: Path) -> None:
    say(f"next: smartrest certificates check {folder} --client-id {identity.device_id}")


def _state(passphrase: str | None) -> str:
    return "unencrypted" if passphrase is None else "encrypted"


def _subject(args: argparse.Namespace) -> dict[str, str]:
    parts = dict(part.partition("=")[::2] for part in args.subject)
    if not all(parts.values()):
        raise UsageError("expected --subject PART=TEXT, for example --subject organization=Acme")
    return parts


# --- reading ---


def _check(args: argparse.Namespace) -> int:
    from ..certificates import REQUIREMENTS, check_chain
    from ..certificates._stores import is_store

    path, key = _chain_and_key(args)
    data = read_input(path)
    store = _open_keystore(args, path, data) if is_store(data) else None
    findings = check_chain(data if store is None else store, args.client_id, max_length=args.max_length)
    if store is None:
        findings += _check_key(args, data, key)
    for finding in findings:
        if args.json:
            print(json.dumps(_finding_data(finding)))
            continue
        colours = Colours(sys.stdout)
        word = colours.red("fault") if finding.fault else colours.bold("doubt")
        number = finding.requirement
        suffix = "" if number is None else colours.dim(f" [requirement {number}: {REQUIREMENTS[number]}]")
        print(f"{word}: {shown(finding.text)}{suffix}")
    faults = sum(finding.fault for finding in findings)
    if not faults and not args.json:
        say(f"ok: a device with the ClientId {args.client_id!r} can use this chain")
    if not faults and args.connect is not None:
        _connect(args, path, key, store)
    return 1 if faults else 0


def _open_keystore(args: argparse.Namespace, path: str, data: bytes) -> Identity:
    from ..certificates import Identity

    given = given_passphrase(args)
    return unlocked(lambda secret: Identity.from_store(data, secret, path), given, "the keystore")


def _chain_and_key(args: argparse.Namespace) -> tuple[str, str | None]:
    """The files to check. Without a terminal, skips an encrypted key that was not named."""
    if args.chain == "-" or not Path(args.chain).is_dir():
        return args.chain, args.key
    from ..certificates._files import whole_folder

    folder = whole_folder(Path(args.chain))
    beside = folder / "key.pem"
    key: str | None = args.key
    if key is None and beside.exists():
        key = str(beside)
        locked = b"ENCRYPTED" in read_input(key) and given_passphrase(args) is None
        if locked and args.connect is None and not sys.stdin.isatty():
            print(f"smartrest: {visible(key)} is encrypted; not compared", file=sys.stderr)
            key = None
    return str(folder / "chain.pem"), key


def _connect(args: argparse.Namespace, path: str, key: str | None, identity: Identity | None) -> None:
    from ..certificates import Identity, try_handshake

    if path == "-":
        raise UsageError("--connect needs a chain from a file, not from standard input")
    host, port = host_and_port(args.connect, "--connect", 8883)
    if identity is None:
        given = given_passphrase(args)
        identity = unlocked(lambda secret: Identity.load(path, key, passphrase=secret), given, "the private key")
    context = identity.ssl_context(client_id=args.client_id, ca_file=args.ca_file, max_length=args.max_length)
    version = try_handshake(host, port, context)
    if not args.json:
        say(f"ok: {host} accepts it, over {version}")


def _check_key(args: argparse.Namespace, data: bytes, key: str | None) -> list[ChainFinding]:
    """Check that the private key belongs to the chain; skipped if the chain cannot be read."""
    from ..certificates import ChainFinding
    from ..certificates._facts import read_chain
    from ..certificates._keys import read_key, same_key

    chain = read_chain(data, [])
    if key is None or not chain or chain[0].public_key is None:
        return []
    pem, given = read_input(key), given_passphrase(args)
    private = unlocked(lambda passphrase: read_key(pem, passphrase, key), given, "the private key")
    if same_key(private.public_key(), chain[0].public_key):
        return []
    text = f"{key} does not belong to the device certificate: use the key that it was created with"
    return [ChainFinding("key_mismatch", text, requirement=11)]


def _finding_data(finding: ChainFinding) -> dict[str, object]:
    names = ("reason", "text", "requirement", "certificate", "grade", "fault", "start", "end")
    return {name: getattr(finding, name) for name in names}


def _show(args: argparse.Namespace) -> int:
    from ..certificates import trusted_certificate
    from ..certificates._facts import read_chain
    from ..certificates._show import describe, describe_store, sentences
    from ..certificates._stores import is_store

    data = read_input(args.file)
    if args.upload_body:
        findings: list[ChainFinding] = []
        chain = read_chain(data, findings)
        if not chain:
            print(f"smartrest: {visible(args.file)}: {findings[0].text}", file=sys.stderr)
            return 1
        print(json.dumps(trusted_certificate(chain[0].certificate)))
        return 0
    if is_store(data):
        given = given_passphrase(args)
        things = unlocked(lambda secret: describe_store(data, secret, args.file), given, "the store")
        bad: list[str] = []
    else:
        things, bad = describe(data)
    for number, thing in enumerate(things):
        if args.json:
            print(json.dumps(thing))
        else:
            print(("\n" if number else "") + "\n".join(map(shown, sentences(thing))))
    for text in bad:
        print(f"smartrest: {visible(args.file)}: {text}", file=sys.stderr)
    return 1 if bad else 0
