"""Chances of a stated curve: read exactly, bounded, and refused with their sum. The oracle is exact fractions."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.market import stated
from anyday.refusals import Reason, Refusal

ALL = 10**6 * stated.FINER


def no(answer: object) -> str:
    assert isinstance(answer, Refusal)
    assert answer.reason is Reason.NOT_A_CURVE
    assert "…" not in str(answer)
    return str(answer)


@given(st.integers(0, 10**6 - 1), st.integers(0, 12), st.booleans(), st.booleans())
def test_every_decimal_is_read_as_it_is_written(number: int, decimals: int, percent: bool, negative: bool) -> None:
    digits = str(number).rjust(decimals + 1, "0")
    written = f"{digits[: len(digits) - decimals]}.{digits[len(digits) - decimals :]}".rstrip(".")
    typed = f"{'-' if negative else ''}{written}{'%' if percent else ''}"
    exact = Fraction(written) * (-1 if negative else 1) / (100 if percent else 1)
    assert stated.share(typed) == exact * ALL


@pytest.mark.parametrize(
    "typed", ["", "%", "NaN", "nan%", "inf", "1e-3", "0x1", "half", "1,5%", "١٠%", ".5", "5.", "--5%", "9" * 40, "0." + "1" * 13]
)
def test_what_is_no_number_is_no_chance(typed: str) -> None:
    assert stated.share(typed) is None
    assert "is not a chance such as" in no(stated.ppm(typed, "never"))
    assert "is not a chance such as" in no(stated.pieces([("June", typed)], "5%", whole=True))
    assert "for never" in no(stated.pieces([("June", "95%")], typed, whole=False))


@pytest.mark.parametrize(("typed", "parts"), [("0", 0), ("0%", 0), ("100%", 10**6), ("1", 10**6), ("0.000001", 1), ("12.3456 %", 123_456)])
def test_nothing_and_all_of_it_are_chances_here(typed: str, parts: int) -> None:
    assert stated.ppm(typed, "June") == parts


@pytest.mark.parametrize(
    ("chances", "never", "said"),
    [
        (["50%", "45.00001%"], "5%", "its chances make 100.00001 %, not 100 %"),
        (["0.5", "0.4999999"], "0", "its chances make 99.99999 %, not 100 %"),
        (["999999"], "0", "its chances make 99,999,900 %, not 100 %"),
        (["-10%", "105%"], "5%", "the chance of “a” is below 0 %, and all of them make 100 %"),
        (["-10%", "95%"], "5%", "the chance of “a” is below 0 %, and all of them make 90 %"),
        (["50.00001%", "49.99999%"], "0", "the chance of “a” is finer than 0.0001 %"),
        ([], "99%", "its chances make 99 %, not 100 %"),
    ],
)
def test_a_sum_that_is_off_or_a_part_below_nothing_is_said(chances: list[str], never: str, said: str) -> None:
    pieces = list(zip("abc", chances, strict=False))
    assert said in no(stated.pieces(pieces, never, whole=True))


def test_parts_that_are_no_whole_may_be_what_they_are() -> None:
    assert stated.pieces([("a", "50%"), ("b", "90%")], "5%", whole=False) == ((("a", 500_000), ("b", 900_000)), 50_000)
    assert "above 100 %" in no(stated.pieces([("a", "101%")], "5%", whole=False))
    assert "below 0 %" in no(stated.pieces([("a", "10%")], "-1%", whole=False))


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=30))
def test_a_whole_is_taken_exactly_when_it_is_one(masses: list[int]) -> None:
    typed = [(str(place), f"{mass / 10**4:.4f}%") for place, mass in enumerate(masses[:-1])]
    never = f"0.{masses[-1]:06d}" if masses[-1] < 10**6 else "1"
    read = stated.pieces(typed, never, whole=True)
    if sum(masses) == 10**6:
        assert read == (tuple((str(place), mass) for place, mass in enumerate(masses[:-1])), masses[-1])
    else:
        assert f"make {sum(masses) / 10**4:,.4f}".rstrip("0").rstrip(".") + " %, not 100 %" in no(read)


def test_a_million_pieces_are_refused_before_any_is_read() -> None:
    assert "it has 1,000,000 pieces, more than 1,000" in no(stated.pieces([("a", "no number")] * 1_000_000, "5%", whole=True))
    assert not isinstance(stated.pieces([("a", "0.1%")] * 1_000, "0", whole=True), Refusal), "control: a thousand are taken"
