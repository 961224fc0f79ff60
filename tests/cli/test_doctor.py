"""`smartrest doctor`, and the commands in hints: from a clone, an install, a broken installation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import support
from support_cli import CommandLine

import smartrest
from smartrest import _install
from smartrest.cli import _doctor


@pytest.fixture
def copy(tmp_path: Path, repository: Path) -> Path:
    """A source tree without a core, to be run with -S, so without installed packages."""
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "_build.json", "__pycache__")
    shutil.copytree(repository / "smartrest", tmp_path / "smartrest", ignore=ignored)
    shutil.copytree(repository / "src_c", tmp_path / "src_c")
    shutil.copy(repository / "setup.py", tmp_path)
    return tmp_path


def doctor(folder: Path, *options: str, **settings: str) -> tuple[int, dict[str, Any], str]:
    """Run `doctor --json` on the package in that folder: exit code, lines, text."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("SMARTREST_", "PYTHON"))}
    environment.update(settings)

    def run(*more: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-W", "ignore", *options, "-m", "smartrest", "doctor", *more]
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)

    done = run("--json")
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert found.pop("ok") is (done.returncode == 0)
    return done.returncode, found, run().stdout


def test_here(command_line: CommandLine) -> None:
    result = command_line("doctor", "--json")
    found = json.loads(result.out)
    assert found["engine"]["text"].startswith(smartrest.engine())
    assert sys.executable in found["python"]["text"]
    assert _install.FOLDER in found["smartrest"]["text"]
    assert metadata.version("pytest") in found["testing"]["text"]
    assert "bench" not in found
    if support.HAS_CORE:
        assert "scalar" in found["kernels"]["text"]
        assert support.core.__file__ in found["core"]["text"]
    result = command_line("doctor")
    assert result.err == ""
    words = (line.split() for line in result.out.split("\n"))
    assert all(len(" ".join(line)) <= 80 or len(line) <= 2 for line in words)
    names = [line.partition(" ")[0] for line in result.out.split("\n") if line[:1].strip()]
    assert names == [name for name in found if name != "ok"]


def test_a_clone_that_is_not_installed(copy: Path) -> None:
    code, found, text = doctor(copy, "-S")
    assert code == 1
    assert found["smartrest"]["wrong"] == "only programs started in this folder find it"
    assert found["smartrest"]["fix"].endswith("-m pip install -e .")
    assert "many times slower" in found["engine"]["text"]
    assert "was never built in the source tree" in found["engine"]["wrong"]
    assert "--force-reinstall" in found["engine"]["fix"]
    assert text.count("WRONG: ") == text.count("fix:   ") == 2
    assert found["engine"]["fix"] in text, "commands are never wrapped"


def test_an_engine_that_was_asked_for_is_not_wrong(copy: Path) -> None:
    found = doctor(copy, "-S", SMARTREST_ENGINE="pure")[1]
    assert (found["engine"]["text"], found["engine"]["wrong"]) == ("pure (SMARTREST_ENGINE=pure)", "")


def test_a_core_left_out_is_not_wrong(copy: Path) -> None:
    note = {"choice": "off", "reason": "SMARTREST_EXT=off left it out", "python": ""}
    (copy / "smartrest" / "_build.json").write_text(json.dumps(note), encoding="utf-8")
    found = doctor(copy, "-S")[1]
    assert found["engine"]["wrong"] == ""
    assert found["engine"]["text"].startswith("pure; without the compiled core: ")


def test_a_core_that_does_not_run(copy: Path) -> None:
    (copy / "smartrest" / "core.py").write_text("raise SystemError('another Cython')", encoding="utf-8")
    code, found, _ = doctor(copy, "-S")
    assert code == 1
    assert found["engine"]["wrong"] == "it does not run here (SystemError: another Cython)"


def install(folder: Path, url: str, *, editable: bool = False, requires: str = "") -> Path:
    """The files that pip writes for an installed package."""
    info = folder / "smartrest-9.9.dist-info"
    info.mkdir(parents=True)
    text = f"Metadata-Version: 2.4\nName: smartrest\nVersion: 9.9\n{requires}"
    (info / "METADATA").write_text(text, encoding="utf-8")
    (info / "RECORD").touch()
    facts = {"url": url, "dir_info": {"editable": editable}}
    if url:
        (info / "direct_url.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def test_a_clone_that_hides_an_install(copy: Path) -> None:
    site = install(copy / "site", "")
    code, found, _ = doctor(copy, "-S", PYTHONPATH=str(site))
    assert code == 1
    assert found["smartrest"]["wrong"] == f"this clone hides the package that is installed in {site}"
    assert found["smartrest"]["fix"].endswith("pip install -e .")


def test_a_copy_that_hides_an_install(copy: Path) -> None:
    shutil.rmtree(copy / "src_c")
    site = install(copy / "site", "")
    found = doctor(copy, "-S", PYTHONPATH=str(site))[1]
    assert found["smartrest"]["wrong"] == f"this copy hides the package that is installed in {site}"
    assert "work in another folder" in found["smartrest"]["fix"]


def test_an_editable_clone(copy: Path) -> None:
    site = install(copy / "site", copy.as_uri(), editable=True)
    found = doctor(copy, "-S", PYTHONPATH=str(site))[1]
    assert found["smartrest"] == {"text": f"9.9, {copy / 'smartrest'} (a clone, editable)", "wrong": "", "fix": ""}


def test_a_library_too_old_for_its_extra(copy: Path) -> None:
    requires = "Requires-Dist: paho-mqtt>=2.1; extra == 'device'\nRequires-Dist: aiomqtt<3,>=2.3; extra == \"device\"\n"
    site = install(copy / "site", copy.as_uri(), editable=True, requires=requires)
    (site / "paho_mqtt-1.6.1.dist-info").mkdir()
    (site / "paho_mqtt-1.6.1.dist-info" / "METADATA").write_text("Name: paho-mqtt\nVersion: 1.6.1\n", encoding="utf-8")
    code, found, text = doctor(copy, "-S", PYTHONPATH=str(site))
    assert code == 1
    assert found["device"]["text"] == "paho-mqtt 1.6.1, aiomqtt (not installed)"
    assert found["device"]["wrong"] == "too old, required: paho-mqtt 2.1"
    assert found["device"]["fix"].endswith("pip install -e '.[device]'")
    assert "WRONG: too old, required" in text


def test_a_core_older_than_its_sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("src_c/sr.c", "setup.py", "smartrest/core.so"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (1000, 1000))
    monkeypatch.setattr(_install, "CLONE", str(tmp_path))
    core = str(tmp_path / "smartrest" / "core.so")
    assert _doctor._stale(core) == ("", "")
    os.utime(tmp_path / "src_c" / "sr.c", (2000, 2000))
    assert _doctor._stale(core)[0] == f"the core is older than {Path('src_c', 'sr.c')}"


def test_no_broker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smartrest.testing.broker.find_mosquitto", lambda: None)
    monkeypatch.setattr(_doctor, "_version", lambda name: None)
    (line,) = _doctor._brokers()
    assert (line.text, line.wrong) == ("none; for tests and demonstrations only", "")
    assert "[testing]" in line.fix
    assert "does not run" in _doctor._mosquitto("/no/such/program")


class TestCommand:
    """The command in a hint."""

    @pytest.fixture(autouse=True)
    def _plain(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(_install, "pip", lambda: "pip")
        monkeypatch.setattr(_install, "is_clone", lambda: False)
        monkeypatch.chdir(tmp_path)

    def origin(self, monkeypatch: pytest.MonkeyPatch, facts: dict[str, Any] | None) -> None:
        class Installed:
            def read_text(self, _: str) -> str | None:
                return None if facts is None else json.dumps(facts)

        monkeypatch.setattr(metadata, "distribution", lambda _: Installed())

    def test_from_a_clone(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setattr(_install, "is_clone", lambda: True)
        monkeypatch.setattr(_install, "CLONE", str(tmp_path))
        assert _install.command() == "pip install -e ."
        assert _install.command("device,testing") == "pip install -e '.[device,testing]'"
        monkeypatch.chdir("/")
        assert _install.command("device") == f"pip install -e '.{tmp_path}[device]'"

    def test_from_an_index(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.origin(monkeypatch, None)
        assert _install.command("device,testing") == "pip install 'smartrest[device,testing]'"
        again = _install.command(again=True)
        assert again.endswith("pip install --no-cache-dir --force-reinstall --no-deps smartrest")
        assert again.startswith("pip" if os.name == "nt" else "SMARTREST_EXT=require pip")

    def test_from_a_folder(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        clone = tmp_path / "a clone"
        clone.mkdir()
        self.origin(monkeypatch, {"url": clone.as_uri(), "dir_info": {}})
        assert _install.command("device") == f"pip install '{os.path.join('.', 'a clone')}[device]'"
        clone.rmdir()
        assert _install.command("device") == "pip install 'smartrest[device]'"

    def test_from_version_control(self, monkeypatch: pytest.MonkeyPatch) -> None:
        facts = {"url": "https://example.com/s.git", "vcs_info": {"vcs": "git", "commit_id": "ab12"}}
        self.origin(monkeypatch, facts)
        assert _install.command() == "pip install git+https://example.com/s.git@ab12"
        assert _install.command("device") == "pip install 'smartrest[device] @ git+https://example.com/s.git@ab12'"


def test_pip_of_this_python(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Plain `pip` is right only if PATH leads to the pip of the running Python."""
    (tmp_path / "bin").mkdir()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python3"))
    monkeypatch.setenv("PATH", str(tmp_path))
    assert _install.pip() == f"{tmp_path / 'bin' / 'python3'} -m pip"
    monkeypatch.chdir(tmp_path)
    assert _install.pip() == f"{os.path.join('.', 'bin', 'python3')} -m pip"
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}{os.pathsep}{tmp_path}")
    assert _install.pip() == "python3 -m pip"
    (tmp_path / "bin" / "pip").touch()
    assert _install.pip() == "pip"


@pytest.mark.parametrize(
    ("code", "library", "extra"),
    [
        ("from smartrest.device import Device", "paho-mqtt", "device"),
        ("from smartrest.device import AsyncDevice", "aiomqtt", "device"),
        ("import smartrest.certificates", "cryptography", "certificates"),
        ("from smartrest.testing import Broker; Broker('amqtt').start()", "amqtt", "testing"),
        ("from smartrest.testing import Platform; Platform(host='h', port=1).start()", "paho-mqtt", "testing"),
        ("from smartrest.cli import main; sys.exit(main(['demo']))", "paho-mqtt and aiomqtt", "device,testing"),
        ("from smartrest.cli import main; sys.exit(main(['certificates', 'ca', 'A']))", "cryptography", "certificates"),
    ],
)
def test_a_missing_extra_is_one_sentence(code: str, library: str, extra: str, repository: Path, tmp_path: Path) -> None:
    """From a clone, without installed packages (-S)."""
    program = f"import sys; sys.path.append({str(repository)!r}); {code}"
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode != 0
    last = done.stderr.splitlines()[-1]
    assert f" needs {library}" in last
    assert last.endswith(f"-m pip install -e '{repository}[{extra}]'")
