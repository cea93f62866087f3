"""The command that asks: what is asked, over which time, in which ways it is played, and with which opening curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from anyday import client, wire
from anyday.cli import say, sheets
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command, Stop
from anyday.instants import DAY, MINUTE, Grain, Instant, check_zone, day_start, iso, local_of
from anyday.phrases import parse_instant, parse_span
from anyday.refusals import Reason, Refusal

_GRAINS: Final = [grain.value for grain in Grain]
_FILE = click.Path(path_type=Path, dir_okay=False)


@dataclass(frozen=True, slots=True)
class Plays:
    """The ways in which a question is played, as options say it."""

    tote: str | None
    slots: tuple[str, ...]
    takeout: str | None
    closest_stake: str | None
    variant: str | None
    prize: str | None
    many: bool
    forecast: bool
    no_market: bool

    def terms(self) -> dict[str, Any]:
        """The fields of ``AskIn`` that say so. Raises ``UsageError`` for an option without the play that it belongs to."""
        if self.tote and self.slots:
            raise click.UsageError("Say the tote's slots with --tote or with --slot, one of the two.")
        if self.takeout and not (self.tote or self.slots):
            raise click.UsageError("--takeout belongs to --tote.")
        if self.closest_stake is None and (self.variant or self.prize or self.many):
            raise click.UsageError("--variant, --prize and --many belong to --closest-stake.")
        tote = wire.ToteIn(self.slots or self.tote or "month", self.takeout or "0%") if self.tote or self.slots else None
        closest = None
        if self.closest_stake is not None:
            variant = (self.variant or "nearest").replace("-", "_")
            closest = wire.ClosestIn(self.closest_stake, variant, self.prize or "winner", self.many)
        return {"tote": tote, "closest": closest, "forecast": self.forecast, "market": not self.no_market}


def _plays(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of :class:`Plays`."""
    for option in reversed((
        click.option("--tote", metavar="SLOTS", help="Play it as a tote too, with slots by week, month, quarter or year."),
        click.option("--slot", "slots", multiple=True, metavar="TIME", help="Or with a slot that starts then; repeatable, in order."),
        click.option("--takeout", metavar="CHANCE", help="What the house keeps of the tote's pool, such as 5%; default nothing."),
        click.option("--closest-stake", metavar="POINTS", help="Play it as a closest guess too, for so many points a guess."),
        click.option("--variant", type=click.Choice(["nearest", "not-past", "exact"]), help="Which guess wins; default the nearest."),
        click.option("--prize", type=click.Choice(["winner", "three"]), help="Who shares the prize; default the winner takes it all."),
        click.option("--many", is_flag=True, help="A player may have many guesses, each for the stake; else one that can be changed."),
        click.option("--forecast", is_flag=True, help="Play it as a forecast too: sealed curves with stakes, moved by their scores."),
        click.option("--no-market", is_flag=True, help="Do not play it as a market; it then has no subsidy."),
    )):  # fmt: skip
        command = option(command)
    return command


def _people(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that name people, and the times in which a ruling is disputed or missed."""
    for option in reversed((
        click.option("--deputy", metavar="NAME", help="Who rules if the resolver is silent, and decides disputes."),
        click.option("--about", "subjects", multiple=True, metavar="NAME", help="A member whom it is about, who is asked first; repeatable."),
        click.option("--barred", multiple=True, metavar="NAME", help="A member who can cause it or time it, and so cannot bet; repeatable."),
        click.option("--dispute-hours", type=int, metavar="HOURS", help="For how long the ruling can be disputed; default the crew’s."),
        click.option("--silence-hours", type=int, metavar="HOURS", help="For how long the resolver may be silent; default the crew’s."),
    )):  # fmt: skip
        command = option(command)
    return command


#: What ``_people`` adds, as ``AskIn`` has it.
_PEOPLE: Final = ("deputy", "subjects", "barred", "dispute_hours", "silence_hours")


@click.command(cls=Command, short_help="Ask a question: when will it first happen?")
@click.argument("title")
@click.option("--terms", required=True, help="What counts, what does not, and by what source.")
@click.option("--by", "by", metavar="TIME", help="The last time that counts: “June 2027” covers all of June.")
@click.option("--horizon", metavar="TIME", help="Or, as “Until” on the page, the first time that no longer counts: “2027-07-01”.")
@click.option("--origin", metavar="TIME", help="The first time that counts, or “today”; default the start of the grain that it is now.")
@click.option("--grain", type=click.Choice(_GRAINS, case_sensitive=False), default="day", show_default=True, help="The finest time told apart.")
@click.option("--zone", help="The time zone of its days, such as Europe/Zurich; default the crew’s.")
@click.option("--resolver", metavar="NAME", help="Who rules, and cannot bet; default you.")
@click.option("--subsidy", metavar="POINTS", help="The most that the market may lose to those who know better; default 200.")
@click.option("--from-house", is_flag=True, help="The house pays the subsidy (the owner may say so); you then cannot bet.")
@click.option("--never", metavar="CHANCE", help="The opening chance that it does not happen in time; default 20%, or what past cases leave.")
@click.option("--half-by", metavar="TIME", help="An even chance by then: short for --quantile TIME=50%.")
@click.option("--quantile", "quantiles", multiple=True, metavar="TIME=CHANCE", help="The opening chance that it has happened by then; repeatable.")
@click.option("--cases", type=_FILE, metavar="FILE", help="Or open from past cases: CSV lines of start,end; the end empty while one is open.")
@click.option("--since", metavar="TIME", help="When this case began, if that was before the origin; with --cases.")
@click.option("--tally", metavar="ID", help="It asks for the next occurrence of this tally.")
@click.option("--from-tally", is_flag=True, help="Open from the gaps of that tally.")
@click.option("--bell", metavar="TIME", help="Until then the market’s bets are sealed; then all are filled at one price a window.")
@click.option("--lead", type=int, default=0, show_default=True, metavar="MINUTES", help="How long before it starts a grain passes.")
@click.option("--source", default="", help="Where the answer will be found.")
@_plays
@_people
@reaches
def ask(
    asker: Asker, /, title: str, terms: str, by: str | None, horizon: str | None, origin: str | None, grain: str, zone: str | None,
    resolver: str | None, subsidy: str | None, from_house: bool, never: str | None, half_by: str | None, quantiles: tuple[str, ...],
    cases: Path | None, since: str | None, tally: str | None, from_tally: bool, bell: str | None, lead: int, source: str, **more: Any,
) -> None:  # fmt: skip
    """Ask a question: when will it first happen?

    \b
    anyday ask "When will the coffee machine arrive?" --terms "The first cup." \\
        --zone Europe/Zurich --by 2027-06-30 --half-by "March 2027" --never 10%
    anyday ask "When will the ice break up?" --terms "As the clock on it says." --grain minute \\
        --origin 2027-04-01 --by "May 2027" --no-market --closest-stake 3 --many
    """  # noqa: D301  \b keeps the example's lines
    if (by is None) == (horizon is None):
        raise click.UsageError("Say until when with --by or with --horizon, one of the two.")
    if since is not None and cases is None:
        raise click.UsageError("--since belongs to --cases.")
    people = {name: more.pop(name) for name in _PEOPLE}
    played = Plays(**more).terms()
    if from_tally and tally is None:
        raise click.UsageError("--from-tally belongs to --tally.")
    if not played["market"] and (subsidy or from_house or never or half_by or quantiles or cases or from_tally or bell):
        raise click.UsageError("Without a market there is no subsidy, no opening curve and no bell.")
    stated = [quantile(text, "--quantile") for text in quantiles] + ([wire.QuantileIn(half_by, "50%")] if half_by else [])
    zone = _checked(asker.ask(client.me()).zone if zone is None else zone)
    now = asker.world.clock()
    begins = _origin(origin, Grain(grain), zone, now)
    past = sheets.cases(cases, zone, now) if cases is not None else ()
    elapsed = "0" if since is None else _elapsed(since, begins, zone, now)
    body = wire.AskIn(
        title=title, terms=terms, zone=zone, grain=grain, origin=begins, horizon=_horizon(by, horizon, zone, now),
        subsidy=(subsidy or "200") if played["market"] else 0, resolver=resolver, subsidy_from="house" if from_house else "host", lead_minutes=lead,
        opening=wire.OpeningIn(never, tuple(stated), past, elapsed, from_tally), source=source, tally=tally, bell=bell, **people, **played,
    )  # fmt: skip
    receipt = asker.answer(client.ask(body), say.receipt)
    if not asker.as_json:
        click.echo(f"Its id is {receipt.question}. Look at it with: anyday show {receipt.question}")


def quantile(text: str, option: str) -> wire.QuantileIn:
    """``2027-06=50%`` as the wire says it."""
    by, equals, chance = text.rpartition("=")
    if not equals or not by.strip():
        raise click.BadParameter(f"“{text}” is not TIME=CHANCE, such as 2027-06=50%.", param_hint=option)
    return wire.QuantileIn(by.strip(), chance.strip())


def _origin(typed: str | None, grain: Grain, zone: str, now: Instant) -> str:
    """The origin as the API takes it: ``today`` and ``tomorrow`` become their dates, nothing the start of the grain of now."""
    today = local_of(now, zone).date()
    if typed is None and grain in (Grain.MINUTE, Grain.HOUR):
        into = local_of(now, zone)
        return iso(Instant(now - now % MINUTE - (into.minute * MINUTE if grain is Grain.HOUR else 0)))
    if typed is None:
        back = today.weekday() if grain is Grain.WEEK else today.day - 1 if grain is Grain.MONTH else 0
        return (today - timedelta(days=back)).isoformat()
    shift = {"today": 0, "tomorrow": 1}.get(typed.strip().lower())
    return typed if shift is None else (today + timedelta(days=shift)).isoformat()


def _elapsed(since: str, origin: str, zone: str, now: Instant) -> str:
    """How many days the present case has lasted at the origin."""
    began, starts = parse_instant(since, zone=zone, now=now), parse_instant(origin, zone=zone, now=now)
    for read in (began, starts):
        if isinstance(read, Refusal):
            raise Stop.of(read)
    assert not isinstance(began, Refusal) and not isinstance(starts, Refusal), "what was refused has gone back"
    if began > starts:
        raise Stop.of(Refusal(Reason.BAD_OPENING, detail=f"the case began on “{since}”, after the origin"))
    return sheets.days(starts - began) if began < starts else "0"


def _horizon(by: str | None, horizon: str | None, zone: str, now: Instant) -> str:
    """The horizon as the API takes it; ``--by`` names the last time that is covered, so the horizon is where that ends."""
    if by is None:
        return str(horizon)
    span = parse_span(by, zone=zone, origin=now, horizon=Instant(day_start(local_of(now, zone).date(), zone) + 730 * DAY), now=now)
    if isinstance(span, Refusal):
        raise Stop.of(span)
    return iso(span.end)


def _checked(zone: str) -> str:
    checked = check_zone(zone)
    if isinstance(checked, Refusal):
        raise Stop.of(checked)
    return checked
