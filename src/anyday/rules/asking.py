"""Asking a question: its texts, its time, the ways in which it is played, and what the host or the house puts up for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from anyday.instants import DAY, HOUR, Grain, Instant, check_zone
from anyday.market import forecast, lmsr, prior, rates, tote
from anyday.market.closest import Variant
from anyday.market.horizon import Horizon
from anyday.phrases import parse_instant, parse_span
from anyday.points import MAX_UNITS, write_points
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.ledger import HOUSE
from anyday.rules.question import Crew, Tally
from anyday.rules.situation import Events, Situation

TITLE_LONGEST: Final = 200
TERMS_LONGEST: Final = 10_000
TEXT_LONGEST: Final = 4_000
LEAD_LONGEST: Final = 366 * DAY
DISPUTE_LONGEST: Final = 30 * DAY
SILENCE_SHORTEST: Final = HOUR
SILENCE_LONGEST: Final = 366 * DAY
#: The most people whom a question is about, and whom its host names as able to cause or time it.
MOST_NAMED: Final = 50
#: What each place of a closest guess wins, in per cent.
PRIZES: Final = {"winner": (100,), "three": (50, 30, 20)}
UNITS: Final[dict[str, tote.Unit]] = {"week": "week", "month": "month", "quarter": "quarter", "year": "year"}


def ask(situation: Situation, crew: Crew, actor: str, command: c.Ask, now: Instant) -> Events | Refusal:
    """The question opens, or why not."""
    title = c.bounded_text(command.title, "the title", TITLE_LONGEST)
    terms = c.bounded_text(command.terms, "the terms", TERMS_LONGEST)
    source = c.bounded_text(command.source, "the source", TEXT_LONGEST, needed=False)
    for refused in (title, terms, source):
        if isinstance(refused, Refusal):
            return refused
    unfair = _people(crew, command)
    if unfair is not None:
        return unfair
    if command.tally is not None and situation.tally is None:
        return Refusal(Reason.NOT_FOUND, what="tally")
    if situation.tally is not None and actor not in (situation.tally.opened.keeper, crew.owner):
        return Refusal(Reason.NOT_ALLOWED, who="the tally's keeper or the owner")
    if not 0 <= command.lead <= LEAD_LONGEST:
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name="the lead")
    horizon = _span(command, now)
    if isinstance(horizon, Refusal):
        return horizon
    if horizon.passed(now, command.lead) >= horizon.count:
        return Refusal(Reason.ALL_PASSED)
    market = _market(situation, crew, actor, command, horizon, now)
    if isinstance(market, Refusal):
        return market
    entered = _entered(command, horizon, now)
    if isinstance(entered, Refusal):
        return entered
    opened = e.QuestionOpened(
        at=now, question=situation.new_id, host=actor, resolver=command.resolver, title=str(title), terms=str(terms),
        source=str(source), zone=horizon.zone, tzdata=horizon.tzdata, grain=horizon.grain.value, origin=horizon.origin,
        lengths=horizon.lengths, lead=command.lead, market=market, tote=entered[0], closest=entered[1], forecast=entered[2],
        tally=command.tally, deputy=command.deputy, subjects=command.subjects, barred=command.barred,
        dispute=crew.settings.dispute if command.dispute is None else command.dispute,
        silence=crew.settings.silence if command.silence is None else command.silence,
    )  # fmt: skip
    if opened.market is None and not any(entered):
        return Refusal(Reason.BAD_PLAY, detail="a question is played in at least one way")
    assert any(entered) or market is not None, "somebody can play it"
    return (opened,)


def _people(crew: Crew, command: c.Ask) -> Refusal | None:
    """Why the people that a question names, and the times that they have, will not do."""
    if command.resolver not in crew.members:
        return Refusal(Reason.NOT_FOUND, what="resolver")
    if command.deputy is not None and command.deputy not in crew.members:
        return Refusal(Reason.NOT_FOUND, what="deputy")
    if command.deputy == command.resolver:
        return Refusal(Reason.BAD_PEOPLE, detail="the deputy stands in for the resolver, and is somebody else")
    for named, what in ((command.subjects, "person whom it is about"), (command.barred, "member who could cause it")):
        if len(named) > MOST_NAMED or len(set(named)) < len(named):
            return Refusal(Reason.BAD_PEOPLE, detail=f"each {what} is named once, {MOST_NAMED} at the most")
        if not set(named) <= crew.members.keys():
            return Refusal(Reason.NOT_FOUND, what=what)
    if command.subjects and command.tally is not None:
        return Refusal(Reason.BAD_PEOPLE, detail="a tally asks by itself, and those whom a question is about are asked first")
    if command.dispute is not None and not 0 <= command.dispute <= DISPUTE_LONGEST:
        return Refusal(Reason.SPAN_OUT_OF_BOUNDS, name="the dispute window", least="0", most="30 days")
    if command.silence is not None and not SILENCE_SHORTEST <= command.silence <= SILENCE_LONGEST:
        return Refusal(Reason.SPAN_OUT_OF_BOUNDS, name="the time of silence", least="1 hour", most="366 days")
    assert command.resolver, "somebody rules"
    return None


def _span(command: c.Ask, now: Instant) -> Horizon | Refusal:
    zone = check_zone(command.zone)
    if isinstance(zone, Refusal):
        return zone
    origin = parse_instant(command.origin, zone=zone, now=now)
    if isinstance(origin, Refusal):
        return origin
    end = parse_instant(command.horizon, zone=zone, now=now)
    if isinstance(end, Refusal):
        return end
    assert zone == check_zone(zone), "the zone is spelled as the zone data spells it"
    return Horizon.build(Grain(command.grain), zone, origin, end)


# the market


def _market(
    situation: Situation, crew: Crew, actor: str, command: c.Ask, horizon: Horizon, now: Instant
) -> e.MarketPlay | None | Refusal:
    """The market's terms, its subsidy within what its payer can spend; None where it is not played."""
    if not command.market and command.bell is not None:
        return Refusal(Reason.BAD_PLAY, detail="only a market has a bell")
    if not command.market:
        return None if command.subsidy == 0 else Refusal(Reason.BAD_PLAY, detail="only a market has a subsidy")
    refused = _may_pay(situation, crew, actor, command)
    if refused is not None:
        return refused
    opening = _opening(command.opening, horizon, situation.tally, now)
    if isinstance(opening, Refusal):
        return opening
    sized = lmsr.liquidity_for(command.subsidy, opening)
    if isinstance(sized, Refusal):
        return sized
    liquidity, escrow = sized
    situation.purse(actor).age(Instant(now - crew.opened.report_lag))
    paid_from = situation.house if command.subsidy_from == HOUSE else situation.purse(actor).spendable()
    if escrow > paid_from:
        if command.subsidy_from == HOUSE:
            return Refusal(Reason.HOUSE_SHORT, balance=write_points(paid_from))
        return Refusal(Reason.NOT_ENOUGH, cost=write_points(escrow), spendable=write_points(paid_from))
    assert 0 < escrow <= command.subsidy, "no more is escrowed than was named"
    assert opening.count == horizon.count, "the opening curve covers the question's time"
    runs = tuple(e.Run(*run) for run in opening.runs)
    cases = sum(happened for _, happened in _past(command.opening, situation.tally, now))
    rings = _bell(command, horizon, now)
    if isinstance(rings, Refusal):
        return rings
    return e.MarketPlay(runs, opening.never, opening.smooth, cases, liquidity, escrow, command.subsidy_from, rings)


def _bell(command: c.Ask, horizon: Horizon, now: Instant) -> Instant | None | Refusal:
    """When the market's bell rings: before the first grain passes, and one that is to ring just then a microsecond earlier."""
    if command.bell is None or not command.bell.strip():
        return None
    rings = parse_instant(command.bell, zone=horizon.zone, now=now)
    if isinstance(rings, Refusal):
        return rings
    closes = horizon.origin - command.lead
    if not now < rings <= closes or now >= closes - 1:
        return Refusal(Reason.BAD_PLAY, detail="the bell rings after now, and at the origin less the lead at the latest")
    assert command.market, "only a market has a bell"
    return Instant(min(rings, closes - 1))


def _may_pay(situation: Situation, crew: Crew, actor: str, command: c.Ask) -> Refusal | None:
    if command.subsidy_from == HOUSE and actor != crew.owner:
        return Refusal(Reason.NOT_ALLOWED, who="the owner")
    if command.subsidy_from != HOUSE and situation.purse(actor).owed > 0:
        return Refusal(Reason.OWES, owed=write_points(situation.purse(actor).owed))
    if command.subsidy_from not in (HOUSE, "host"):
        return Refusal(Reason.MALFORMED, detail="the subsidy comes from the house or from the host")
    if command.subsidy < 0:
        return Refusal(Reason.NOT_POSITIVE, name="the subsidy")
    assert actor in crew.members, "only members ask"
    return Refusal(Reason.AMOUNT_TOO_LARGE, name="the subsidy") if command.subsidy > MAX_UNITS else None


def _opening(asked: c.Opening, horizon: Horizon, tally: Tally | None, now: Instant) -> prior.Opening | Refusal:
    if isinstance(asked, c.OpeningUniform):
        return prior.uniform(horizon.count, asked.never)
    if isinstance(asked, c.OpeningCases):
        return prior.from_cases(horizon, asked.elapsed, _past(asked, tally, now), asked.never)
    if isinstance(asked, c.OpeningTally):
        if tally is None:
            return Refusal(Reason.BAD_OPENING, detail="the question belongs to no tally")
        elapsed = max(0, horizon.origin - (tally.standing[-1].end if tally.standing else tally.opened.since))
        return prior.from_cases(horizon, elapsed, _past(asked, tally, now), asked.never)
    points = edges_of(asked.by[: prior.MOST_RUNS + 1], horizon, now)
    assert points is not None, "it is read, or refused"
    return points if isinstance(points, Refusal) else prior.from_quantiles(horizon.count, points, asked.never)


def _past(asked: c.Opening, tally: Tally | None, now: Instant) -> Sequence[tuple[int, bool]]:
    """The past cases on which an opening curve rests: how long each took, and whether it happened."""
    if isinstance(asked, c.OpeningCases):
        return asked.cases
    if isinstance(asked, c.OpeningTally) and tally is not None:
        return rates.waits([Instant(event.start) for event in tally.standing], now)
    assert not isinstance(asked, c.OpeningCases), "a reference class has cases"
    return ()


def edges_of(by: Sequence[tuple[str, int]], horizon: Horizon, now: Instant, reason: Reason = Reason.BAD_OPENING) -> list[tuple[int, int]] | Refusal:
    """Typed times with numbers beside them, as the grains with whose start each of these times ends."""
    points: list[tuple[int, int]] = []
    for typed, number in by:
        span = parse_span(typed, zone=horizon.zone, origin=horizon.origin, horizon=horizon.end, now=now)
        if isinstance(span, Refusal):
            return span
        if not horizon.origin < span.end <= horizon.end:
            return Refusal(reason, detail=f"“{typed}” is not between the origin and the horizon")
        edge = horizon.boundary(span.end)
        if edge is None:
            return Refusal(Reason.OFF_THE_GRAIN, text=f"“{typed}”", grain=horizon.grain, zone=horizon.zone)
        assert 0 < edge <= horizon.count, "a chance is stated at the end of some grain"
        points.append((edge, number))
    return points


# the ways to play that have entries

Entered = tuple[e.TotePlay | None, e.ClosestPlay | None, e.ForecastPlay | None]


def _entered(command: c.Ask, horizon: Horizon, now: Instant) -> Entered | Refusal:
    """The terms of the tote, the closest guess and the forecast, each as far as it is played."""
    plays = command.tote, command.closest, command.forecast or None
    if not any(plays):
        return None, None, None
    if now >= horizon.origin - command.lead:
        return Refusal(Reason.BAD_PLAY, detail="entries close before the origin, and it has passed; let it start later, such as tomorrow")
    slots = _tote(command.tote, horizon, now) if command.tote is not None else None
    if isinstance(slots, Refusal):
        return slots
    closest = _closest(command.closest) if command.closest is not None else None
    if isinstance(closest, Refusal):
        return closest
    refused = forecast.playable(horizon) if command.forecast else None
    assert refused is None or command.forecast, "only what is played can be refused"
    return (slots, closest, e.ForecastPlay() if command.forecast else None) if refused is None else refused


def _tote(terms: c.ToteTerms, horizon: Horizon, now: Instant) -> e.TotePlay | Refusal:
    if not 0 <= terms.takeout <= tote.MOST_TAKEN:
        return Refusal(Reason.BAD_PLAY, detail=f"the take-out is 0 to {tote.MOST_TAKEN // 10_000} % of the pool")
    if isinstance(terms.slots, str):
        unit = UNITS.get(terms.slots)
        if unit is None:
            return Refusal(Reason.BAD_PLAY, detail=f"slots go by {', '.join(UNITS)}, or by a list of their starts")
        edges = tote.calendar_slots(horizon, unit)
        return edges if isinstance(edges, Refusal) else e.TotePlay(edges, terms.takeout)
    starts: list[int] = []
    for typed in terms.slots[: tote.MOST_SLOTS + 1]:
        start = parse_instant(typed, zone=horizon.zone, now=now)
        if isinstance(start, Refusal):
            return start
        grain = horizon.boundary(start) if horizon.origin <= start < horizon.end else None
        if grain is None:
            return Refusal(Reason.BAD_PLAY, detail=f"“{typed}” is not the start of a {horizon.grain} of the question")
        starts.append(grain)
    listed = tote.slots_at(horizon, starts)
    assert isinstance(listed, Refusal) or listed[-1] == horizon.count, "the slots cover the question"
    return listed if isinstance(listed, Refusal) else e.TotePlay(listed, terms.takeout)


def _closest(terms: c.ClosestTerms) -> e.ClosestPlay | Refusal:
    if terms.stake <= 0:
        return Refusal(Reason.NOT_POSITIVE, name="the stake of a guess")
    if terms.stake > MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the stake of a guess")
    if terms.variant not in [variant.value for variant in Variant]:
        return Refusal(Reason.BAD_PLAY, detail=f"who wins is {', '.join(variant.value for variant in Variant)}")
    places = PRIZES.get(terms.prize)
    assert places is None or sum(places) == 100, "the places share the whole prize"
    if places is None:
        return Refusal(Reason.BAD_PLAY, detail="the prize goes to the winner, or to the first three")
    return e.ClosestPlay(terms.variant, places, terms.stake, terms.many)
