"""From views to pages: the template environment, what each page is given, and ``render``. No routing and no sign-in here.

Every function returns the bytes of a whole HTML document (``fragment`` those of a question's inside) and reads nothing
but its arguments. Pages hold no inline script and no inline style, so ``POLICY`` can be as strict as it is.
"""

from __future__ import annotations

import functools
import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup, escape

from anyday import points as amounts
from anyday import wire
from anyday.instants import MINUTE, Grain, Instant, Window
from anyday.market.curve import say_chance
from anyday.phrases import say_instant, say_window
from anyday.refusals import Reason, Refusal
from anyday.web import charts, drawing, entrycharts, plays, ticks
from anyday.web.drawing import Axis
from anyday.web.markdown import markdown
from anyday.wire import fair

#: The states of a question whose time still passes.
LIVE: Final = ("draft", "open", "halted", "closed")

HERE: Final = Path(__file__).parent
STATIC: Final = HERE / "static"

#: The content security policy that every page fits: nothing inline, nothing from elsewhere, and markup made by script only where
#: one of two named places makes it (what the axis holds, and what this server answered).
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; manifest-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types anyday-axis anyday-live"
)

#: The board's sections, in the order in which they are shown, with their headings.
SECTIONS: Final = (
    ("yours", "Waits for you"),
    ("soon", "Open"),
    ("moved", "Moved most"),
    ("ruling", "Being ruled"),
    ("new", "New"),
    ("settled", "Settled lately"),
)


class OwnCrew(NamedTuple):
    """A crew that the visitor belongs to, for the page's head; ``here``: the page is about it."""

    id: str
    name: str
    here: bool


class Visitor(NamedTuple):
    """Who looks at the page: name, role in the crew (``owner``, ``player`` or ``guest``), what they can spend anywhere (wire points), the
    crews that they belong to, how many messages they have not read, and how many urgent ones wait to be acknowledged."""

    name: str
    role: str = "player"
    spendable: str | None = None
    crews: tuple[OwnCrew, ...] = ()
    unread: int = 0
    urgent: int = 0

    @property
    def crew(self) -> str:
        """The name of the crew that the page is about."""
        return next((crew.name for crew in self.crews if crew.here), "Your crews")


class Sale(NamedTuple):
    """What selling a window would bring now, all told, and the least that the market's price for it may be by the time it is sold."""

    brings: str
    least: str


class Token(NamedTuple):
    """A token as its owner sees it: id, the name they gave it, its crew, what it may do, when it was made and until when it is good."""

    id: str
    name: str
    crew: str
    may: str
    made: str
    until: str


class Passkey(NamedTuple):
    """A passkey as its owner sees it: when it was made and last used, where it works, and whether a copy of it may be about."""

    id: str
    name: str
    made: str
    used: str | None
    site: str
    here: bool
    doubted: str | None


class Sent(NamedTuple):
    """An invitation that is out, in words: ``what`` it is, ``how`` often it can be used and until when."""

    id: str
    what: str
    how: str


class Access(NamedTuple):
    """How somebody comes in: whether they have just signed in, their ways to, their tokens, and the invitations that wait for them.

    ``no_passkeys`` says why there can be none; ``provider`` is the name of the service through which one may sign in, empty where
    there is none, and ``linked`` whether an account of it is theirs.
    """

    fresh: bool
    password: bool
    passkeys: tuple[Passkey, ...]
    no_passkeys: str
    provider: str
    linked: bool
    last: bool
    tokens: tuple[Token, ...]
    waiting: tuple[Sent, ...]
    rights: Mapping[str, str]


# the crew's addresses

_BASE: ContextVar[str] = ContextVar("base", default="")


class Base:
    """What stands before each address of the crew that the request is about: ``{{ base }}``, nothing or ``/c/<crew>``. It comes from the
    request and not from the handler, in macros too, so that no page can forget it."""

    def __str__(self) -> str:
        return _BASE.get()

    def __html__(self) -> str:
        return str(escape(_BASE.get()))


def stand_at(base: str) -> None:
    """From now on, in this request, pages are about the crew whose addresses begin so."""
    assert not base or re.fullmatch(r"/c/[0-9A-Za-z]+", base), "it is the crew's own, and checked"
    _BASE.set(base)


# filters


def points(text: str | int | None) -> str:
    """Points of the wire (``"1234.5"``) as a person reads them (``"1,234.50"``)."""
    units = amounts.parse_points(text, signed=True)
    return "—" if isinstance(units, Refusal) else amounts.say_points(units)


def plain(text: str) -> str:
    """Text as one line, without the signs of its markup: for a summary."""
    return " ".join(markdown(text).striptags().split())


def instant(text: str, zone: str, grain: str) -> Markup:
    """An instant of the wire as a ``<time>`` in the question's zone, said at its grain."""
    said = say_instant(Instant(charts.micros(text)), zone, Grain(grain))
    return Markup('<time datetime="{}">{}</time>').format(text, said)


def moment(at: int, zone: str) -> str:
    """An instant (UTC microseconds) with its time of day, in a zone."""
    return say_instant(Instant(at), zone, Grain.MINUTE)


def tidy(text: str) -> str:
    """A sentence whose "6 %" stays on one line."""
    return text.replace(" %", "\u00a0%")


# what templates can call


def new_command_id() -> str:
    """A fresh id for a form, so that sending it twice does it once."""
    return secrets.token_urlsafe(12)


def command() -> Markup:
    """The hidden field that every changing form carries."""
    return Markup('<input type="hidden" name="command_id" value="{}">').format(new_command_id())


@functools.cache
def static(name: str) -> str:
    """The address of a file under ``static/``, with its fingerprint, so that it can be kept for ever."""
    return f"/static/{name}?v={hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:10]}"


@functools.cache
def environment() -> Environment:
    """The template environment: everything escaped, an unknown name is an error, templates compiled once a process."""
    env = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        cache_size=-1,
    )
    env.filters |= {"points": points, "chance": say_chance, "instant": instant, "moment": moment}
    env.filters |= {"markdown": markdown, "plain": plain, "tidy": tidy}
    env.globals |= {"command": command, "new_command_id": new_command_id, "static": static, "base": Base()}
    return env


@functools.cache
def _template(name: str) -> Template:
    return environment().get_template(name)


def preload() -> None:
    """Compile every template now rather than at the first visit."""
    for name in environment().list_templates(extensions=["html"]):
        _template(name)


def render(name: str, **context: Any) -> bytes:
    """A template with its context, as UTF-8. ``visitor`` and ``crew`` may be left out."""
    return _template(name).render(**{"visitor": None, "crew": "AnyDay", "said": None, "refusal": None, **context}).encode()


# pages


def board(cards: Sequence[wire.QuestionCard], *, visitor: Visitor | None, crew: str, said: str | None = None) -> bytes:
    """The board: a card a question, in sections; a question without a known section stands under "New"."""
    known = {key for key, _ in SECTIONS}
    sections = [(key, heading, [c for c in cards if c.section == key or (key == "new" and c.section not in known)]) for key, heading in SECTIONS]
    drawn = {"spark": charts.sparkline, "names": plays.NAMES}
    return render("board.html", sections=[s for s in sections if s[2]], **drawn, visitor=visitor, crew=crew, said=said)


def question(
    view: wire.QuestionView,
    *,
    visitor: Visitor | None,
    crew: str,
    history: Sequence[wire.HistoryPoint] = (),
    bets: Sequence[wire.BetView] = (),
    said: str | None = None,
    refusal: Refusal | None = None,
    typed: Mapping[str, str] | None = None,
    sales: Mapping[str, Sale] | None = None,
    at: str = "bet",
    now: int | None = None,
) -> bytes:
    """A question's page. ``said`` tells what was just done, ``refusal`` why not and ``at`` in which form (``bet``, ``stake``,
    ``guess``, ``forecast``, ``note``); ``typed`` keeps what that form held; ``sales`` says what selling each window held would
    bring; ``now`` is the clock, for questions without a curve to be seen."""
    kept, no = ({at: typed} if typed else {}), ({at: refusal} if refusal else {})
    context = question_context(view, history, bets, sales or {}, now, kept, no)
    return render("question.html", **context, visitor=visitor, crew=crew, said=said)


def fragment(
    view: wire.QuestionView,
    *,
    visitor: Visitor | None,
    history: Sequence[wire.HistoryPoint] = (),
    bets: Sequence[wire.BetView] = (),
    sales: Mapping[str, Sale] | None = None,
    now: int | None = None,
) -> bytes:
    """The inside of a question's page, for the page that is open already: the same markup without head and frame."""
    return render("_question.html", **question_context(view, history, bets, sales or {}, now), visitor=visitor)


def question_context(
    view: wire.QuestionView,
    history: Sequence[wire.HistoryPoint] = (),
    bets: Sequence[wire.BetView] = (),
    sales: Mapping[str, Sale] | None = None,
    now: int | None = None,
    kept: Mapping[str, Mapping[str, str]] | None = None,
    no: Mapping[str, Refusal] | None = None,
) -> dict[str, Any]:
    """What the question's templates are given beside the view: the axis, each chart, and each chart's numbers; by form what was
    typed (``kept``) and why it was refused (``no``)."""
    axis = entrycharts.axis_of(view, now)
    then = _outcome_start(view)
    shown = axis if view.state in LIVE else axis._replace(now=axis.end)  # what is over has no now
    context = {"q": view, "bets": bets, "axis": axis, "wait": _wait(view, axis), "axis_row": drawing.axis_row(axis), "say_amount": charts.say_amount}
    market = _market_context(view, view.curve, axis, shown, then, history, sales or {}) if "market" in view.plays and view.curve else {}
    return {**context, "then": then, **market, **plays.context(view, shown, then, kept or {}, no or {})}


def _market_context(
    view: wire.QuestionView, curve: wire.CurveView, axis: Axis, shown: Axis, then: int | None, history: Sequence[wire.HistoryPoint],
    sales: Mapping[str, Sale],
) -> dict[str, Any]:  # fmt: skip
    """What the market's part of the page is given: its charts and their numbers."""
    steps = charts.stretches(view.position, curve)
    return {
        "peak": max(charts.densities(curve, view.grain), default=0.0),
        "headroom": drawing.HEADROOM,
        "curve_chart": charts.curve_chart(curve, shown, then, "it happened"),
        "by_date_chart": charts.by_date_chart(curve, shown) if curve.bars else None,
        "pressure_chart": charts.pressure_chart(curve, shown) if curve.bars else None,
        "history_chart": charts.history_chart(history, axis, plays.near_misses(view)) if history else None,
        "near_missed": plays.near_missed(view),
        "history_rows": history_rows(history, view.zone),
        "levels": [f"{charts.level(name) * 100:g} %" for name in _levels(history)],
        "bands": [f"{(charts.level(high) - charts.level(low)) * 100:g} %" for low, high in _bands(_levels(history))],
        "you_chart": charts.you_chart(steps, axis) if steps else None,
        "steps": steps,
        "sales": sales,
        "rows": [(say(row.start, row.end, view), *map(say_chance, row[2:])) for row in charts.rows_of(curve)],
    }


def _outcome_start(view: wire.QuestionView) -> int | None:
    """When it happened, or when the window that is known starts; none for never, and while nobody has ruled."""
    start, slash, _ = (view.outcome or "").partition("/")
    return charts.micros(start) if slash else None


def _wait(view: wire.QuestionView, axis: Axis) -> int | None:
    """Milliseconds until the page shows something else by itself: the next grain passes, or entries close, which is when the
    first one passes. An open page asks again by then. None once nothing can pass."""
    if view.state != "open" or axis.passed >= axis.end:
        return None
    following = view.curve.passed_until if view.curve is not None and view.curve.bars else axis.end
    closes = charts.micros(view.origin) - view.lead_minutes * MINUTE
    coming = [at for at in (closes, following - view.lead_minutes * MINUTE) if at > axis.now]
    return (min(coming) - axis.now) // 1_000 if coming else None


def say(start: int, end: int, view: wire.QuestionView) -> str:
    """A window of a question in words."""
    return say_window(Window(Instant(start), Instant(end)), view.zone, Grain(view.grain))


def _bands(names: Sequence[str]) -> list[tuple[str, str]]:
    """The pairs of quantiles that bound the fan's bands, the innermost first."""
    return [pair for pair in zip(names, reversed(names), strict=True) if charts.level(pair[0]) < charts.level(pair[1])][::-1]


def _levels(history: Sequence[wire.HistoryPoint]) -> list[str]:
    return sorted(history[-1].quantiles, key=charts.level) if history else []


def history_rows(history: Sequence[wire.HistoryPoint], zone: str, most: int = 24) -> list[tuple[str, list[str], str]]:
    """The history's table, newest first: when, the quantiles' last days, never. At most ``most`` points, evenly spaced, ends kept."""
    names = _levels(history)
    step = max(1, -(-len(history) // most))
    kept = list(reversed(history))[::step]
    if history and kept[-1] is not history[0]:
        kept.append(history[0])
    return [
        (
            ticks.short(p.at, zone),
            ["never" if (at := p.quantiles.get(name)) is None else ticks.short(at - 1, zone) for name in names],
            say_chance(p.never),
        )
        for p in kept
    ]


def quote_preview(view: wire.QuestionView, quote: wire.QuoteView, *, typed: Mapping[str, str], visitor: Visitor | None, crew: str) -> bytes:
    """What a bet would do, with the button that places it at just that version: the slip for pages without script."""
    return render("quote.html", q=view, quote=quote, typed=typed, visitor=visitor, crew=crew)


def ruling(
    view: wire.QuestionView,
    *,
    visitor: Visitor | None,
    crew: str,
    what: str = "rule",
    typed: Mapping[str, str] | None = None,
    totals: wire.RulingTotals | None = None,
    refusal: Refusal | None = None,
    now: int | None = None,
) -> bytes:
    """The ruling page for ``what`` = ``rule``, ``void`` or ``correct``: the form, and below it the totals to confirm once they are known."""
    axis = entrycharts.axis_of(view, now)
    cut = charts.micros(totals.cut_at) if totals and totals.cut_at else None
    context = {
        "axis_row": drawing.axis_row(axis),
        "curve_chart": charts.curve_chart(view.curve, axis, cut) if view.curve else None,
        "sealed": " and the ".join(plays.NAMES[name].lower() for name in totals.sealed) if totals else "",
    }
    return render("ruling.html", q=view, what=what, typed=typed or {}, totals=totals, refusal=refusal, visitor=visitor, crew=crew, **context)


def ask(
    *,
    visitor: Visitor,
    crew: str,
    zones: Sequence[str],
    members: Sequence[wire.Member] = (),
    typed: Mapping[str, str] | None = None,
    quantiles: Sequence[tuple[str, str]] = (),
    refusal: Refusal | None = None,
) -> bytes:
    """The form that asks a question. ``quantiles`` are the (by, chance) pairs typed so far."""
    context = {
        "zones": zones,
        "members": members,
        "typed": typed or {},
        "quantiles": [*quantiles, *[("", "")] * 3][: max(3, len(quantiles))],
        "grains": [grain.value for grain in Grain],
    }
    return render("ask.html", visitor=visitor, crew=crew, refusal=refusal, **context)


def me(
    view: wire.Me, *, visitor: Visitor, access: Access, new_token: str | None = None, said: str | None = None, refusal: Refusal | None = None
) -> bytes:
    """You: balance, positions, and how you come in (``access``). ``new_token`` is shown once."""
    return render("me.html", me=view, visitor=visitor, crew=view.crew, access=access, new_token=new_token, said=said, refusal=refusal)


def crew(
    members: Sequence[wire.Member],
    *,
    visitor: Visitor,
    crew: str,
    house: str | None = None,
    invitation: str | None = None,
    good_for: str = "",
    view: fair.CrewView | None = None,
    sent: Sequence[Sent] = (),
    said: str | None = None,
    refusal: Refusal | None = None,
    typed: Mapping[str, str] | None = None,
) -> bytes:
    """The crew: its members; for the owner an invitation (``invitation`` is the new link, shown once, ``good_for`` whom and how long), those
    that are out, and grants; ``view`` is the crew itself, with its duties, settings and alarm."""
    context = {"members": members, "house": house, "view": view, "invitation": invitation, "good_for": good_for, "sent": sent, "typed": typed or {}}
    return render("crew.html", visitor=visitor, crew=crew, said=said, refusal=refusal, **context)


def problem(
    refusal: Refusal, *, visitor: Visitor | None = None, crew: str = "", back: str = "/", back_said: str = "Back to the board"
) -> bytes:
    """A refusal as a page: what is wrong, what to do, and a way back."""
    return render("problem.html", refusal=refusal, visitor=visitor, crew=crew, back=back, back_said=back_said)


#: What the help page puts where a refusal names a fact.
_EXAMPLES: Final = {
    "title": "The other server said no.",
    "next_step": "Do what it says.",
    "wanted": "JSON or a form, as the address says",
    "address": "the address",
    "bell": "1 April 2027, 12:00",
    "held": "less",
    "name": "what you wrote",
    "text": "what you wrote",
    "limit": "the limit",
    "detail": "the reason",
    "what": "question",
    "who": "the person named there",
    "wait": "a little",
    "why": "the reason",
    "state": "closed",
    "grain": "grain",
    "zone": "the question’s zone",
    "origin": "its origin",
    "horizon": "its horizon",
    "count": "a large number of",
    "first": "the one named there",
    "chance": "that level",
    "got": "a worse price",
    "least": "the number named there of",
    "cost": "more",
    "spendable": "less",
    "owed": "some",
    "balance": "a few",
    "mechanism": "that",
    "plays": "what its page says",
    "closed": "the day that its page says",
    "slots": "those on its page",
    "stake": "so many",
    "method": "this method",
    "allowed": "another",
    "kind": "this way",
    "rights": "read and no more",
    "needed": "play",
    "provider": "the other service",
    "until": "the day that its page says",
}
#: The same where these words would not fit a sentence.
_EXAMPLES_FOR: Final[Mapping[Reason, Mapping[str, str]]] = {
    Reason.HAS_STAKE: {"what": "rule", "who": "somebody"},
    Reason.ALREADY_THERE: {"what": "that"},
    Reason.SPAN_OUT_OF_BOUNDS: {"least": "the shortest time", "most": "the longest one named there"},
    Reason.TEXT_TOO_LONG: {"limit": "only so many"},
    Reason.HOUSE_SHORT: {"balance": "so many"},
    Reason.NOT_RULED: {"state": "open"},
    Reason.NO_CURVE_YET: {"why": "Entries are sealed."},
    Reason.TOO_MANY_ENTRIES: {"count": "many"},
    Reason.INVITE_BOUNDS: {"days": "so many", "uses": "so many"},
}


@functools.cache
def help_reasons() -> list[tuple[str, str, str, bool]]:
    """Each reason for "no": its id on the help page, its sentence, its next step, whether trying again can help."""
    refusals = [Refusal(reason, **{**_EXAMPLES, **_EXAMPLES_FOR.get(reason, {})}) for reason in Reason]
    return [(r.reason.code, r.sentence, r.next_step, r.reason.value.retry) for r in refusals]


def help_page(*, visitor: Visitor | None = None, crew: str = "AnyDay") -> bytes:
    """Help: how it works in a few words, and a paragraph for every refusal under its code."""
    return render("help.html", visitor=visitor, crew=crew, reasons=help_reasons())
