"""Small questions of an office, told in days before and after the moment at which the demo is loaded: what is played beside a market."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant, day_start, utc_of
from anyday.lab.beliefs import Known
from anyday.lab.cases import Asked
from anyday.lab.staged import FIRST_THREE, ZONE, Plays, Ruling, Staged, news, opened_before, visits
from anyday.points import UNITS_A_POINT
from anyday.rules import commands as c


@dataclass(frozen=True, slots=True)
class Errand:
    """One of them. It was asked ``ago`` days before now, its time begins ``starts`` days after that and lasts ``days``; the plan and what
    happened are days from that beginning, and so are its near misses: (day, what, evidence)."""

    title: str
    terms: str
    source: str
    ago: int
    starts: int
    days: int
    plan: int
    plays: Plays
    happened: int | None = None
    evidence: str = ""
    misses: tuple[tuple[int, str, str], ...] = ()


_NOT_PAST: Final = c.ClosestTerms(5 * UNITS_A_POINT, variant="not_past")
ERRANDS: Final = (
    Errand(
        "When will the last box from the move be unpacked?",
        "The day on which the last cardboard box from the move is empty, flat and in the paper bin. A box under a screen is a box.",
        "The corridor", 9, 16, 63, 20, Plays(market=False, tote=c.ToteTerms("week")),
    ),
    Errand(
        "When will the support inbox be empty for the first time?",
        "The day on which the shared support inbox holds no unanswered message at 17:00. Spam does not count.",
        "The counter above the inbox", 6, 12, 70, 25, Plays(market=False, forecast=True),
    ),
    Errand(
        "When will the team photograph hang in the hall?",
        "The day on which the framed photograph of the team hangs in the hall. Leaning against the wall is not hanging.",
        "The wall in the hall", 41, 1, 70, 33, Plays(closest=FIRST_THREE, forecast=True), 38, "It hangs, and straight: the level is still beside it.",
        ((36, "The frame hung for an hour, empty.", "Three people saw it."),),
    ),
    Errand(
        "When will the new code open the front door?",
        "The day on which the front door first opens with the new code. The side door does not count.",
        "The keypad", 38, 2, 49, 20, Plays(closest=_NOT_PAST, forecast=True), 27, "It opened for Lena at 8:12.",
    ),
    Errand(
        "When will somebody finish the thousand-piece puzzle in the kitchen?",
        "The day on which its last piece is put in. A piece that is lost counts as put in once it has been drawn on paper.",
        "The table in the kitchen", 50, 2, 60, 30, Plays(forecast=True), 34, "Done at lunch, with one piece of paper in it.",
        ((25, "It was done but for the sky, and then somebody needed the table.", "The sky, in a bowl"),),
    ),
    Errand(
        "When will the lift run again?",
        "The day on which the lift first carries somebody from the ground floor to ours. Being carried down does not count.",
        "The sign on the lift's door", 66, 3, 56, 19, Plays(tote=c.ToteTerms("week"), forecast=True), 27, "The sign is gone, and Lena came up in it.",
        ((22, "It came up to our floor, with the mechanic on its roof.", "The mechanic, at lunch"),),
    ),
)  # fmt: skip


def errands(now: Instant) -> list[Staged]:
    """All of them, as they stand at ``now``."""
    return [_staged(one, now) for one in ERRANDS]


def _staged(one: Errand, now: Instant) -> Staged:
    opened = opened_before(now, one.ago, 8)
    begins = utc_of(opened).date() + timedelta(days=one.starts)
    horizon, origin = begins + timedelta(days=one.days), day_start(begins, ZONE)
    asked = Asked(opened, one.title, one.terms, one.source, ZONE, Grain.DAY, begins.isoformat(), horizon.isoformat())

    def known(at: Instant) -> Known:
        return Known(one.days, 1, one.plan + 0.5, max(0.0, one.plan + 0.5 - (at - origin) / DAY), 5.0, (), 0, 0)

    ruling, end = None, now
    if one.happened is not None:
        end = Instant(origin + one.happened * DAY + 10 * HOUR)
        ruled = Instant(end + DAY) if now - end > 3 * DAY else Instant(now - HOUR)  # so that there is something in this week's review
        ruling = Ruling(ruled, (begins + timedelta(days=one.happened)).isoformat(), one.evidence)
    told = tuple(news(Instant(origin + day * DAY + 11 * HOUR), text, evidence, "near_miss") for day, text, evidence in one.misses)
    sessions = visits(opened, end, [24.0 * day for day in range(1, one.ago, 3)])
    return Staged(asked, True, sessions, known, c.OpeningUniform(50_000), ruling=ruling, plays=one.plays, acts=told)
