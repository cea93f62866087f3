"""What holds for every test: seeds are fixed and printed, and a test that could not run is named out loud.

Locally a browser test without a Chromium is skipped and listed in a section of its own at the end; with ``CI=true``
it fails, as does anything else that was skipped.
"""

from __future__ import annotations

import os
import random
import shutil
import zlib
from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

SEED = int(os.environ.get("ANYDAY_SEED", "20270314"))
IN_CI = os.environ.get("CI", "").lower() in {"1", "true", "yes"}
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)
HOW_TO_GET_ONE = "install one (Debian, Ubuntu: apt-get install chromium; macOS: brew install --cask chromium), or name it: CHROMIUM=/path make test"

_not_run = pytest.StashKey[dict[str, str]]()

# derandomize: the examples follow from the test's own text, so a failure anywhere is a failure everywhere
hypothesis_settings.register_profile("anyday", derandomize=True, deadline=None, print_blob=True)
hypothesis_settings.register_profile("wander", derandomize=False, deadline=None, print_blob=True)
hypothesis_settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "anyday"))


def find_chromium() -> str | None:
    """The browser that page tests drive: the one that CHROMIUM names, or the first that is installed."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named
    found = next((path for name in BROWSERS if (path := shutil.which(name))), None)
    return found or next((path for path in MAC_BROWSERS if Path(path).exists()), None)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """The path of the browser. Tests that use it are marked ``browser``, which is what decides whether they run."""
    path = find_chromium()
    assert path is not None, f"no Chromium was found: {HOW_TO_GET_ONE}"
    return path


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Randomness with a seed of the test's own, printed with it when it fails. ANYDAY_SEED changes it."""
    seed = SEED ^ zlib.crc32(request.node.nodeid.encode())
    print(f"seed {seed} (ANYDAY_SEED={SEED})")
    return random.Random(seed)


def pytest_report_header(config: pytest.Config) -> list[str]:
    profile = os.environ.get("HYPOTHESIS_PROFILE", "anyday")
    return [f"seeds: ANYDAY_SEED={SEED}; hypothesis profile {profile}", f"browser: {find_chromium() or 'none found'}"]


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_not_run] = {}
    config.pluginmanager.register(Skips(config), "anyday-skips")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "chromium_path" in getattr(item, "fixturenames", ()):
            item.add_marker("browser")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("browser") and find_chromium() is None:
        if IN_CI:
            pytest.fail(f"no Chromium was found: {HOW_TO_GET_ONE}", pytrace=False)
        pytest.skip(f"no Chromium was found: {HOW_TO_GET_ONE}")


class Skips:
    """Hears of every report where the run comes together, whichever process the test ran in, and keeps what did not run."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._config.stash[_not_run][report.nodeid] = reason.removeprefix("Skipped: ")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    if IN_CI and exitstatus == 0 and session.config.stash[_not_run]:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    missing = config.stash[_not_run]
    if not missing:
        return
    terminalreporter.section("NOT RUN", sep="=", red=True, bold=True)
    for reason in sorted(set(missing.values())):
        names = sorted(name for name, why in missing.items() if why == reason)
        terminalreporter.write_line(f"{len(names)} {'test' if len(names) == 1 else 'tests'} did not run: {reason}", red=True)
        for name in names:
            terminalreporter.write_line(f"    {name}")
    if IN_CI:
        terminalreporter.write_line("in CI nothing may be skipped: this run failed", red=True, bold=True)
