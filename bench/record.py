"""Figures of the record: settling 100,000 entries of each mechanism, a review over 1,000 settled questions, scores against others.

Run it as ``python bench/record.py [--json] [--quick]``. Times are medians of several rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "src"))

import msgspec
import numpy as np
import scoringrules  # type: ignore[import-untyped]

from anyday.instants import DAY, Grain, Instant
from anyday.market import lmsr, scores
from anyday.market.closest import Closest, Variant
from anyday.market.curve import Curve
from anyday.market.forecast import Forecasts, Stated
from anyday.market.horizon import Claim, Horizon
from anyday.market.maker import Market
from anyday.market.mechanism import Entry, Fill, Order
from anyday.market.prior import uniform
from anyday.market.report import Report, report_from_quantiles
from anyday.market.tote import Tote
from anyday.refusals import Refusal
from anyday.rules import events as e
from anyday.rules.ledger import CREW, player_account
from anyday.rules.record import DAYS, START
from anyday.service import periods, review
from anyday.settings import Settings
from anyday.store import codec
from anyday.store.database import Database

SEED = 20270314
#: A question of two years by days, and when entries are made: before it begins.
COUNT = 730
HORIZON = Horizon(Grain.DAY, "UTC", Instant(10 * DAY), ((COUNT, DAY),), "bench")
#: The same two years by weeks. A forecast's score goes through each grain that had not passed, so their number is its cost.
WEEKS = Horizon(Grain.WEEK, "UTC", Instant(10 * DAY), ((104, 7 * DAY),), "bench")
BEFORE = Instant(9 * DAY)
POINT = 1_000_000
QUESTIONS = 1_000
PLAYERS = 20
#: 2 January 2022, near the start of a quarter.
FIRST = 18_994 * DAY


def median_ms(work: Callable[[], object], rounds: int) -> float:
    """The median time of a piece of work, in milliseconds."""
    spent = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        spent.append((time.perf_counter() - start) * 1_000)
    return statistics.median(spent)


# settling


def tote(entries: int) -> Tote:
    """Stakes on 104 slots of a week and on never, by a tenth as many players."""
    rng = random.Random(SEED)
    edges = (*range(0, COUNT, 7), COUNT)
    made = Tote(HORIZON, edges, takeout=50_000)
    for number in range(entries):
        slot = rng.randrange(len(edges))
        claim = Claim(0, COUNT, True) if slot == len(edges) - 1 else Claim(edges[slot], edges[slot + 1], False)
        made.apply(Entry(f"p{number % (entries // 10):06}", BEFORE, claim, rng.randrange(1, 100 * POINT)))
    return made


def closest(entries: int) -> Closest:
    """A guess each, around the middle; first three share."""
    rng = random.Random(SEED)
    made = Closest(HORIZON, Variant.NEAREST, (50, 30, 20), POINT, many=False)
    for number in range(entries):
        grain = min(COUNT - 1, max(0, round(rng.gauss(COUNT / 2, COUNT / 6))))
        made.apply(Entry(f"p{number:06}", BEFORE, Claim(grain, grain + 1, False), POINT))
    return made


def forecast(entries: int, horizon: Horizon = WEEKS) -> Forecasts:
    """A curve each, by three quantiles, and a stake."""
    rng = random.Random(SEED)
    made = Forecasts(horizon)
    for number in range(entries):
        at = sorted(rng.sample(range(1, horizon.count - 1), 3))
        report = report_from_quantiles(horizon.count, list(zip(at, (200_000, 500_000, 800_000), strict=True)), 100_000)
        assert isinstance(report, Report), report
        made.apply(Stated(f"p{number:06}", BEFORE, report, rng.randrange(1, 100 * POINT)))
    return made


def market(entries: int) -> Market:
    """Small bets on windows by a tenth as many players: all of them together stay within what the market takes."""
    rng = random.Random(SEED)
    opening = uniform(COUNT, 200_000)
    assert not isinstance(opening, Refusal)
    depth = lmsr.liquidity_for(10**12, opening)
    assert not isinstance(depth, Refusal)
    made = Market(HORIZON, opening, depth[0], depth[1])
    done = 0
    while done < entries:
        first, last = sorted(rng.sample(range(COUNT + 1), 2))
        player = f"p{done % (entries // 10):06}"
        quote = made.quote(Order(player, Claim(first, last, False), shares=rng.randrange(1, depth[0] // 5_000)))
        assert not isinstance(quote, Refusal), quote
        made.apply(Fill(player, quote.claim, quote.shares, quote.charge, quote.released))
        done += 1
    return made


def settling(entries: int, rounds: int) -> dict[str, Any]:
    """What each mechanism with so many entries pays, and in how many milliseconds it is known."""
    days: Sequence[tuple[int, int] | None] = ((400, 401), (393, 414), None)
    weeks: Sequence[tuple[int, int] | None] = ((57, 58), (56, 59), None)
    found: dict[str, Any] = {"entries": entries}
    for name, make, outcomes in (("tote", tote, days), ("closest", closest, days), ("forecast", forecast, weeks), ("market", market, days)):
        found[name] = _settled(make(entries), outcomes, rounds)
    found["forecast_by_days"] = _settled(forecast(entries // 10, HORIZON), days, rounds)
    return found


def _settled(made: Tote | Closest | Forecasts | Market, outcomes: Sequence[tuple[int, int] | None], rounds: int) -> dict[str, Any]:
    """The median time for an instant, for a window and for never; the longest of them is the figure. They take turns: a forecast
    keeps its scores for the outcome that was asked last."""
    took: dict[str, list[float]] = {str(outcome): [] for outcome in outcomes}
    for _ in range(rounds):
        for outcome in outcomes:
            took[str(outcome)].append(median_ms(functools.partial(made.payouts, outcome), 1))
    times = {outcome: statistics.median(each) for outcome, each in took.items()}
    return {"ms": max(times.values()), "each": times, "paid": len(made.payouts(outcomes[0]))}


# the review


def fill(database: Database, questions: int) -> int:
    """Rows as so many rulings leave them, within one quarter, written as they are; returns how many rows of what was said there are."""
    rng = random.Random(SEED)
    since, people = FIRST, [f"p{number:02}" for number in range(PLAYERS)]
    claims = msgspec.json.encode([(rng.randrange(10**6), bool(rng.randrange(2))) for _ in range(10)]).decode()
    asked, stakes, said, results, notes, events = [], [], [], [], [], []
    for number in range(questions):
        name, at = f"q{number:04}", since + rng.randrange(80 * DAY)
        asked.append((CREW, name, 9, at, "settled", f"When does part {number} arrive?", "p00", at - 60 * DAY, at, 30, at - 60 * DAY,
                      "market,tote,closest,forecast", None, 0, at - DAY, at - DAY + 1, at, 0, 0))  # fmt: skip
        for player in rng.sample(people, 12):
            stakes += [(CREW, player, name, mechanism, 2, -rng.randrange(POINT), rng.randrange(2 * POINT)) for mechanism in ("market", "forecast")]
            results += [(CREW, name, player, "forecast", rng.randrange(10**9)), (CREW, name, player, "closest", rng.randrange(90))]
        for who in ("market", "tote", "closest", "forecast", *map(player_account, people[:12])):
            said += [
                (CREW, name, who, days, -rng.randrange(10**7), rng.randrange(10**6), rng.randrange(10**6), 0, rng.randrange(10**6), claims)
                for days in (*DAYS, START)
            ]
        if number % 5 == 0:
            note = e.Noted(at=at, by="p00", kind="near_miss", text="It rang.", start=at, end=at + 1, evidence="heard")
            events.append((CREW, f"question/{name}", 5, at, codec.encode(note), b""))
            notes.append((CREW, name, 5, at, "near_miss", rng.randrange(10**6)))

    def write(connection: Any) -> None:
        for table, rows in (("question", asked), ("stake", stakes), ("said", said), ("result", results), ("note", notes)):
            connection.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(rows[0]))})", rows)
        connection.executemany("INSERT INTO event (crew, stream, version, at, payload, hash) VALUES (?, ?, ?, ?, ?, ?)", events)
        connection.executemany("INSERT INTO member (crew, player, simulated, at) VALUES (?, ?, 0, 0)", [(CREW, player) for player in people])

    database.write_now(write)
    return len(said)


def reviewing(questions: int, rounds: int) -> dict[str, Any]:
    """How long the review of a quarter takes in which so many questions were settled, as JSON and as the page; and the tables."""
    with tempfile.TemporaryDirectory() as folder:
        return asyncio.run(_reviewing(Path(folder) / "bench.db", questions, rounds))


async def _reviewing(path: Path, questions: int, rounds: int) -> dict[str, Any]:
    from anyday.service import Service
    from anyday.web import pages

    pages.preload()
    now = Instant(FIRST + 85 * DAY)
    service = await Service.open(path, lambda: now, Settings())
    said = fill(service.database, questions)
    names = {f"p{number:02}": f"Player {number:02}" for number in range(PLAYERS)}
    period = periods.period_of("quarter", None, now, "UTC", periods.REVIEWED)
    assert not isinstance(period, Refusal)
    found = review.review(service.database, CREW, period, now, names, lambda question, at: None)
    assert found.settled == questions, found.settled

    def whole() -> bytes:
        return msgspec.json.encode(review.review(service.database, CREW, period, now, names, lambda question, at: None))

    figures = {
        "questions": questions, "said": said, "review_ms": median_ms(whole, rounds),
        "tables_ms": median_ms(lambda: service.tables("quarter", None, None), rounds), "record_ms": median_ms(service.record, rounds),
    }  # fmt: skip
    await service.close()
    return figures


# scores


def comparing(cases: int) -> dict[str, float]:
    """The largest difference of each score from an independent library's, or from brute force in fractions, over random curves."""
    rng, worst = random.Random(SEED), {"crps": 0.0, "log": 0.0, "brier": 0.0, "pit": 0.0}
    for _ in range(cases):
        count = rng.randrange(2, 60)
        weights = [rng.random() ** 4 for _ in range(count + 1)]
        masses = [weight / sum(weights) for weight in weights]
        curve = Curve(tuple(range(count + 1)), tuple(masses[:-1]), masses[-1])
        happened = rng.randrange(count + 1)
        outcome = (happened, happened + 1) if happened < count else None
        places = sorted(rng.sample(range(1, count + 1), min(count, 5)))
        whole = np.array(masses)
        ranked = float(scoringrules.rps_score(np.array(happened + 1), whole))
        logarithm = float(scoringrules.log_score(np.array(1.0), np.array(masses[happened])))
        exact = [Fraction(mass) for mass in masses]
        by = [sum(exact[:place], Fraction(0)) for place in places]
        brute = sum(((chance - (happened < place)) ** 2 for chance, place in zip(by, places, strict=True)), Fraction(0)) / len(places)
        low, high = scores.pit(curve, outcome)
        before = sum(exact[:happened], Fraction(0))
        differences = {
            "crps": scores.crps(curve, outcome, count) - ranked / count,
            "log": -scores.log_score(curve, outcome) - logarithm if masses[happened] > scores.LEAST_CHANCE else 0.0,
            "brier": scores.brier(curve, outcome, places) - float(brute),
            "pit": max(abs(low - float(before)), abs(high - float(min(Fraction(1), before + exact[happened])))),
        }
        worst = {name: max(error, abs(differences[name])) for name, error in worst.items()}
    return worst


def figures(quick: bool) -> dict[str, Any]:
    """Everything that is measured here; ``quick`` takes a tenth of the entries."""
    rounds = 3 if quick else 7
    return {
        "settling": settling(10_000 if quick else 100_000, 3 if quick else 5), "review": reviewing(QUESTIONS, rounds),
        "scores": comparing(200 if quick else 2_000),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print JSON only")
    parser.add_argument("--quick", action="store_true", help="a tenth of the entries")
    options = parser.parse_args()
    print(json.dumps(figures(options.quick), indent=None if options.json else 1))


if __name__ == "__main__":
    main()
