"""`smartrest certificates`: its files and output, exit codes, passphrases from anywhere but the command line."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

import support
from certificates.makers import DATA, DAY, NOW, device, ec_key, key_bytes, pem, root
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12
from cryptography.x509.oid import NameOID
from support_cli import SECRET

from smartrest.certificates import CA, Identity, check_chain
from smartrest.cli import main

pytestmark = pytest.mark.usefixtures("folder")


@pytest.fixture
def acme(folder: Path) -> CA:
    ca = CA.create("Acme CA", key=ec_key(1))
    ca.save(folder / "ca", passphrase=SECRET)
    return ca


def test_the_three_commands_of_the_guide(run: Any) -> None:
    made = run("ca", "Acme CA", "--key", "P-256", "--no-passphrase")
    assert "upload this" in made.out
    assert "smartrest certificates device DEVICE_ID --ca ca" in made.out
    assert "smartrest certificates check pump-1 --client-id pump-1" in run("device", "pump-1", "--key", "P-256").out
    checked = run("check", "pump-1", "--client-id", "d:pump-1:acme")
    assert checked.out == "ok: a device with the ClientId 'd:pump-1:acme' can use this chain\n"
    assert check_chain(Identity.load("pump-1"), "pump-1") == []


def test_options_of_making(run: Any) -> None:
    run("ca", "A", "--key", "2048", "--days", "100", "--path-length", "3", "--subject", "organization=Acme = Co",
        "--subject", "country=DE", "--out", "x/y", "--passphrase-env", "PASS")  # fmt: skip
    ca = CA.load("x/y", passphrase=SECRET)
    assert ca.certificate.public_key().key_size == 2048  # type: ignore[union-attr] # it is RSA
    assert [each.value for each in ca.certificate.subject] == ["DE", "Acme = Co", "A"]
    assert (ca.certificate.not_valid_after_utc - NOW).days in (99, 100)
    run("intermediate", "B", "--key", "P-256", "--ca", "x/y", "--ca-passphrase-env", "PASS", "--no-passphrase")
    Path("pass.txt").write_text(SECRET + "\r\nnothing else\n")
    run("device", "p", "--key", "P-256", "--ca", "intermediate", "--pkcs12", "--passphrase-file", "pass.txt")
    assert len(Identity.load("p", passphrase=SECRET).chain) == 3
    key, certificate, others = pkcs12.load_key_and_certificates(Path("p/keystore.p12").read_bytes(), SECRET.encode())
    assert key is not None
    assert certificate is not None
    assert len(others) == 2
    too_long = run("check", "p", "--client-id", "p", "--max-length", "2", "--passphrase-env", "PASS", code=1)
    assert too_long.out.startswith("fault: the chain has 3 certificates and at most 2 are accepted")
    assert "[requirement 8: length of the chain]" in too_long.out
    run("check", "p", "--client-id", "p", "--max-length", "3", "--passphrase-env", "PASS")
    doubt = run("check", "p", "--client-id", "p", "--passphrase-env", "PASS")
    assert doubt.out.startswith("doubt: the chain has 3 certificates, and older installations accept 2")


def test_a_request_is_signed(run: Any, acme: CA) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "pump-9")])
    request = x509.CertificateSigningRequestBuilder().subject_name(name).sign(ec_key(6), hashes.SHA256())
    Path("pump.csr").write_bytes(request.public_bytes(Encoding.PEM))
    assert "signed by its own key: yes" in run("show", "pump.csr").out
    assert (
        "is for 'pump-9', not for 'other'"
        in run("sign", "pump.csr", "--device-id", "other", "--ca-passphrase-env", "PASS", code=1).err
    )
    run("sign", "pump.csr", "--device-id", "pump-9", "--ca-passphrase-env", "PASS")
    assert os.listdir("pump-9") == ["chain.pem"]
    Path("pump.key").touch(mode=0o600)
    Path("pump.key").write_bytes(key_bytes(ec_key(6)))
    run("check", "pump-9/chain.pem", "--client-id", "pump-9", "--key", "pump.key")
    Path("pump.key").write_bytes(key_bytes(ec_key(5)))
    other = run("check", "pump-9", "--client-id", "pump-9", "--key", "pump.key", code=1)
    assert "does not belong to the device certificate" in other.out


def test_nothing_is_overwritten_unasked(run: Any, acme: CA) -> None:
    before = Path("ca/ca.pem").read_bytes()
    for arguments in (["ca", "X"], ["intermediate", "X", "--out", "ca"], ["device", "d", "--out", "."]):
        Path("chain.pem").write_text("precious")
        refused = run(*arguments, "--key", "P-256", code=2)
        assert "already exists; --force overwrites it" in refused.err
    assert Path("ca/ca.pem").read_bytes() == before
    run("ca", "X", "--key", "P-256", "--no-passphrase", "--force")
    assert CA.load("ca").name == "X"
    run("device", "pump", "--key", "P-256")
    Path("request").write_bytes(Path("pump/key.pem").read_bytes())
    assert "signing request" in run("sign", "request", code=1).err


@pytest.mark.parametrize("device_id", ["a:b", "p" * 65, "a/b", "a+b", "", " a", "a\nb"])
def test_device_identifiers_that_cannot_be(run: Any, acme: CA, device_id: str) -> None:
    refused = run("device", device_id, "--out", "d", "--ca-passphrase-env", "PASS", "--key", "P-256", code=1)
    assert refused.err.rstrip("\n").isprintable()
    assert not Path("d").exists()


def test_device_identifiers_that_cannot_name_a_folder(run: Any, acme: CA) -> None:
    for device_id in ("..", "."):
        assert "use --out" in run("device", device_id, code=2).err


def test_passphrases_that_are_missing_or_wrong(
    run: Any, acme: CA, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "no terminal to ask" in run("device", "d", code=2).err
    assert "no terminal to ask" in run("ca", "B", "--out", "b", code=2).err
    monkeypatch.setenv("PASS", "wrong")
    assert "wrong passphrase for the private key" in run("device", "d", "--ca-passphrase-env", "PASS", code=1).err
    monkeypatch.setenv("PASS", "")
    assert "no passphrase found" in run("device", "d", "--ca-passphrase-env", "PASS", code=2).err
    assert "no passphrase found" in run("device", "d", "--ca-passphrase-env", "UNSET", code=2).err
    assert "No such file" in run("device", "d", "--ca-passphrase-file", "nowhere", code=2).err
    (folder / "bytes").write_bytes(b"\xff\xfe\n")
    assert "not UTF-8" in run("device", "d", "--ca-passphrase-file", "bytes", code=2).err
    assert not Path("d").exists()


def test_no_option_takes_a_passphrase_itself(capsys: pytest.CaptureFixture[str]) -> None:
    for action in ("ca", "intermediate", "device", "sign", "check", "show"):
        assert main(["certificates", action, "--help"]) == 0
        text = capsys.readouterr().out
        assert "--passphrase PASS" not in text
        assert "password" not in text.lower()


def test_wrong_usage(run: Any, capsys: pytest.CaptureFixture[str], acme: CA) -> None:
    assert "expected a whole number, 1 or more: '0'" in run("ca", "A", "--days", "0", code=2).err
    run("ca", "A", "--key", "big", code=2)
    run("check", "x", code=2)
    run("nonsense", code=2)
    assert (
        "unknown part of a subject" in run("ca", "A", "--out", "z", "--no-passphrase", "--subject", "x=y", code=1).err
    )
    assert "PART=TEXT" in run("ca", "A", "--out", "z", "--no-passphrase", "--subject", "country", code=2).err
    assert "RSA of 2048 to 4096" in run("ca", "A", "--out", "z", "--no-passphrase", "--key", "1024", code=1).err
    assert "after the year 9999" in run("ca", "A", "--out", "z", "--no-passphrase", "--days", "9" * 7, code=1).err
    assert "No such file" in run("device", "d", "--ca", "nowhere", code=2).err
    assert "is not a CA" in run("device", "d", "--ca", _file("d.pem", key_bytes(ec_key(0)) + pem(device())), code=1).err


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
@pytest.mark.filterwarnings("default:.*others may read the private key")
def test_a_key_that_others_may_read_is_named_in_one_line(capsys: pytest.CaptureFixture[str], acme: CA) -> None:
    acme.issue("pump-1").save("pump-1")
    Path("pump-1/key.pem").chmod(0o666)
    assert main(["certificates", "check", "pump-1", "--client-id", "pump-1"]) == 0
    err = capsys.readouterr().err
    assert err == "smartrest: pump-1/key.pem has mode 0666: others may read the private key; chmod 600\n"


def _file(name: str, data: bytes) -> str:
    Path(name).touch(mode=0o600)
    Path(name).write_bytes(data)
    return name


def test_check_says_everything(run: Any) -> None:
    chain = pem(device("pump-2", end=NOW - DAY / 2), root(end=NOW + 5 * DAY))
    got = run("check", _file("c.pem", chain), "--client-id", "pump-1", code=1).out.splitlines()
    assert [line.split(":")[0] for line in got] == ["fault", "doubt", "fault"]
    assert got[0].endswith("[requirement 10: dates]")
    data = [
        json.loads(line) for line in run("check", "c.pem", "--client-id", "pump-1", "--json", code=1).out.splitlines()
    ]
    assert [each["reason"] for each in data] == ["expired", "expires_soon", "cn_mismatch"]
    assert [each["requirement"] for each in data] == [10, 10, 4]
    assert set(data[0]) == {"reason", "text", "requirement", "certificate", "grade", "fault", "start", "end"}


def test_doubts_alone_are_not_a_failure(run: Any) -> None:
    got = run("check", _file("c.pem", pem(device(end=NOW + 5 * DAY), root())), "--client-id", "pump-1")
    assert got.out.startswith("doubt: certificate 1 ('pump-1') expires on ")
    assert got.out.splitlines()[1].startswith("ok: ")


def test_a_self_signed_identity(run: Any) -> None:
    made = run("self-signed", "pump-1", "--key", "P-256")
    assert "upload" in made.out
    got = run("check", "pump-1", "--client-id", "pump-1")
    assert got.out.startswith("doubt: certificate 1 ('pump-1') signs itself and is a CA")
    assert got.out.splitlines()[1].startswith("ok: ")
    run("self-signed", "pump-1", code=2)  # never overwrites
    run("self-signed", "d:pump-1", code=1)


def test_check_reads_standard_input(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pem(device(), root()))))
    run("check", "-", "--client-id", "pump-1")


@pytest.mark.parametrize("path", sorted(DATA.glob("*.pem")), ids=lambda path: path.stem)
def test_check_and_show_on_odd_certificates(run: Any, path: Path) -> None:
    assert "fault: " in run("check", str(path), "--client-id", "pump-1", code=1).out
    assert "belongs to: CN=pump-1" in run("show", str(path)).out


@pytest.mark.parametrize("data", [b"", b"junk", b"\0" * 100, b"-----BEGIN ", b"x" * 10_000_000, b"\x30\x82\x01\x00"])
def test_not_a_certificate(run: Any, data: bytes, acme: CA) -> None:
    file = _file("bad", data)
    assert run("check", file, "--client-id", "pump-1", code=1).out.startswith("fault: ")
    run("show", file, code=1)
    run("show", file, "--upload-body", code=1)
    run("sign", file, "--ca-passphrase-env", "PASS", code=1)
    run("device", "d", "--ca", file, code=1)


def test_show(run: Any, acme: CA) -> None:
    identity = acme.issue("pump-1", key=ec_key(0))
    shown = run("show", _file("all.pem", identity.key_pem() + identity.key_pem(SECRET) + identity.chain_pem)).out
    assert shown.count("certificate\n") == 2
    assert "signed by: CN=Acme CA" in shown
    assert "role: device (CA:FALSE)" in shown
    assert "role: CA, 10 CAs allowed below it" in shown
    assert "key: EC P-256" in shown
    assert shown.count("private key\n") == 2
    assert "encrypted: yes" in shown
    assert "PRIVATE KEY-----" not in shown
    data = [json.loads(line) for line in run("show", "all.pem", "--json").out.splitlines()]
    fingerprint = identity.certificate.fingerprint(hashes.SHA256()).hex()
    assert [each["kind"] for each in data] == ["private key", "private key", "certificate", "certificate"]
    assert data[2]["sha256"] == fingerprint
    assert "serial number" in shown
    body = json.loads(run("show", "ca/ca.pem", "--upload-body").out)
    assert body["status"] == "ENABLED"
    assert "\n" not in body["certInPemFormat"]
    assert "is not a CA" in run("show", _file("chain.pem", identity.chain_pem), "--upload-body", code=1).err


def test_an_encrypted_key_beside_the_chain(run: Any, acme: CA, capsys: pytest.CaptureFixture[str]) -> None:
    """Only a key named with --key is worth a prompt; the chain is checked without it."""
    acme.issue("pump", key=ec_key(0)).save("pump", passphrase=SECRET)
    assert main(["certificates", "check", "pump", "--client-id", "pump"]) == 0
    assert "is encrypted; not compared" in capsys.readouterr().err
    run("check", "pump", "--client-id", "pump", "--passphrase-env", "PASS")
    assert "no terminal" in run("check", "pump", "--client-id", "pump", "--key", "pump/key.pem", code=2).err


def test_names_that_the_terminal_cannot_show(monkeypatch: pytest.MonkeyPatch) -> None:
    def shown(*arguments: str, code: int = 0) -> str:
        page = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.TextIOWrapper(page, encoding="ascii", write_through=True))
            assert main(["certificates", *arguments]) == code
            return page.getvalue().decode("ascii")

    assert "CA 'Gr\\xf6\\xdfe'" in shown("ca", "Größe", "--key", "P-256", "--no-passphrase")
    assert "CN=Gr\\xf6\\xdfe" in shown("show", "ca/ca.pem")
    assert "Gr\\xf6\\xdfe" in shown("check", "ca/ca.pem", "--client-id", "x", code=1)
    assert shown("ca", "\udcff", "--out", "b", "--key", "P-256", "--no-passphrase", code=1) == ""


def test_a_passphrase_that_is_not_text(run: Any, acme: CA, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASS", "\udcff")
    assert "not UTF-8" in run("device", "d", "--ca-passphrase-env", "PASS", code=1).err


def test_check_connects_only_where_it_can(run: Any, acme: CA) -> None:
    run("device", "pump", "--ca-passphrase-env", "PASS", "--key", "P-256")
    check = ["check", "pump", "--client-id", "pump", "--connect"]
    for bad in ("localhost:x", "localhost:0", "localhost:65536"):
        assert "HOST:PORT" in run(*check, bad, code=2).err
    assert "unknown host name" in run(*check, "nowhere.invalid", code=1).err
    assert "is for 'pump'" in run("check", "pump", "--client-id", "other", "--connect", "nowhere.invalid", code=1).out


def test_show_unreadable_files(run: Any) -> None:
    damaged = b"-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n"
    assert "damaged signing request" in run("show", _file("r.csr", damaged), code=1).err
    mixed = run("show", _file("m.pem", damaged + pem(root()) + pem(root())[:200]), code=1)
    assert mixed.out.count("certificate\n") == 1
    assert mixed.err.count("smartrest: ") == 2
    other = b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n"
    assert "no certificate, request or key found" in run("show", _file("c.pem", other), code=1).err


def test_hostile_names_do_not_reach_the_terminal(run: Any) -> None:
    hostile = "pump\x1b[31m\x9b5n\u202e\n"
    file = _file("h.pem", pem(device(hostile), root("\x1b]0;x\x07")))
    for shown in (run("show", file).out, run("check", file, "--client-id", "x\x1b[1m", code=1).out):
        assert all(line.isprintable() for line in shown.split("\n"))


def test_without_cryptography(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[:2] == ["smartrest", "certificates"]]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("smartrest.certificates", raising=False)
    monkeypatch.setitem(sys.modules, "cryptography", None)
    err = run("ca", "A", "--no-passphrase", code=2).err
    assert err.startswith("smartrest: smartrest.certificates needs cryptography: ")
    assert re.search(r"pip install .*\[certificates\]'\n$", err)


def test_passphrases_are_asked_for(repository: Path, folder: Path) -> None:
    def talk(arguments: list[str], answers: list[str]) -> tuple[int, str]:
        main_end, other_end = support.terminal()
        command = [sys.executable, "-m", "smartrest", "certificates", *arguments, "--key", "P-256"]
        environment = {**os.environ, "PYTHONPATH": str(repository)}
        ends = {"stdin": other_end, "stdout": other_end, "stderr": other_end}
        with subprocess.Popen(command, env=environment, start_new_session=True, **ends) as process:  # type: ignore[call-overload] # the ends are numbers
            os.close(other_end)
            shown = b""
            for answer in [*answers, ""]:
                deadline = time.monotonic() + 30
                while time.monotonic() < deadline:
                    try:
                        piece = os.read(main_end, 4096)
                    except OSError:  # the other end is closed
                        break
                    shown += piece
                    if not piece or (answer and shown.rstrip().endswith(b":")):
                        break
                if answer:
                    os.write(main_end, answer.encode() + b"\n")
                    shown += b"."
            code = process.wait(30)
        os.close(main_end)
        return code, shown.decode()

    code, shown = talk(["ca", "Acme CA"], [SECRET, SECRET])
    assert code == 0, shown
    assert SECRET not in shown  # no echo
    assert CA.load("ca", passphrase=SECRET).name == "Acme CA"
    code, shown = talk(["device", "pump-1", "--ask-passphrase"], [SECRET, "other", "other"])
    assert code == 0, shown
    assert Identity.load("pump-1", passphrase="other").device_id == "pump-1"
    code, shown = talk(["ca", "B", "--out", "b"], ["one", "two"])
    assert code == 2
    assert "differ" in shown
