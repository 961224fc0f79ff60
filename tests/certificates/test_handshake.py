"""Real TLS: an identity's context against servers of the ssl module and mosquitto, good and bad."""

from __future__ import annotations

import contextlib
import pickle
import socket
import ssl
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import DAY, NOW, device, ec_key, make, name, pem, plain_context, root, server_files
from certificates.support_servers import HOST, serving
from cryptography import x509

from smartrest.certificates import CA, CertificateError, Identity, explain_handshake, try_handshake

V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = pytest.mark.parametrize("version", [V12, V13], ids=["tls1.2", "tls1.3"])


@pytest.fixture(scope="module")
def pump(ca: CA) -> Identity:
    return ca.issue("pump-1", key=ec_key(0))


@pytest.fixture
def clients(tmp_path: Path, ca: CA) -> Path:
    path = tmp_path / "clients.pem"
    path.write_bytes(pem(ca.certificate))
    return path


def failure(port: int, context: ssl.SSLContext, host: str = HOST) -> str:
    with pytest.raises(CertificateError) as caught:
        try_handshake(host, port, context, timeout=5)
    assert len(str(caught.value)) > 30
    return caught.value.reason


# --- what works ---


@BOTH
def test_mutual_tls(tmp_path: Path, clients: Path, pump: Identity, version: ssl.TLSVersion) -> None:
    files = server_files(tmp_path)
    with serving(files, clients, version) as port:
        context = pump.ssl_context(client_id="d:pump-1:acme", ca_file=files["ca"])
        assert try_handshake(HOST, port, context) == {V12: "TLSv1.2", V13: "TLSv1.3"}[version]


def test_the_whole_chain_is_sent(tmp_path: Path, ca: CA) -> None:
    """The server knows only the root; with an intermediate it needs the rest from the client."""
    identity = ca.intermediate("Middle", key=ec_key(2)).issue("pump-3", key=ec_key(3))
    files = server_files(tmp_path)
    only_root = tmp_path / "root.pem"
    only_root.write_bytes(pem(ca.certificate))
    with serving(files, only_root, V12) as port:
        assert try_handshake(HOST, port, identity.ssl_context(ca_file=files["ca"])) == "TLSv1.2"
        lone = Identity(identity.chain[:1], identity.key)
        assert failure(port, lone.ssl_context(ca_file=files["ca"])) == "client_unknown_ca"


def test_the_context_by_itself(pump: Identity) -> None:
    context = pump.ssl_context()
    assert context.minimum_version == V12
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.cert_store_stats()["x509_ca"] >= 0


def test_verification_cannot_be_switched_off_in_silence(pump: Identity) -> None:
    context = pump.ssl_context()
    for attribute, value in (
        ("check_hostname", False),
        ("verify_mode", ssl.CERT_NONE),
        ("verify_mode", ssl.CERT_OPTIONAL),
    ):
        with pytest.raises(CertificateError, match="always verifies"):
            setattr(context, attribute, value)
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.verify_mode == ssl.CERT_REQUIRED


def test_paho_cannot_switch_verification_off(pump: Identity) -> None:
    mqtt = pytest.importorskip("paho.mqtt.client", reason="the extra smartrest[device] is not installed")
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.tls_set_context(pump.ssl_context())
    with pytest.raises(CertificateError, match="always verifies"):
        client.tls_insecure_set(True)


@BOTH
def test_the_context_keeps_the_failure(tmp_path: Path, clients: Path, pump: Identity, version: ssl.TLSVersion) -> None:
    """For clients that swallow the error."""
    files = server_files(tmp_path)
    stranger = CA.create("Other CA", key=ec_key(3)).issue("pump-1", key=ec_key(0))
    context: Any = stranger.ssl_context(ca_file=files["ca"])
    assert context.failure is None
    with serving(files, clients, version) as port:
        for _ in range(2):
            assert failure(port, context) == "client_unknown_ca"
            assert context.failure.reason == "client_unknown_ca"
        good: Any = pump.ssl_context(ca_file=files["ca"])
        try_handshake(HOST, port, good)
        assert good.failure is None


def test_a_connection_that_ends_in_silence_counts(tmp_path: Path, pump: Identity) -> None:
    files = server_files(tmp_path)
    context: Any = pump.ssl_context(ca_file=files["ca"])
    with serving(files, None, V13, silent=True) as port:
        for talk in (True, False):
            with socket.create_connection((HOST, port)) as plain, context.wrap_socket(plain, server_hostname=HOST) as s:
                if talk:
                    s.sendall(b"hello")
                with contextlib.suppress(OSError):
                    s.recv(1)
                assert context.failure.reason == "closed"
    with serving(files, None, V13) as port, socket.create_connection((HOST, port)) as plain:
        with context.wrap_socket(plain, server_hostname=HOST) as s:
            assert s.recv(1) == b"!"
            s.settimeout(0.01)
            with pytest.raises(TimeoutError):
                s.recv(1)
            assert context.failure is None  # waiting is not a failure
            s.settimeout(10)
            s.sendall(b"!")
            assert s.recv(1) == b""  # a connection that ends later is not TLS's fault
        assert context.failure is None


def test_no_key_is_left_on_disk(pump: Identity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import tempfile

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    seen: list[bytes] = []
    real = ssl.SSLContext.load_cert_chain

    def spy(self: ssl.SSLContext, path: Path, **options: Any) -> None:
        seen.append(Path(path).read_bytes())
        assert Path(path).stat().st_mode & 0o077 == 0
        real(self, path, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spy)
    pump.ssl_context()
    assert len(seen) == 1
    assert b"BEGIN ENCRYPTED PRIVATE KEY" in seen[0]
    assert list(tmp_path.iterdir()) == []


# --- identities that are refused before anything is sent ---


@pytest.mark.parametrize(
    ("chain", "client_id", "reason"),
    [
        (lambda: [device(end=NOW - DAY / 2), root()], None, "expired"),
        (lambda: [device(), root(end=NOW - DAY / 2)], None, "expired"),
        (lambda: [device(begin=NOW + DAY), root()], None, "not_yet_valid"),
        (lambda: [device(), root("Other CA")], None, "wrong_issuer"),
        (lambda: [device(), root(key=3)], None, "bad_signature"),
    ],
)
def test_broken_chains_get_no_context(chain: Any, client_id: str | None, reason: str) -> None:
    identity = Identity(chain(), ec_key(0))
    with pytest.raises(CertificateError, match="no server would accept") as caught:
        identity.ssl_context(client_id=client_id)
    assert caught.value.reason == "broken_chain"
    assert reason in [finding.reason for finding in caught.value.findings]
    again = pickle.loads(pickle.dumps(caught.value))
    assert (str(again), again.reason, again.findings) == (str(caught.value), "broken_chain", caught.value.findings)


@pytest.mark.parametrize(
    ("chain", "client_id", "reason"),
    [
        (lambda: [device(), root()], "pump-2", "cn_mismatch"),
        (lambda: [device(signer="pump-1", signer_key=0)], None, "self_signed"),
        (lambda: [device("a/b"), root()], None, "cn_illegal"),
        (lambda: [device(), root()], "pump-1", None),
    ],
)
def test_refusals_of_the_platform_alone_are_logged(
    chain: Any, client_id: str | None, reason: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Brokers may accept it; TLS does."""
    identity = Identity(chain(), ec_key(0))
    assert identity.ssl_context(client_id=client_id)
    assert len(caplog.records) == (reason is not None)
    assert reason is None or f"({reason})" in caplog.text


def test_doubts_and_single_certificates_get_one(pump: Identity) -> None:
    assert Identity([device(end=NOW + 3 * DAY), root()], ec_key(0)).ssl_context(client_id="pump-1")
    assert Identity([device()], ec_key(0)).ssl_context()
    assert Identity.self_signed("pump-1", key=ec_key(0)).ssl_context(client_id="pump-1")


def test_ca_files_that_are_none(tmp_path: Path, pump: Identity) -> None:
    empty = tmp_path / "empty.pem"
    empty.write_text("")
    for bad in (tmp_path / "nowhere.pem", empty, tmp_path):
        with pytest.raises(CertificateError, match="CA file") as caught:
            pump.ssl_context(ca_file=bad)
        assert caught.value.reason == "no_ca_file"


# --- all sorts of servers ---


@BOTH
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"trusted": False}, "server_unknown_ca"),
        ({"host": "127.0.0.2"}, "server_wrong_host"),
        ({"host": "mqtt.example.org"}, "server_wrong_host"),
        ({"end": NOW - timedelta(hours=1)}, "server_expired"),
        ({"begin": NOW + timedelta(hours=1)}, "server_not_yet_valid"),
    ],
)
def test_servers_that_are_not_trusted(
    tmp_path: Path, clients: Path, pump: Identity, options: dict[str, Any], reason: str, version: ssl.TLSVersion
) -> None:
    files = server_files(tmp_path, **options)
    with serving(files, clients, version) as port:
        assert failure(port, pump.ssl_context(ca_file=files["ca"])) == reason


def test_a_server_by_name(tmp_path: Path, clients: Path, pump: Identity) -> None:
    files = server_files(tmp_path, host="mqtt.example.org")
    with serving(files, clients, V13) as port:
        assert failure(port, pump.ssl_context(ca_file=files["ca"]), "localhost") == "server_wrong_host"


def test_a_self_signed_server(tmp_path: Path, pump: Identity) -> None:
    files = server_files(tmp_path)
    alternative = [(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)]
    files["certfile"].write_bytes(pem(make(name("me"), ec_key(9), name("me"), ec_key(9), ca=False, more=alternative)))
    with serving(files, None, V13) as port:
        assert failure(port, pump.ssl_context(), "localhost") == "server_unknown_ca"


@BOTH
def test_answers_of_servers_to_bad_devices(tmp_path: Path, clients: Path, ca: CA, version: ssl.TLSVersion) -> None:
    files = server_files(tmp_path)
    old = pem(device(signer="Acme CA", end=NOW - DAY / 2), ca.certificate)
    other = pem(device(signer="Other CA", signer_key=3), root("Other CA", 3))
    server_only = [(x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False)]
    wrong_use = pem(device(signer="Acme CA", more=server_only), ca.certificate)
    expected = {old: "client_expired", other: "client_unknown_ca", wrong_use: "client_refused"}
    with serving(files, clients, version) as port:
        for chain, reason in expected.items():
            assert failure(port, plain_context(chain, ec_key(0), files["ca"], tmp_path)) == reason
        without = failure(port, plain_context(b"", None, files["ca"], tmp_path))
        assert without == ("client_missing" if version == V13 else "no_agreement")


def test_versions_that_do_not_meet(tmp_path: Path, clients: Path, pump: Identity) -> None:
    files = server_files(tmp_path)
    context = pump.ssl_context(ca_file=files["ca"])
    context.maximum_version = V12
    with serving(files, clients, V13) as port:
        assert failure(port, context) == "tls_version"


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"\x20\x02\x00\x05", "closed"),  # an MQTT broker without TLS: too short to tell
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "not_tls"),
        (b"", "closed"),
        (None, "timeout"),
    ],
)
def test_not_a_tls_server(pump: Identity, answer: bytes | None, reason: str) -> None:
    with socket.create_server((HOST, 0)) as listener:

        def talk() -> None:
            with listener.accept()[0] as plain:
                plain.recv(4096)
                if answer is not None:
                    plain.sendall(answer)
                else:
                    plain.recv(4096)  # until the other side gives up

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(CertificateError) as caught:
            try_handshake(HOST, listener.getsockname()[1], pump.ssl_context(), timeout=0.5)
        assert caught.value.reason == reason
        thread.join(10)


def test_no_server(pump: Identity) -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    assert failure(port, pump.ssl_context()) == "refused"
    assert failure(1, pump.ssl_context(), "nowhere.invalid") == "unknown_host"


def test_other_errors_are_explained_too() -> None:
    known = CertificateError("as it was", "no_key")
    assert explain_handshake(known) is known
    for error, reason in (
        (ssl.SSLError(1, "[SSL: CERTIFICATE_REVOKED] revoked"), "client_revoked"),
        (ssl.SSLError(1, "[SSL: SSLV3_ALERT_UNSUPPORTED_CERTIFICATE] x"), "client_refused"),
        (ssl.SSLError(1, "[SSL: SOMETHING_NEW] x"), "tls"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "closed"),
        (ssl.SSLZeroReturnError(6, "closed (EOF)"), "closed"),  # as CPython 3.11.2 raises
        (OSError(101, "Network is unreachable"), "network"),
        (KeyError("x"), "unknown"),
    ):
        assert explain_handshake(error).reason == reason
