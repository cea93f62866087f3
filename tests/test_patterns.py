"""No pattern makes a server think for long: each regular expression of the source, looked at and tried.

A pattern is refused that repeats without bound what itself repeats without bound. And each is run against texts made of its own letters, by a
matcher that counts its steps (backtracking as Python's does): when a text doubles, the steps may grow as they do for a square, not faster.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

import pytest

SRC = Path(__file__).resolve().parent.parent / "src" / "anyday"
MANY = 64
CALLS = {f"re.{name}" for name in ("compile", "match", "fullmatch", "search", "sub", "split", "findall", "finditer", "subn")}


def patterns(source: str) -> Iterator[str]:
    """Every pattern that a source gives to ``re``. Names that are put into it stand for a word."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func) in CALLS:
            yield _text(node.args[0])


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "word" for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    raise AssertionError(f"a pattern that cannot be read here: {ast.unparse(node)}")


def nested(pattern: str) -> bool:
    """Whether something is repeated without bound inside of what is."""

    def within(tree: Any, repeated: bool) -> bool:
        return any(_inner(str(op), value, repeated) for op, value in tree)

    def _inner(name: str, value: Any, repeated: bool) -> bool:
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            many = int(value[1]) > MANY
            return (many and repeated) or within(value[2], repeated or many)
        if name == "BRANCH":
            return any(within(branch, repeated) for branch in value[1])
        if name == "SUBPATTERN":
            return within(value[-1], repeated)
        return name in ("ASSERT", "ASSERT_NOT") and within(value[1], repeated)

    return within(parser.parse(pattern), False)


class TooMany(Exception):
    """The matcher has counted far more steps than it should ever need."""


class Steps:
    """A backtracking matcher that counts: enough of one for the patterns of this source."""

    def __init__(self, pattern: str, most: int = 60_000) -> None:
        self.tree, self.most, self.count = parser.parse(pattern), most, 0

    def run(self, text: str, anywhere: bool = True) -> int:
        """How many steps it takes to find out that, or where, the text matches."""
        self.count = 0
        for start in range(len(text) + 1) if anywhere else (0,):
            if next(self._all(list(self.tree), text, start), None) is not None:
                break
        return self.count

    def _all(self, items: list[Any], text: str, at: int) -> Iterator[int]:
        self.count += 1
        if self.count > self.most:
            raise TooMany
        if not items:
            yield at
            return
        (op, value), rest = items[0], items[1:]
        name = str(op)
        if name in ("MAX_REPEAT", "MIN_REPEAT"):
            yield from self._repeat(value, rest, text, at, name == "MIN_REPEAT")
        elif name == "SUBPATTERN":
            yield from self._all([*value[-1], *rest], text, at)
        elif name == "BRANCH":
            for branch in value[1]:
                yield from self._all([*branch, *rest], text, at)
        elif name in ("ASSERT", "ASSERT_NOT"):
            found = value[0] < 0 or next(self._all(list(value[1]), text, at), None) is not None
            if found == (name == "ASSERT") or value[0] < 0:
                yield from self._all(rest, text, at)
        elif name in ("AT", "GROUPREF", "ATOMIC_GROUP"):
            if name != "AT" or "END" not in str(value) or at == len(text):
                yield from self._all(rest, text, at)
        elif at < len(text) and self._one(name, value, text[at]):
            yield from self._all(rest, text, at + 1)

    def _repeat(self, value: Any, rest: list[Any], text: str, at: int, lazy: bool) -> Iterator[int]:
        least, most, body = value[0], value[1], list(value[2])
        ends = [at]
        if len(body) == 1 and str(body[0][0]) not in ("SUBPATTERN", "BRANCH", "MAX_REPEAT", "MIN_REPEAT"):
            while len(ends) - 1 < min(int(most), len(text)) and ends[-1] < len(text) and self._one(str(body[0][0]), body[0][1], text[ends[-1]]):
                self.count += 1
                ends.append(ends[-1] + 1)
            order = ends[least:] if lazy else reversed(ends[least:])
            for end in order:
                yield from self._all(rest, text, end)
            return

        def again(done: int, place: int) -> Iterator[int]:
            if lazy and done >= least:
                yield from self._all(rest, text, place)
            if done < int(most):
                for end in self._all(body, text, place):
                    if end > place:
                        yield from again(done + 1, end)
            if not lazy and done >= least:
                yield from self._all(rest, text, place)

        yield from again(0, at)

    def _one(self, name: str, value: Any, sign: str) -> bool:
        if name == "LITERAL":
            return ord(sign) == value
        if name == "NOT_LITERAL":
            return ord(sign) != value
        if name == "ANY":
            return sign != "\n"
        if name == "IN":
            return self._in(value, sign)
        raise AssertionError(f"this matcher knows no {name}")

    def _in(self, value: Any, sign: str) -> bool:
        told = [pair for pair in value if str(pair[0]) != "NEGATE"]
        found = any(self._kind(str(op), what, sign) for op, what in told)
        return found != (len(told) < len(value))

    def _kind(self, name: str, what: Any, sign: str) -> bool:
        if name == "RANGE":
            return what[0] <= ord(sign) <= what[1]
        if name == "CATEGORY":
            kinds: dict[str, Callable[[str], bool]] = {"DIGIT": str.isdigit, "SPACE": str.isspace, "WORD": lambda s: s.isalnum() or s == "_"}
            kind = str(what).removeprefix("CATEGORY_")
            return kinds[kind.removeprefix("NOT_")](sign) != kind.startswith("NOT_")
        return self._one(name, what, sign)


def letters(pattern: str) -> list[str]:
    """Signs that a pattern knows, and some that it may not."""
    known = [chr(value) for _, value in re.findall(r"(LITERAL) (\d+)", _dump(pattern)) for value in [int(value)] if value > 31]
    return list(dict.fromkeys(["a", "1", " ", ".", "-", *known]))[:7]


def _dump(pattern: str) -> str:
    return re.sub(r"\(LITERAL, (\d+)\)", r"LITERAL \1", repr(parser.parse(pattern)))


def grows(pattern: str) -> str | None:
    """The text, if any, against which the steps grow faster than a square."""
    steps, signs = Steps(pattern), letters(pattern)
    for unit in [*signs, *(a + b for a in signs for b in signs if a != b)]:
        try:
            once, twice = (steps.run(unit * many + "\x00!") for many in (14, 28))
        except TooMany:
            return unit
        if twice > 4.6 * once + 200:
            return unit
    return None


FOUND = sorted({(str(path.relative_to(SRC)), pattern) for path in SRC.rglob("*.py") for pattern in patterns(path.read_text(encoding="utf-8"))})


def test_the_source_has_patterns_and_all_are_read() -> None:
    assert len(FOUND) > 20
    spoken = sum(path.read_text(encoding="utf-8").count("re.compile(") for path in SRC.rglob("*.py"))
    assert spoken <= len([pattern for _, pattern in FOUND]) + 5


#: Nested all the same, each with its reason; their steps are counted like everybody's.
NESTED = {r"https?://[^/?#]+(?:/[^/?#]+)*/[A-Za-z0-9_-]{1,64}": "what repeats begins with a sign that it cannot hold: there is one way to read it"}


def test_no_pattern_repeats_without_bound_what_repeats_without_bound() -> None:
    assert {pattern for _, pattern in FOUND if nested(pattern)} == set(NESTED)


def test_the_steps_of_no_pattern_grow_faster_than_a_square() -> None:
    assert {(name, pattern): unit for name, pattern in FOUND if (unit := grows(pattern)) is not None} == {}


@pytest.mark.parametrize("pattern", [r"^(\w+\s?)*$", r"(a+)+b", r"([a-z]*)*!", r"(?:a|aa)+$", r"(.*,){20}x", r"(x+x+)+y", r"^(a|b|ab)*c$"])
def test_control_a_pattern_that_explodes_is_caught(pattern: str) -> None:
    assert nested(pattern) or grows(pattern) is not None
    assert grows(pattern) is not None or "{20}" in pattern


@pytest.mark.parametrize("pattern", [r"[a-z]+-[0-9]{1,4}", r"(?:[0-9]{1,3}\.){3}[0-9]{1,3}", r"\s*x\s*"])
def test_control_an_innocent_pattern_passes(pattern: str) -> None:
    assert not nested(pattern) and grows(pattern) is None
    assert re.compile(pattern)
