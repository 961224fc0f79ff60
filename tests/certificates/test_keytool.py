"""Java reads the keystore: `keytool` lists the PKCS#12 and converts it to JKS. Needs a JDK."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

pytest.importorskip("cryptography", reason="the extra smartrest[certificates] is not installed")

from certificates.makers import ec_key, rsa_key

from smartrest.certificates import CA

KEYTOOL = shutil.which("keytool")
pytestmark = pytest.mark.skipif(KEYTOOL is None, reason="keytool (a Java runtime) is not installed")
SECRET = 'correct "horse" $'


def keytool(*arguments: str) -> str:
    assert KEYTOOL is not None
    environment = {**os.environ, "STOREPASS": SECRET, "LC_ALL": "C.UTF-8", "JAVA_TOOL_OPTIONS": "-Dfile.encoding=UTF-8"}
    command = [KEYTOOL, "-J-Duser.language=en", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


@pytest.mark.parametrize("key", [rsa_key, ec_key], ids=["rsa", "ec"])
def test_java_lists_the_keystore(tmp_path: Path, key: object) -> None:
    ca = CA.create("Acme CA", key=ec_key(1))
    identity = ca.intermediate("Pumps", key=ec_key(2)).issue("pump-1", key=key())  # type: ignore[operator] # a maker
    path = tmp_path / "keystore.p12"
    path.write_bytes(identity.pkcs12(SECRET))
    listed = keytool("-list", "-v", "-storetype", "PKCS12", "-keystore", str(path), "-storepass:env", "STOREPASS")
    assert "Your keystore contains 1 entry" in listed
    assert "Alias name: devicekeyentry" in listed
    assert "Entry type: PrivateKeyEntry" in listed
    assert "Certificate chain length: 3" in listed
    owners = [line for line in listed.splitlines() if line.startswith("Owner:")]
    assert owners == ["Owner: CN=pump-1", "Owner: CN=Pumps", "Owner: CN=Acme CA"]


def test_java_converts_it_to_jks(tmp_path: Path) -> None:
    path = tmp_path / "keystore.p12"
    path.write_bytes(CA.create("Acme CA", key=ec_key(1)).issue("pump-1", key=ec_key(0)).pkcs12(SECRET))
    jks = str(tmp_path / "keystore.jks")
    keytool(
        *("-importkeystore", "-srckeystore", str(path), "-srcstoretype", "PKCS12", "-srcstorepass:env", "STOREPASS"),
        *("-destkeystore", jks, "-deststoretype", "JKS", "-deststorepass:env", "STOREPASS"),
    )
    assert "devicekeyentry" in keytool("-list", "-keystore", jks, "-storepass:env", "STOREPASS")
