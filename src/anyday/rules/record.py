"""The record: what every mechanism and every forecaster said before it happened, scored once the outcome is known.

The numbers are decided with the ruling and written as integers: nobody ever computes them again, and track records, tables and
reviews are sums of rows. What was said is the curve that stood 90, 30, 7 and 1 days before the start of the grain it
happened in (before the horizon, for never), and the last that stood. These looks know when it happened: even a perfect
curve gives less chance than comes true to what is a day away. So calibration has a look of its own, ``START``, whose
instant hangs on the question alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from anyday.instants import DAY, Instant
from anyday.market import scores
from anyday.market.curve import Curve
from anyday.market.forecast import Forecasts, Stated
from anyday.market.prior import WHOLE
from anyday.rules import events as e
from anyday.rules.ledger import CLOSEST, FORECAST, MARKET, TOTE, player_account
from anyday.rules.question import Question

#: So many days before it happened; 0 is the last curve that stands.
DAYS: Final = (90, 30, 7, 1, 0)
#: Kept in place of days: when the first tenth of the question's time began that began after it opened.
START: Final = -1
#: P(it has happened by then) is kept for each tenth of the question's time that is still ahead.
TENTHS: Final = 10
_MILLION: Final = 1_000_000

Grains = tuple[int, int] | None


class Looks:
    """When to look at what stood, on the way through what a cut leaves; and what was seen. ``see`` is a visitor of
    ``question.standing``."""

    def __init__(self, question: Question, cut: Instant | None) -> None:
        self._question = question
        self._days = _looks(question, cut)
        last = self._days.get(0, Instant(0))
        noted = question.notes if self._days and MARKET in question.mechanisms else []
        self._notes = [(version, note) for version, note in noted if question.opened.at <= note.at <= last]
        self._after = {version: min(last, Instant(note.at + DAY)) for version, note in self._notes}
        self._said: dict[Instant, dict[str, Curve]] = {}
        assert all(at >= note.at for (_, note), at in zip(self._notes, self._after.values(), strict=True)), "the day after comes after"

    @property
    def stops(self) -> list[Instant]:
        """The instants to look at, rising."""
        stops = {*self._days.values(), *(Instant(note.at) for _, note in self._notes), *self._after.values()}
        assert all(at >= self._question.opened.at for at in stops), "nobody looks before it opened"
        return sorted(stops)

    def see(self, state: Question, at: Instant) -> None:
        """Keep what stands at ``at``."""
        assert at not in self._said, "each moment comes once"
        if at in self._days.values():
            self._said[at] = dict(_said(state, at))
        else:  # of a note only how the market moved is kept, and anybody may write many
            self._said[at] = {MARKET: state.market.curve()}

    def scored(self, kept: Question, grains: Grains, now: Instant) -> tuple[e.Scored, ...]:
        """What was said, scored for an outcome in ``grains`` (None: never), given what the cut leaves. Nothing where no time was
        left to say it."""
        if not self._days:
            return ()
        marks = tuple(_mark(who, days, curve, grains, kept) for days, at in self._days.items() for who, curve in self._said[at].items())
        moved = tuple(
            e.Moved(version, round(WHOLE * shift(self._said[Instant(note.at)][MARKET], self._said[self._after[version]][MARKET])))
            for version, note in self._notes
        )
        assert all(0 <= move.moved <= WHOLE for move in moved), "no more than all of it moves"
        return (e.Scored(at=now, marks=marks, results=tuple(_results(kept, grains)), moved=moved),)


def _looks(question: Question, cut: Instant | None) -> dict[int, Instant]:
    """When to look, by days: those at which the question was open. Before the last grain passes, where nothing is cut."""
    horizon, opened = question.horizon, question.opened
    until = cut if cut is not None else Instant(horizon.start(horizon.count - 1) - opened.lead)
    since = cut if cut is not None else Instant(horizon.end - opened.lead)
    looks = {0: Instant(until - 1)} | {days: Instant(since - days * DAY) for days in DAYS if days} | {START: _start(question)}
    found = {days: at for days, at in looks.items() if opened.at <= at < until}
    assert all(days in (*DAYS, START) for days in found), "the looks that are kept"
    return found if 0 in found else {}


def _start(question: Question) -> Instant:
    """When to look without knowing when it happened: a perfect curve is right as often as it says on those that are still open
    then. The horizon where no tenth begins after the opening."""
    horizon, opened = question.horizon, question.opened
    begins = (Instant(horizon.start(horizon.count * tenth // TENTHS) - opened.lead) for tenth in range(TENTHS))
    found = next((at for at in begins if at >= opened.at), horizon.end)
    assert found >= opened.at, "nobody looks before it opened"
    return found


def _said(state: Question, at: Instant) -> Iterator[tuple[str, Curve]]:
    """Every curve that stood at an instant: each mechanism's, and each forecaster's. Entries count once they have closed."""
    if MARKET in state.mechanisms:
        yield MARKET, state.market.curve()
    if at < state.opened.closes:
        return
    for name in (TOTE, CLOSEST):
        curve = state.mechanisms[name].curve() if name in state.mechanisms else None
        if curve is not None and curve.survival(state.passed) > 0:
            yield name, curve.condition(state.passed)
    if FORECAST not in state.mechanisms:
        return
    crowd = Forecasts(state.horizon, state.opened.lead)
    for player in state.forecast.players:
        report = state.forecast.standing(player, at)
        crowd.apply(Stated(player, Instant(state.opened.closes - 1), report, 1))
        if report.survival(state.passed) > 0:
            yield player_account(player), report.curve().condition(state.passed)
    together = crowd.curve()
    if together is not None and together.survival(state.passed) > 0:
        yield FORECAST, together.condition(state.passed)
    assert state.passed < state.horizon.count, "somebody looks while some of its time is left"


def _mark(who: str, days: int, curve: Curve, grains: Grains, question: Question) -> e.Mark:
    count = question.horizon.count
    places = sorted({count * tenth // TENTHS for tenth in range(1, TENTHS + 1)} - {0})
    ahead = [place for place in places if place > curve.edges[0]]  # that it did not happen in what had passed is no claim
    claims = scores.claims_before(curve, grains, ahead, question.id)
    low, high = scores.pit(curve, grains)
    assert claims, "the horizon itself is never inside a window"
    return e.Mark(
        who, days, round(_MILLION * scores.log_score(curve, grains)), round(WHOLE * scores.crps(curve, grains, count)),
        round(WHOLE * scores.brier(curve, grains, places)), round(WHOLE * low), round(WHOLE * high),
        tuple((min(WHOLE, round(WHOLE * chance)), true) for chance, true, _ in claims),
    )  # fmt: skip


def _results(kept: Question, grains: Grains) -> Iterator[e.Result]:
    """How each player did in the mechanisms with sealed entries."""
    if FORECAST in kept.mechanisms:
        for player, score in kept.forecast.scores(grains).items():
            yield e.Result(player, FORECAST, score)
    if CLOSEST not in kept.mechanisms:
        return
    nearest: dict[str, int | None] = {}
    for guess in kept.closest.guesses:
        distances = [far for far in (kept.closest.distance(guess, grains), nearest.get(guess.player)) if far is not None]
        nearest[guess.player] = min(distances, default=None)
    assert nearest.keys() <= set(kept.closest.players), "only who guessed has a distance"
    for player, distance in nearest.items():
        yield e.Result(player, CLOSEST, distance)


def shift(before: Curve, after: Curve) -> float:
    """How much of a curve moved: the share of chance that changed its place (total variation), the older curve conditioned on
    what has not passed since. 0 to 1."""
    assert before.edges[0] <= after.edges[0] and before.edges[-1] == after.edges[-1], "time runs forwards, in one question"
    if not after.masses:
        return 0.0
    older = before.condition(after.edges[0])
    edges = sorted({*older.edges, *after.edges})
    moved = sum(abs(older.between(a, b) - after.between(a, b)) for a, b in pairwise(edges)) + abs(older.never - after.never)
    return min(1.0, moved / 2)

