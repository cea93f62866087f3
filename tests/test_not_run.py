"""A test that cannot run says so loudly, and fails in CI."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PAGE_TEST = """
def test_one(chromium_path: str) -> None:
    assert chromium_path == "/the/browser"


def test_two() -> None:
    assert True
"""
SKIPPING_TEST = """
import pytest


def test_three() -> None:
    pytest.skip("on a whim")
"""


def run(folder: Path, source: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one file beside a copy of our conftest, on a machine without a browser."""
    conftest = (Path(__file__).parent / "conftest.py").read_text(encoding="utf-8")
    (folder / "conftest.py").write_text(conftest.replace("/Applications/", "/nowhere/"), encoding="utf-8")  # where a Mac has its browser
    (folder / "test_page.py").write_text(source, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = browser: x\n", encoding="utf-8")
    kept = {name: value for name, value in os.environ.items() if name not in {"CI", "CHROMIUM", "PATH"} and not name.startswith(("PYTEST", "COV_"))}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments, str(folder)]
    return subprocess.run(command, cwd=folder, env=kept | {"PATH": "/nowhere"} | variables, capture_output=True, text=True)


def test_without_a_browser_page_tests_are_counted_and_named_with_what_to_do(tmp_path: Path) -> None:
    ran = run(tmp_path, PAGE_TEST)
    assert ran.returncode == 0, ran.stdout
    assert "NOT RUN" in ran.stdout
    assert "1 test did not run: no Chromium was found" in ran.stdout
    assert "apt-get install chromium" in ran.stdout
    assert "test_page.py::test_one" in ran.stdout
    assert "1 passed, 1 skipped" in ran.stdout


def test_in_ci_a_page_test_without_a_browser_fails(tmp_path: Path) -> None:
    ran = run(tmp_path, PAGE_TEST, CI="true")
    assert ran.returncode == 1, ran.stdout
    assert "no Chromium was found" in ran.stdout
    assert "1 error" in ran.stdout or "1 failed" in ran.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["alone", "on two processors"])
def test_in_ci_nothing_is_skipped_for_any_reason(workers: tuple[str, ...], tmp_path: Path) -> None:
    assert run(tmp_path, SKIPPING_TEST, *workers).returncode == 0
    ran = run(tmp_path, SKIPPING_TEST, *workers, CI="true")
    assert ran.returncode == 1, ran.stdout
    assert "1 test did not run: on a whim" in ran.stdout


def test_with_a_browser_nothing_is_said(tmp_path: Path) -> None:
    ran = run(tmp_path, PAGE_TEST, CHROMIUM="/the/browser", CI="true")
    assert ran.returncode == 0, ran.stdout
    assert "NOT RUN" not in ran.stdout
    assert "2 passed" in ran.stdout
