"""`smartrest certificates enroll`, `renew`, `upload` and `revoke`: what goes to the platform and comes from it."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ._certificate_actions import action, host_and_port, read_input, say
from ._numbers import count, natural
from ._passphrase import asked_secret, given_passphrase, given_secret, passphrase_options, secret_options, unlocked
from ._report import UsageError

if TYPE_CHECKING:
    from ..certificates import CA, Identity
    from ._certificate_actions import Actions

TOKEN_WAIT = 30.0  # seconds


def register(actions: Actions) -> None:
    enroll = action(actions, "enroll", _enroll, "get a device's first certificate from the platform's authority")
    enroll.add_argument("device_id", metavar="DEVICE_ID", help="the identifier that the device was registered with")
    enroll.add_argument("host", metavar="HOST[:PORT]", help="host name of the tenant (port 443)")
    enroll.add_argument("--out", metavar="FOLDER", help="where to write (default: the device identifier)")
    enroll.add_argument("--key", type=key_kind, default=3072, help="RSA bits (default 3072), or P-256")
    secret_options(enroll, "password", "one-time password of the registration")
    _shared_options(enroll)

    renew = action(actions, "renew", _renew, "replace a device's certificate by the next one, once that has been tried")
    renew.add_argument("folder", metavar="FOLDER", help="the device's folder")
    renew.add_argument("host", metavar="HOST[:PORT]", help="host name of the tenant (port 443)")
    renew.add_argument("--mqtt", metavar="HOST[:PORT]", help="where to try it (default: the same host, port 8883)")
    secret_options(renew, "token", "token of the device (default: fetched over MQTT)")
    _shared_options(renew)

    upload = action(actions, "upload", _upload, "upload a CA as trusted certificate of a tenant")
    upload.add_argument("ca", metavar="CA", help="the CA's folder, or its certificate in PEM")
    upload.add_argument("host", metavar="HOST[:PORT]", help="host name of the tenant (port 443)")
    upload.add_argument("--tenant", required=True, metavar="ID", help="ID of the tenant, such as t0815")
    upload.add_argument("--name", help="a description (default: the common name)")
    upload.add_argument(
        "--user", help="user name of an administrator; asks for the password, or takes it from --password-…"
    )
    secret_options(upload, "password", "password of the user")
    secret_options(upload, "token", "token, instead of user and password")
    upload.add_argument("--no-auto-registration", action="store_true", help="devices do not register themselves")
    upload.add_argument("--ca-file", metavar="FILE", help="CA of that server, if the system does not know it")

    revoke = action(actions, "revoke", _revoke, "add certificates to the CA's revocation list (CRL)")
    revoke.add_argument("revoked", nargs="+", metavar="CERT", help="file with the certificate, or serial number as 0x…")
    revoke.add_argument("--crl", metavar="FILE", help="the list (default: crl.pem in the CA's folder)")
    revoke.add_argument("--reason", metavar="WORD", help="keyCompromise, superseded, cessationOfOperation, …")
    revoke.add_argument("--days", type=count, default=30, metavar="N", help="until the next list (default 30)")
    revoke.add_argument("--ca", default="ca", metavar="FOLDER", help="the CA: its folder, or a PEM file (default ca)")
    revoke.add_argument("--ca-key", metavar="FILE", help="the CA's private key, if it is not in the folder")
    passphrase_options(revoke, "ca-", "passphrase of the CA's key")


def _shared_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ca-file", metavar="FILE", help="CA of that server, if the system does not know it")
    passphrase_options(parser, "", "passphrase of the key on disk (default: not encrypted)")


def key_kind(text: str) -> int | Literal["P-256"]:
    return "P-256" if text == "P-256" else natural(text)


def load_ca(args: argparse.Namespace) -> CA:
    from ..certificates import CA

    given = given_passphrase(args, "ca_")
    return unlocked(lambda passphrase: CA.load(args.ca, args.ca_key, passphrase=passphrase), given, "the CA's key")


def device_folder(args: argparse.Namespace, device_id: str) -> Path:
    """Where to write the files of a device: `--out`, else a folder of its name."""
    if args.out is None:
        if device_id != Path(device_id).name or device_id in ("", ".", ".."):
            raise UsageError(f"not a valid folder name: {device_id!r}; use --out FOLDER")
        args.out = device_id
    return Path(args.out)


def _enroll(args: argparse.Namespace) -> int:
    from ..certificates import enroll

    host, port = host_and_port(args.host, "a server as", 443)
    folder = device_folder(args, args.device_id)
    password = asked_secret(args, "password", "One-time password")
    identity = enroll(
        host,
        args.device_id,
        password,
        folder,
        port=port,
        key=args.key,
        passphrase=given_passphrase(args),
        ca_file=args.ca_file,
    )
    return _tell(identity, folder)


def _renew(args: argparse.Namespace) -> int:
    from ..certificates import renew

    host, port = host_and_port(args.host, "a server as", 443)
    mqtt = host_and_port(args.mqtt or host, "--mqtt", 8883)
    passphrase = given_passphrase(args)
    token = given_secret(args, "token")
    if token is None:
        token = _token_over_mqtt(args, mqtt, passphrase)
    identity = renew(host, args.folder, token, port=port, mqtt=mqtt, passphrase=passphrase, ca_file=args.ca_file)
    return _tell(identity, Path(args.folder))


def _token_over_mqtt(args: argparse.Namespace, mqtt: tuple[str, int], passphrase: str | None) -> str:
    from ..certificates import CertificateError, Identity

    try:
        from ..device import Device
    except ModuleNotFoundError as error:
        raise UsageError(f"{error}; or pass the token by --token-file or --token-env") from None
    host, port = mqtt
    identity = Identity.load(args.folder, passphrase=passphrase)
    device = Device(host, identity.device_id, identity=identity, port=port, ca_file=args.ca_file, token=True)
    deadline = time.monotonic() + TOKEN_WAIT
    try:
        device.start(TOKEN_WAIT)
        while device.token is None and time.monotonic() < deadline:
            time.sleep(0.05)
    except (ConnectionError, TimeoutError) as error:
        raise CertificateError(f"no token over MQTT: {error}", "not_authorized") from None
    finally:
        device.stop()
    if device.token is None:
        text = f"the platform gave no token over MQTT within {TOKEN_WAIT:.0f} seconds"
        raise CertificateError(text, "not_authorized")
    return device.token


def tell_validity(identity: Identity) -> None:
    say(f"device {identity.device_id!r}, valid until {identity.certificate.not_valid_after_utc:%Y-%m-%d}")


def _tell(identity: Identity, folder: Path) -> int:
    tell_validity(identity)
    say(f"  {folder / 'chain.pem'}  its certificate, issued by {identity.certificate.issuer.rfc4514_string()}")
    say(f"  {folder / 'key.pem'}  its private key: it stays on the device")
    return 0


def _upload(args: argparse.Namespace) -> int:
    from ..certificates import upload
    from ..certificates._identity import read_certificates

    host, port = host_and_port(args.host, "a server as", 443)
    path = Path(args.ca, "ca.pem") if Path(args.ca).is_dir() else Path(args.ca)
    certificate = read_certificates(read_input(str(path)), str(path))[0]
    token = given_secret(args, "token")
    if (token is None) == (args.user is None):
        raise UsageError("pass either --user NAME, or the token by --token-file or --token-env")
    password = None if args.user is None else asked_secret(args, "password", f"Password of {args.user}")
    made = upload(
        host,
        args.tenant,
        certificate,
        user=args.user,
        password=password,
        token=token,
        name=args.name,
        auto_registration=not args.no_auto_registration,
        port=port,
        ca_file=args.ca_file,
    )
    say(f"{path} is a trusted certificate of {args.tenant} now, status {made.get('status', 'unknown')}")
    if made.get("fingerprint"):
        say(f"  fingerprint {made['fingerprint']}")
    return 0


def _revoke(args: argparse.Namespace) -> int:
    from ..certificates._files import save_file
    from ..certificates._identity import read_certificates

    ca = load_ca(args)
    path = Path(args.crl or Path(args.ca if Path(args.ca).is_dir() else ".", "crl.pem"))
    revoked = [
        _serial(each) if each[:2].lower() == "0x" else read_certificates(read_input(each), each)[0]
        for each in args.revoked
    ]
    previous = path.read_bytes() if path.exists() else None  # of any size: the CA's own list
    save_file(path, ca.revoke(revoked, previous=previous, reason=args.reason, days=args.days), overwrite=True)
    say(f"{path}  the revocation list of {ca.name!r}")
    for each in revoked:
        say(f"revoked: serial number {each if isinstance(each, int) else each.serial_number:x}")
    say("the platform learns of it where the list is published, if the CA names that place, or from the serial number:")
    say("  Device Management, trusted certificates, CRL check, Offline")
    return 0


def _serial(text: str) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise UsageError(f"not a serial number: {text!r}") from None
