"""Track records and tables: the sums of the rows as views, with their sentences. Settled questions only, whoever asks.

Few cases are said plainly and are never ranked: ``LEAST`` says from how many on a number means something.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Final, NamedTuple

from anyday import wire
from anyday.instants import Grain, Instant, Window, iso
from anyday.market import MECHANISMS, scores
from anyday.market.forecast import PERFECT
from anyday.market.prior import WHOLE
from anyday.phrases import say_instant, say_window
from anyday.points import write_points
from anyday.reads import players, records
from anyday.reads.records import Claimed, MeanMark
from anyday.refusals import Reason, Refusal
from anyday.rules.ledger import player_account
from anyday.service import periods
from anyday.service.names import Names, named
from anyday.store.database import Database

#: Below so many questions a calibration tells nothing, and nobody is ranked by it.
LEAST_CALIBRATED: Final = 10
#: Below so many forecasts nobody is ranked by their mean score.
LEAST_SCORED: Final = 3
#: What a player's page lists.
MOST_PLAYED: Final = 50


def record(database: Database, crew: str) -> wire.RecordView:
    """The crew's mechanisms side by side."""
    counts, taken = records.count_by_mechanism(database, crew), _taken(records.profits(database, crew))
    marks, claims = _by_who(records.marks(database, crew, records.ANY_MECHANISM)), records.claims(database, crew, records.ANY_MECHANISM)
    questions = records.count_settled(database, crew)
    tracks = tuple(
        wire.TrackRecord(
            name=name, kind=name, questions=counts[name], profit=write_points(-taken[name]), marks=_marks(marks.get(name, ())),
            calibration=calibration(claims.get(name, ())),
        )
        for name in MECHANISMS if name in counts
    )  # fmt: skip
    return wire.RecordView(questions, _few(questions), tracks)


def _taken(profits: Iterable[records.Profit]) -> dict[str, int]:
    """What all players together made in each mechanism."""
    found: defaultdict[str, int] = defaultdict(int)
    for profit in profits:
        found[profit.mechanism] += profit.profit
    return found


def _by_who(marks: Iterable[MeanMark]) -> dict[str, list[MeanMark]]:
    found: defaultdict[str, list[MeanMark]] = defaultdict(list)
    for mark in marks:
        found[mark.who].append(mark)
    return found


def _marks(marks: Sequence[MeanMark]) -> tuple[wire.MarkView, ...]:
    """The means, the earliest look first, ``START`` at the end; a look that no question has is left out."""
    held = {mark.days: mark for mark in marks}
    return tuple(
        wire.MarkView(days, mark.questions, round(mark.log / mark.questions), round(mark.crps / mark.questions), round(mark.brier / mark.questions))
        for days in records.LOOKS if (mark := held.get(days)) is not None
    )  # fmt: skip


def _few(questions: int) -> str:
    if questions == 0:
        return "No question has been settled yet."
    said = "1 question has been settled" if questions == 1 else f"{questions} questions have been settled"
    return f"{said}." if questions >= LEAST_CALIBRATED else f"{said}: too few to tell much."


# calibration


def calibration(claims: Sequence[Claimed]) -> wire.CalibrationView:
    """What was said of "before t" when each question's time began, against what came true; and how the outcomes lay in it."""
    questions = len(claims)
    said = [each for claim in claims for each in claim.said]
    if not said:
        return wire.CalibrationView(0, 0, None, (), "Nothing was said yet of a question that has been settled.")
    levels = scores.calibration(said)
    error = round(WHOLE * scores.calibration_error(levels))
    spread = scores.d_calibration([(claim.low / WHOLE, claim.high / WHOLE) for claim in claims])
    p_value = round(WHOLE * spread.p_value)
    return wire.CalibrationView(
        questions, len(said), error, tuple(map(_level, levels)), _calibration_said(questions, error, levels),
        tuple(f"{count:.2f}" for count in spread.counts), f"{spread.statistic:.2f}", p_value, _spread_said(questions, p_value),
    )  # fmt: skip


def _level(level: scores.Level) -> wire.LevelView:
    stated, came_true, least, most, low, high = (
        round(WHOLE * share) for share in (level.stated, level.came_true, level.least, level.most, level.low, level.high)
    )
    return wire.LevelView(low, high, level.count, level.questions, stated, came_true, least, most)


def _calibration_said(questions: int, error: int, levels: Sequence[scores.Level]) -> str:
    """The picture in a sentence: how far off, and at how many levels by more than chance explains."""
    if questions < LEAST_CALIBRATED:
        return f"{_questions(questions)}: too few to tell."
    off = sum(not level.least <= level.stated <= level.most for level in levels)
    where = {0: "at no level", 1: "at one level"}.get(off, f"at {off} levels")
    return f"Over {_questions(questions)} the chances stated were off by {_percent(error)} on average; {where} by more than chance explains."


def _spread_said(questions: int, p_value: int) -> str:
    """D-calibration in a sentence. Its test needs some cases in each tenth to mean anything."""
    if questions < LEAST_CALIBRATED:
        return f"{_questions(questions)}: too few to tell whether outcomes came as early and as late as was said."
    chance = "less than 0.1 %" if p_value < 1_000 else f"only {_percent(p_value)}" if p_value < 50_000 else _percent(p_value)
    uneven = f"Counts as uneven as these come about by chance {chance} of the time"
    fit = "the outcomes did not come" if p_value < 50_000 else "the outcomes may well have come"
    rough = " With fewer than 50 questions this is rough." if questions < 50 else ""
    return f"{uneven}: {fit} as early and as late as was said.{rough}"


def _questions(count: int) -> str:
    return "1 question" if count == 1 else f"{count} questions"


def _percent(ppm: int) -> str:
    return f"{ppm / 10_000:.1f} %" if ppm < 99_500 else f"{ppm / 10_000:.0f} %"


# a player


def player(database: Database, crew: str, player_id: str | None, names: Names, zone: str, actor: str | None) -> wire.TrackRecord | Refusal:
    """One member's track record; NOT_FOUND for who is no member, whatever else they may be. What each question paid, and how far
    off a guess was, is told to its own player alone: from these one could read what somebody held."""
    member = next((row for row in players.members(database, crew) if row.player == player_id), None)
    if member is None or player_id is None:
        return Refusal(Reason.NOT_FOUND, what="player")
    who = player_account(player_id)
    made = sum(profit.profit for profit in records.profits(database, crew, player=player_id))
    forecasts = next(iter(records.forecast_scores(database, crew, player=player_id)), None)
    far = records.distances(database, crew, player_id)
    near = [distance for distance in far if distance is not None]
    mean = _share(Fraction(forecasts.total, forecasts.questions * PERFECT)) if forecasts else None
    return wire.TrackRecord(
        name=named(names, player_id), kind="player", questions=records.count_played(database, crew, player=player_id).get(player_id, 0),
        profit=write_points(made), marks=_marks(records.marks(database, crew, who)),
        calibration=calibration(records.claims(database, crew, who).get(who, ())), simulated=member.simulated,
        forecasts=forecasts.questions if forecasts else 0, score=mean,
        guesses=len(far), exact=near.count(0), distance=f"{statistics.median(near):g}" if near else None,
        played=tuple(_played(row, zone, player_id == actor) for row in records.played(database, crew, player_id, MOST_PLAYED)),
    )  # fmt: skip


def _share(share: Fraction) -> str:
    """A mean score or an error between 0 and 1, to four decimals."""
    return f"{float(share):.4f}"


def _played(row: records.Played, zone: str, own: bool) -> wire.PlayedView:
    guess = None
    if row.guessed and own:
        guess = "could not win" if row.distance is None else "exact" if row.distance == 0 else f"{row.distance} off"
    return wire.PlayedView(
        row.question, row.title, iso(row.ruled_at), say_ended(row.never, row.start, row.end, zone),
        write_points(row.profit) if row.profit is not None and own else None, None if row.score is None else f"{row.score / PERFECT:.4f}", guess,
    )  # fmt: skip


def say_ended(never: int, start: int, end: int, zone: str) -> str:
    """When it happened, in the crew's zone: from a row, which knows no question's zone or grain."""
    if never:
        return "never"
    if end == start + 1:
        return say_instant(Instant(start), zone, Grain.MINUTE)
    return say_window(Window(Instant(start), Instant(end)), zone, Grain.MONTH)


# tables


class _Row(NamedTuple):
    """One player's number: ``rank`` orders (the greater the better), ``value`` is shown."""

    player: str
    rank: Fraction | int
    value: str
    questions: int


def tables(database: Database, crew: str, period: periods.Period, now: Instant, names: Names, actor: str | None) -> wire.TablesView:
    """Who is ahead in a period: by profit, by mean forecast score, by calibration error. Nobody without a settled question."""
    span, scored, right = period.span, LEAST_SCORED, LEAST_CALIBRATED
    simulated = {row.player: row.simulated for row in players.members(database, crew)}

    def table(by: str, said: str, least: int, rows: Iterable[_Row]) -> wire.TableView:
        held = [row for row in rows if row.player in simulated]
        enough = [row for row in held if row.questions >= least]
        return wire.TableView(by, said, least, len(held) - len(enough), _places(enough, names, simulated, actor))

    return wire.TablesView(
        periods.view(period, now), records.count_settled(database, crew, span), (
            table("profit", "What the payouts brought, less what the bets cost.", 1, _by_profit(database, crew, span)),
            table("score", f"The mean score of sealed forecasts, 1 the best; of who made {scored} or more.", scored, _by_score(database, crew, span)),
            table(
                "calibration", "How far the chances that one’s forecasts stated were from what came true, 0 the best; of who made "
                f"{right} or more.", right, _by_calibration(database, crew, span),
            ),
        ),
    )  # fmt: skip


def _by_profit(database: Database, crew: str, span: records.Span) -> list[_Row]:
    made: defaultdict[str, int] = defaultdict(int)
    for profit in records.profits(database, crew, span):
        made[profit.player] += profit.profit
    counts = records.count_played(database, crew, span)
    return [_Row(who, profit, write_points(profit), counts[who]) for who, profit in made.items()]


def _by_score(database: Database, crew: str, span: records.Span) -> list[_Row]:
    found = []
    for row in records.forecast_scores(database, crew, span):
        mean = Fraction(row.total, row.questions * PERFECT)
        found.append(_Row(row.player, mean, _share(mean), row.questions))
    return found


def _by_calibration(database: Database, crew: str, span: records.Span) -> list[_Row]:
    found = []
    for who, held in records.claims(database, crew, records.ANY_PLAYER, span).items():
        player_id = records.player_of(who)
        if player_id is not None:
            error = round(WHOLE * scores.calibration_error(scores.calibration([each for claim in held for each in claim.said])))
            found.append(_Row(player_id, -error, _share(Fraction(error, WHOLE)), len(held)))
    return found


def _places(rows: Sequence[_Row], names: Names, simulated: Mapping[str, bool], actor: str | None) -> tuple[wire.PlaceView, ...]:
    """In order; equal numbers share the better place, and the next one is as many lower."""
    ordered = sorted(rows, key=lambda row: (-row.rank, named(names, row.player), row.player))
    first = {rank: place for place, rank in reversed(list(enumerate((row.rank for row in ordered), start=1)))}
    return tuple(
        wire.PlaceView(first[row.rank], named(names, row.player), row.value, row.questions, simulated[row.player], row.player == actor)
        for row in ordered
    )
