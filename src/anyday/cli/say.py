"""Replies of the API as a person reads them in a terminal: the board, a question, quotes, totals, one's own points."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

from anyday import wire
from anyday.cli import answers, plays
from anyday.cli.amounts import moment, points
from anyday.cli.draw import GUTTER, draw, spark, strip
from anyday.cli.terminal import COLUMN, Screen, cells, pad, wrap
from anyday.instants import Grain, Instant
from anyday.market.curve import max_grain, say_chance
from anyday.phrases import say_instant
from anyday.points import parse_points
from anyday.refusals import Refusal
from anyday.web.ticks import short

#: The board's sections in their order, as the page has them.
SECTIONS: Final = (
    ("yours", "Waits for you"), ("soon", "Open"), ("moved", "Moved most"), ("ruling", "Being ruled"), ("new", "New"), ("settled", "Settled lately"),
)  # fmt: skip
_SPARK: Final = 16
#: The board's left column, and from which width on there is one.
_LEFT: Final = 18
_WIDE: Final = 60
_ENTRIES: Final = 12


# the board


def board(cards: Sequence[wire.QuestionCard], screen: Screen) -> Iterator[str]:
    """Every question as a table, section by section: id and curve on the left, the question in words on the right."""
    if not cards:
        yield screen.text("No questions yet. Ask the first one: anyday ask “When will …?” --terms … --by …")
        return
    first = True
    for key, heading in SECTIONS:
        chosen = [card for card in cards if card.section == key]
        if not chosen:
            continue
        if not first:
            yield ""
        first = False
        yield screen.style(heading, "bold")
        for card in chosen:
            yield from _wide_card(card, screen) if screen.width >= _WIDE else _narrow_card(card, screen)
    if any(card.held for card in cards):
        yield ""
        yield screen.style("* you have, or had, a bet on it", "dim")


def _left(card: wire.QuestionCard, screen: Screen) -> list[tuple[str, str]]:
    """The left column's lines with their styles: the id, the curve over the time that is left, what moved today."""
    lines = [(f"{card.id}{' *' if card.held else ''}", "")]
    if card.outcome is None:
        lines.append((spark(card.spark, _SPARK, screen), "accent"))
        if card.moved >= 10_000:
            lines.append((f"{round(card.moved / 10_000)} % moved today", "dim"))
    return lines


def _wide_card(card: wire.QuestionCard, screen: Screen) -> Iterator[str]:
    text = min(screen.width - _LEFT, COLUMN)
    right = [(line, "bold") for line in wrap(screen.text(card.title), text)]
    right += [(line, "dim") for line in wrap(screen.text(_told(card)), text)]
    for (said, style), (shown, look) in zip_longest(_left(card, screen), right, fillvalue=("", "")):
        yield screen.style(pad(said, _LEFT), style) + screen.style(shown, look)


def _narrow_card(card: wire.QuestionCard, screen: Screen) -> Iterator[str]:
    yield "  ".join(screen.style(said, style) for said, style in _left(card, screen)[:2])
    yield from (screen.style(line, "bold") for line in wrap(screen.text(card.title), screen.width))
    yield from (screen.style(line, "dim") for line in wrap(screen.text(_told(card)), screen.width))


def _told(card: wire.QuestionCard) -> str:
    """How it stands or ended; and how it is played, where that is not as a market alone."""
    played = plays.ways(card.plays)
    return (card.outcome or card.sentence) + ("" if card.plays == ("market",) else f" {played[:1].upper()}{played[1:]}.")


# a question


def question(view: wire.QuestionView, screen: Screen) -> Iterator[str]:
    """A question whole: what is asked, the sentence, the curve, its quantiles, what one holds, its timeline."""
    width = min(screen.width, COLUMN)
    yield from (screen.style(line, "bold") for line in wrap(screen.text(view.title), width))
    yield from (screen.style(line, "dim") for line in wrap(screen.text(_facts(view)), width))
    yield from wrap(screen.text(view.terms), width)
    if view.source:
        yield from wrap(screen.text(f"Source: {view.source}"), width)
    said = view.outcome_said or plays.sentence(view)
    if said:
        yield ""
        yield from wrap(screen.text(said), width)
    if view.evidence:
        yield from wrap(screen.text(f"Evidence: {view.evidence}"), width)
    if view.fair is not None:
        yield from answers.first(view.fair, view.id, view.state, screen)
    if view.curve is not None and "market" in view.plays:
        yield from _market(view, view.curve, screen)
    if view.bell is not None and view.outcome_said is None:
        yield from plays.bell(view.bell, view.id, screen)
    happened = happened_at(view)
    if view.tote is not None:
        yield from plays.tote(view.tote, screen)
    if view.closest is not None:
        yield from plays.closest(view, view.closest, screen, happened)
    if view.forecast is not None:
        yield from plays.forecast(view, view.forecast, screen, happened)
    yield from _holding(view, screen)
    if view.fair is not None:
        yield from answers.answering(view.fair, view.id, view.state, screen)
    yield from _timeline(view, screen)


def _market(view: wire.QuestionView, curve: wire.CurveView, screen: Screen) -> Iterator[str]:
    """The market: its curve, what one holds on the same axis, and the quantiles while it is open."""
    yield ""
    yield from draw(curve, view.zone, Grain(view.grain), screen, happened_at(view), live=view.outcome_said is None)
    held = [(moment(h.start), moment(h.end), _units(h.payout)) for h in view.position if h.start and h.end]
    if held:
        yield strip(held, curve.origin, curve.horizon, screen)
    if view.outcome_said is None:
        yield ""
        yield from _quantiles(view, curve, screen)


def _facts(view: wire.QuestionView) -> str:
    bets = f"{view.bets} {'bet' if view.bets == 1 else 'bets'} by {view.players} {'player' if view.players == 1 else 'players'}"
    span = f"{_edge(view, moment(view.origin))} to {_edge(view, moment(view.horizon))} by the {view.grain}, {view.zone}"
    lead = f" · grains pass {view.lead_minutes} minutes ahead" if view.lead_minutes else ""
    ways = f" · {plays.ways(view.plays)}" if view.plays != ("market",) else ""
    cases = f" · opened from {view.cases} past cases" if view.cases else ""
    counted = f" · {bets}" if "market" in view.plays else ""
    return f"{view.id} · {view.state} · {span}{lead} · asked by {view.host}, ruled by {view.resolver}{ways}{cases}{counted}"


def _edge(view: wire.QuestionView, instant: int) -> str:
    """The origin or the horizon, to the day unless the grain is finer."""
    grain = Grain(view.grain)
    return say_instant(Instant(instant), view.zone, grain if grain in (Grain.MINUTE, Grain.HOUR) else Grain.DAY)


def happened_at(view: wire.QuestionView) -> int | None:
    """When it happened, of an outcome that is no never: the start where only a window is known."""
    if view.outcome is None or view.outcome == "never":
        return None
    return moment(view.outcome.partition("/")[0])


def _quantiles(view: wire.QuestionView, curve: wire.CurveView, screen: Screen) -> Iterator[str]:
    """By when it has happened with which chance; what is not reached before the horizon says so. As in the sentence, days
    are named by the last that is meant, times of day as they strike."""
    grain = max_grain(Grain(view.grain))
    back = 1 if grain == Grain.DAY else 0
    for name, at in sorted(curve.quantiles.items(), key=lambda item: int(item[0])):
        said = "not by the horizon" if at is None else f"by {say_instant(Instant(at - back), view.zone, grain)}"
        yield f"{name + ' %':>{GUTTER - 1}}  {screen.text(said)}"


def _holding(view: wire.QuestionView, screen: Screen) -> Iterator[str]:
    width = min(screen.width, COLUMN)
    if view.position:
        yield ""
        yield screen.style("You get", "bold")
        sizes = [points(held.payout) for held in view.position]
        room = max(GUTTER - 1, *(cells(size) for size in sizes))
        for held, size in zip(view.position, sizes, strict=True):
            yield f"{screen.text(size):>{room}}  {screen.text(held.window)}"
        collect = f" You can collect {points(view.collectable)} now." if _units(view.collectable) > 0 else ""
        yield from wrap(screen.text(f"Worth {points(view.worth)} points at these chances.{collect}"), width)
    if view.may_not_bet_because:
        yield ""
        yield from wrap(screen.text(view.may_not_bet_because), width)
    elif view.spendable is not None:
        yield ""
        yield screen.text(f"You can spend {points(view.spendable)} points here.")


def _timeline(view: wire.QuestionView, screen: Screen) -> Iterator[str]:
    if not view.timeline:
        return
    yield ""
    yield screen.style("Timeline", "bold")
    whens = [screen.text(entry.when) for entry in view.timeline[:_ENTRIES]]
    room = max(map(cells, whens))
    side = screen.width - room - 4 >= 30
    for entry, when in zip(view.timeline, whens, strict=False):
        lines = wrap(screen.text(_entry(entry)), min(screen.width, COLUMN) - (room + 4 if side else 4))
        if not side:
            yield f"  {screen.style(when, 'dim')}"
            yield from (f"    {line}" for line in lines)
            continue
        for place, line in enumerate(lines):
            yield f"  {screen.style(pad(when if place == 0 else '', room), 'dim')}  {line}"
    if len(view.timeline) > _ENTRIES:
        yield screen.style(f"  and {len(view.timeline) - _ENTRIES} earlier", "dim")


def _entry(entry: wire.Entry) -> str:
    """A line of the timeline, with who put it there; with the number to thank by where one may."""
    if entry.by is None or entry.kind in ("question_opened", "closed", "settled"):
        return entry.said
    thanked = f", {entry.thanks} thanks" if entry.thanks else ""
    return f"{entry.said} ({entry.by}{thanked}{f'; no. {entry.version}' if entry.may_thank else ''})"


# quotes, totals, players


def quote(view: wire.QuoteView, screen: Screen) -> Iterator[str]:
    """What an order would do; nothing was bought."""
    yield from wrap(screen.text(view.said), min(screen.width, COLUMN))
    yield f"Its chance goes from {say_chance(view.chance_before)} to {say_chance(view.chance_after)}. This binds nobody."


def bets(question: str, found: Sequence[wire.BetView], screen: Screen) -> Iterator[str]:
    """Bets, the newest first: when, how much, on what; a sale is below zero."""
    if not found:
        yield "No bets yet."
    for bet in found:
        when = f"{say_instant(Instant(moment(bet.at)), 'UTC', Grain.MINUTE)} UTC"
        marks = ["yours" if bet.mine else bet.by or "", "" if bet.standing else "voided"]
        if bet.charge is None or bet.shares is None:
            told = bet.window  # the crew does not show the size of others' bets
        elif bet.window == "collected":
            told = f"collected {points(bet.charge.removeprefix('-'))}"
        elif not _units(bet.shares):
            told = f"sealed on {bet.window}, stayed out at the bell"
        else:
            told = f"{points(bet.charge)} for {points(bet.shares)} on {bet.window}"
        yield screen.style(screen.text("  ".join(filter(None, (f"{bet.version:>4}", when, *marks)))), "dim")
        yield from (f"      {line}" for line in wrap(screen.text(told), min(screen.width, COLUMN) - 6))
    if len(found) >= _BETS:
        yield screen.style(f"Earlier ones: anyday bets {question} --before {found[-1].version}", "dim")


#: So many bets come at a time.
_BETS: Final = 50


def receipt(reply: wire.Receipt, screen: Screen) -> Iterator[str]:
    """What a command did."""
    yield from wrap(screen.text(reply.said), min(screen.width, COLUMN))
    if reply.chance_before is not None and reply.chance_after is not None:
        yield f"Its chance went from {say_chance(reply.chance_before)} to {say_chance(reply.chance_after)}."


def totals(view: wire.RulingTotals, screen: Screen) -> Iterator[str]:
    """What a ruling would do, in totals."""
    said = view.outcome[:1].upper() + view.outcome[1:]
    yield from wrap(screen.text(f"{said}."), min(screen.width, COLUMN))
    rows = (
        ("the cut", view.cut), ("bets that fall", str(view.bets_voided)), ("points returned", points(view.points_returned)),
        ("points paid", points(view.points_paid)), ("the house's result", points(view.house_result)),
    )  # fmt: skip
    for name, value in rows:
        yield f"  {name:<18}  {screen.text(value)}"
    if view.sealed:
        left = " and ".join({"closest": "the guesses", "forecast": "the forecasts"}.get(name, name) for name in view.sealed)
        yield from wrap(f"Without {left}, which are sealed until it is ruled.", min(screen.width, COLUMN))
    if view.becomes_void:
        yield "The question would be called off, and every stake returned."


def me(view: wire.Me, screen: Screen) -> Iterator[str]:
    """One's points and positions."""
    yield screen.style(screen.text(f"{view.name}, {view.role} in {view.crew}"), "bold")
    yield f"{points(view.balance):>14} points"
    yield f"{points(view.spendable):>14} can be spent anywhere"
    if _units(view.pending):
        yield f"{points(view.pending):>14} pending: free elsewhere once they are old enough"
    if _units(view.owed):
        yield f"{points(view.owed):>14} owed after a ruling"
    for position in view.positions:
        yield ""
        yield from wrap(screen.text(f"{position.question}  {position.title} ({position.state})"), screen.width)
        for held in position.held:
            yield screen.text(f"{points(held.payout):>14} on {held.window}")
        for entered in position.entered:
            yield from (f"{'':>15}{line}" for line in wrap(screen.text(entered), min(screen.width, COLUMN) - 15))
        brought = f", got {points(position.worth)}" if position.state == "settled" else f", worth {points(position.worth)} at these chances"
        yield screen.text(f"{points(position.spent):>14} spent" + (brought if position.held or position.state == "settled" else ""))


def members(views: Sequence[wire.Member], screen: Screen) -> Iterator[str]:
    """The crew's members."""
    room = max((cells(member.name) for member in views), default=0)
    for member in views:
        yield f"{pad(screen.text(member.name), room)}  {member.role}" + (", simulated" if member.simulated else "")


def until(iso: str) -> str:
    """The day on which a secret ends, UTC."""
    return short(moment(iso), "UTC")


def _units(text: str | None) -> int:
    units = parse_points(text or "0", signed=True)
    return 0 if isinstance(units, Refusal) else units

