"""Fixtures of the whole suite. `engine` runs a test on the pure engine and on each kernel of the core."""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import support

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = int(os.environ.get("SMARTREST_TEST_EXAMPLES", "20"))  # hypothesis examples for each test
_ran: set[str] = set()
# Files that take long. `ALONE`: they measure time or memory, so nothing else may run beside them.
SLOW = {
    "certificates/test_install.py",
    "certificates/test_keytool.py",
    "certificates/test_mosquitto.py",
    "certificates/test_openssl.py",
    "cli/test_cli_look.py",
    "cli/test_doctor.py",
    "codec/contract/test_layout.py",
    "codec/contract/test_single_row.py",
    "codec/contract/test_spare_rows.py",
    "codec/core/test_c_core.py",
    "codec/property/test_independent.py",
    "codec/property/test_memory.py",
    "codec/property/test_nomemory.py",
    "codec/property/test_small_world.py",
    "codec/test_engine.py",
    "device/test_device_durable.py",
    "device/test_session_day.py",
    "device/test_session_model.py",
    "house/test_examples.py",
    "house/test_install.py",
    "house/test_suite.py",
    "templates/test_templates_builders.py",
    "testing/test_testing_plugin.py",
}
ALONE = {
    "cli/test_cli_decode.py",
    "codec/property/test_time.py",
    "device/test_session_outbox.py",
    "house/test_instruction_counts.py",
    "live/test_load.py",
}
# Too long for every change: `.ci/nightly` runs them. The start of a file and test, or of a case of it.
NIGHTLY = (
    "certificates/test_install.py",
    "certificates/test_power_cuts.py::test_a_power_cut_at_every_point",
    "certificates/test_renewing_device.py::test_ten_power_cuts",
    "codec/core/test_c_core.py::test_program[plain-",
    "codec/property/test_memory.py::test_peak_of_reading",
    "columns/test_columns_c.py",
    "device/test_session_model.py::test_every_history_of_a_few_operations_ends_well[1-1-1-1",
    "device/test_session_model.py::test_every_history_of_a_few_operations_ends_well[2-0-0-0",
    "device/test_session_model.py::test_every_history_of_a_few_operations_ends_well[2-1-0-0",
    "device/test_session_model.py::test_long_random_histories_end_well",
    "device/test_session_model.py::test_without_a_rule_there_is_a_violation[fault-10",
    "device/test_session_model.py::test_without_a_rule_there_is_a_violation[fault-13",
    "house/test_install.py::test_the_core_holds_no_debug_information",
)

hypothesis.settings.register_profile(
    "smartrest",
    max_examples=EXAMPLES,
    deadline=None,  # a busy machine may be slow; tests/codec/property/test_time.py measures time
    print_blob=True,
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
hypothesis.settings.load_profile("smartrest")

if os.environ.get("SMARTREST_TEST_LAYOUT") == "off" and support.core is not None:
    # a run in which the core uses the documented functions alone; pickle finds its classes by the module's name
    support.core = sys.modules["smartrest.core"] = support.probes()


def pytest_collection_finish() -> None:
    """Keep the many thousand objects of the collected tests out of each `gc.collect` of a test."""
    gc.collect()
    if hasattr(gc, "freeze"):  # PyPy has none
        gc.freeze()


@pytest.fixture(scope="session", params=support.VARIANTS, ids=str)  # session: hypothesis refuses narrower ones
def engine(request: pytest.FixtureRequest) -> Any:
    """Each engine in turn, with the functions of the package as attributes."""
    opened = support.open_engine(request.param)
    _ran.add(request.param)
    return opened


@pytest.fixture(scope="session")
def engines() -> list[Any]:
    """All engines that run here, for tests with a reference that takes longer than they do."""
    able = support.kernels_here()
    names = ["pure", *(f"core:{name}" for name in support.KERNELS if able.get(name, support.REQUIRED))]
    _ran.update(names)
    return [support.open_engine(name) for name in names]


@pytest.fixture(scope="session", params=support.CORE_VARIANTS, ids=str)
def core(request: pytest.FixtureRequest) -> Any:
    """Each kernel of the compiled core in turn, to compare with the pure engine."""
    opened = support.open_engine(request.param)
    _ran.add(request.param)
    return opened


@pytest.fixture(scope="session", params=(*support.CORE_VARIANTS, *support.PLAIN_VARIANTS), ids=str)
def any_core(request: pytest.FixtureRequest) -> Any:
    """As `core`, and each kernel again in a core that uses the documented functions alone."""
    return support.open_engine(request.param)


@pytest.fixture
def command_line(monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]) -> Any:
    """The command `smartrest`, run inside the test's process."""
    from support_cli import CommandLine

    monkeypatch.delenv("NO_COLOR", raising=False)
    return CommandLine(monkeypatch, capfdbinary)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return ROOT


@pytest.fixture(scope="session")
def corpus_path() -> Path:
    """`messages.jsonl`: real messages with their expected rows, kept outside the repository."""
    return _outside("SMARTREST_CORPUS", "corpus/messages.jsonl", "corpus of messages")


@pytest.fixture(scope="session")
def field_path() -> Path:
    """`failing.jsonl`, inputs from the field that once failed, kept outside the repository."""
    return _outside("SMARTREST_FIELD", "field/failing.jsonl", "file of inputs from the field")


def _outside(variable: str, place: str, what: str) -> Path:
    """A file beside the repository, or the one that a variable names."""
    named = os.environ.get(variable)
    path = Path(named) if named else ROOT.parent / "shared" / place
    if not path.is_file():
        if named:
            pytest.fail(f"{variable} names no file: {named}", pytrace=False)
        pytest.skip(f"no {what} beside this repository; {variable} can name one")
    return path


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that are slow or have to run alone."""
    for item in items:
        file = item.path.relative_to(ROOT / "tests").as_posix() if item.path.is_relative_to(ROOT / "tests") else ""
        if file in ALONE:
            item.add_marker("alone")
        nightly = f"{file}::{item.name}".startswith(NIGHTLY)
        if nightly:
            item.add_marker("nightly")
        if nightly or file in ALONE or file in SLOW or file.startswith("live/"):
            item.add_marker("slow")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`needs("mosquitto")`: a program without which a test is skipped."""
    for marker in item.iter_markers("needs"):
        for program in marker.args:
            if shutil.which(program) is None and shutil.which(program, path="/usr/sbin:/usr/local/sbin") is None:
                pytest.skip(f"{program} is not installed")


def pytest_report_header() -> str:
    here = support.kernels_here()
    if not here:
        return "smartrest engines: pure (smartrest.core is not built)"
    kernels = ", ".join(f"core:{name}" + ("" if able else " (not on this CPU)") for name, able in here.items())
    return f"smartrest engines: pure, {kernels}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A process of pytest-xdist reports the engines it ran to the first one. No test may have turned the GIL on."""
    if support.FREE_THREADED and sys._is_gil_enabled() and os.environ.get("PYTHON_GIL") != "1":
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("something turned the GIL on for the whole process")
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["engines"] = sorted(_ran)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _ran.update(getattr(node, "workeroutput", {}).get("engines", ()))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    ran = [variant for variant in support.VARIANTS if variant in _ran]
    missing = [variant for variant in support.VARIANTS if variant not in _ran]
    if ran:  # otherwise no test used an engine
        line = "engines that ran: " + ", ".join(ran)
        terminalreporter.write_line(line + (f" | did not run: {', '.join(missing)}" if missing else ""))


@pytest.fixture
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Keep settings of the caller's shell from programs that a test starts."""
    for name in ("SMARTREST_ENGINE", "SMARTREST_EXT", "PYTHONWARNINGS", "PYTHONDEVMODE"):
        monkeypatch.delenv(name, raising=False)
    return monkeypatch
