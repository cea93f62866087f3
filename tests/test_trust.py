"""docs/trust.md is true: every attack stands on it once, with a test that exists or a decision that says why not."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "trust.md"
ROWS = {"T": 8, "P": 8, "A": 3, "W": 5, "L": 5, "S": 2, "D": 5, "O": 5}
#: What others are still building, by row: must be empty in the end.
LATER: dict[str, str] = {}

NAMED = re.compile(r"\b(tests/[\w/]+\.py)::(test_\w+)")
DECIDED = re.compile(r"\]\(\.\./DECISIONS\.md#([\w-]+)\)")


def rows(page: str) -> list[tuple[str, str]]:
    """The lines of the page's tables, by their names."""
    return [(match[1], line) for line in page.splitlines() if (match := re.match(r"\| ([A-Z]\d) \|", line))]


@functools.cache
def cases_of(path: Path) -> set[str]:
    """The tests that a file holds."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")}


def complaints(page: str) -> list[str]:
    """What is not true of a page."""
    found = []
    wanted = [f"{letter}{number}" for letter, count in ROWS.items() for number in range(1, count + 1)]
    names = [name for name, _ in rows(page)]
    found += [f"{name} stands there {names.count(name)} times" for name in {*wanted, *names} if names.count(name) != 1 or name not in wanted]
    decided = {re.sub(r"[^\w\- ]", "", line[3:].strip().lower()).replace(" ", "-") for line in _lines("DECISIONS.md") if line.startswith("## ")}
    for name, line in rows(page):
        tests, reasons = NAMED.findall(line), DECIDED.findall(line)
        if not tests and not reasons and name not in LATER:
            found.append(f"{name} has neither a test nor a decision")
        if name in LATER and f"later: {LATER[name]}" not in line:
            found.append(f"{name} does not say who builds it")
        found += [f"{name}: no decision is called {reason}" for reason in reasons if reason not in decided]
        for file, test in tests:
            if not (ROOT / file).exists() or test not in cases_of(ROOT / file):
                found.append(f"{name}: there is no {file}::{test}")
        if "later:" in line and name not in LATER:
            found.append(f"{name} is put off")
    return found


def _lines(name: str) -> list[str]:
    return (ROOT / name).read_text(encoding="utf-8").splitlines()


def test_every_attack_is_on_the_page_with_a_test_that_exists() -> None:
    assert complaints(PAGE.read_text(encoding="utf-8")) == []


def test_nothing_is_put_off() -> None:
    assert LATER == {}


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("| W2 |", "| W9 |", "W9 stands there"),
        ("test_any_text_becomes_nothing_but_what_is_listed", "test_any_text_is_fine", "there is no"),
        ("tests/web/test_live.py::test_a_client_that_stops_reading_is_cut_off_and_the_others_hear", "trust us", "D4 has neither"),
        ("#a-restored-backup-is-told-by-receipts", "#nothing", "no decision is called"),
        ("tests/web/test_session.py::test_going_on_never_leads_elsewhere", "later: somebody", "W3 is put off"),
        ("| O5 | Install", "| O4 | Install", "O4 stands there 2 times"),
    ],
)
def test_control_a_page_that_is_not_true_is_found(old: str, new: str, complaint: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert old in page
    assert any(complaint in line for line in complaints(page.replace(old, new, 1)))
