"""What the demo shows of people among each other, told in days before the moment at which it is loaded: who is asked first, a ruling
that is disputed and one that can be, a duty that is handed over, an alarm that is over, and a second, small crew.

What waits for the demo's player waits for longer than anybody looks at a demo: each has some days left at least.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from anyday.instants import DAY, HOUR, MINUTE, Grain, Instant, day_start, utc_of
from anyday.lab.beliefs import Known
from anyday.lab.cases import Asked
from anyday.lab.crowd import Broken, must
from anyday.lab.staged import HOST, PLAYER, RESOLVER, ZONE, Act, Named, Plays, Ruling, Staged, news, opened_before, own_bet, visits
from anyday.points import UNITS_A_POINT
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.service import Service

#: A machine's player who bets on nothing: a question is about her.
SPEAKER: Final = "Mira"
#: Somebody who looks on in the demo's crew, and owns the small one.
GUEST: Final = "Amal"
CLUB: Final = "The lunch club"
CLUB_SINCE: Final = 6 * DAY + 3 * HOUR
#: For how long these rulings can be disputed.
WINDOW: Final = 7 * DAY
_HOURS: Final = (220, 170, 120, 80, 50, 28, 16, 7)


def questions(now: Instant) -> list[Staged]:
    """All of them, as they stand at ``now``."""
    return [consent(now), agreed(now), disputed(now), disputable(now), handed(now)]


def _staged(
    now: Instant, text: tuple[str, str, str], *, ago: int, starts: int, days: int, plan: int, sessions: tuple[Instant, ...], named: Named,
    acts: tuple[Act, ...] = (), ruling: Ruling | None = None,
) -> Staged:  # fmt: skip
    """A question by the day: asked ``ago`` days before now, its time begins ``starts`` days after that and lasts ``days``."""
    title, terms, source = text
    opened = opened_before(now, ago, 9)
    begins = utc_of(opened).date() + timedelta(days=starts)
    origin = day_start(begins, ZONE)
    asked = Asked(opened, title, terms, source, ZONE, Grain.DAY, begins.isoformat(), (begins + timedelta(days=days)).isoformat())

    def known(at: Instant) -> Known:
        return Known(days, 1, plan + 0.5, max(0.0, plan + 0.5 - (at - origin) / DAY), 5.0, (), 0, 0)

    return Staged(asked, True, sessions, known, c.OpeningUniform(50_000), ruling=ruling, plays=Plays(), acts=acts, named=named)


def consent(now: Instant) -> Staged:
    """A question about the demo's player, which opens once they agree."""
    text = (
        "When will Robin show the first five of us round the archive?",
        "The day on which Robin has taken at least five people through the archive in the cellar, and brought all of them back. "
        "A look through the door does not count.",
        "The visitors' book of the archive",
    )
    return _staged(now, text, ago=1, starts=15, days=90, plan=30, sessions=(), named=Named(subjects=(PLAYER,)))


def agreed(now: Instant) -> Staged:
    """A question about somebody who has agreed to it; one who could cause it is barred."""
    text = (
        "When will Mira give her talk about the old lift?",
        "The day on which Mira gives her lunch talk about the old lift to at least ten people. A rehearsal in the lift does not count. "
        "Finn keeps the projector, so he does not bet.",
        "The calendar of the lunch talks",
    )
    opened = opened_before(now, 11, 9)
    soon = (utc_of(now).date() + timedelta(days=25)).isoformat()
    told = (
        Act(Instant(opened + 5 * HOUR), SPEAKER, c.Agree("")),
        own_bet(Instant(now - 5 * DAY), f"before {soon}"),
        news(Instant(now - 4 * DAY - 2 * HOUR), "The hall is booked by somebody else for two weeks.", "The calendar of the hall"),
        Act(Instant(now - 3 * DAY - 5 * HOUR), SPEAKER, c.Comment("", "The slides are done. The jokes are not.")),
        Act(Instant(now - 3 * DAY - 4 * HOUR), PLAYER, c.Thank("", 0)),
        Act(Instant(now - 3 * DAY - 3 * HOUR), "Ben", c.Thank("", 0)),
        Act(Instant(now - 21 * HOUR), PLAYER, c.Comment("", "I can keep the front row free, and the biscuits away from it.")),
        Act(Instant(now - 19 * HOUR), SPEAKER, c.Thank("", 0)),
    )
    sessions = tuple(at for at in visits(opened, now, _HOURS) if at > opened + 6 * HOUR)
    named = Named(subjects=(SPEAKER,), barred=("Finn",))
    return _staged(now, text, ago=11, starts=2, days=70, plan=24, sessions=sessions, named=named, acts=told)


def disputed(now: Instant) -> Staged:
    """A ruling that is disputed, with the demo's player as its judge: they own the crew and have no bet on it."""
    text = (
        "When will the new bicycle stand be finished?",
        "The day on which all twenty places of the new bicycle stand can be used. A place behind a fence cannot.",
        "The yard",
    )
    opened = opened_before(now, 32, 9)
    day = utc_of(now).date() - timedelta(days=4)
    ruling = Ruling(Instant(now - 30 * HOUR), day.isoformat(), "The builders left on that day, and the stand stood.")
    told = (
        news(Instant(day_start(day, ZONE) - 3 * DAY), "The roof is on, the racks are in the van.", "The van", "near_miss"),
        Act(Instant(now - 8 * HOUR), "Nora", c.Dispute("", "The fence is still round six of the places. I locked my bicycle to it this morning.")),
        Act(Instant(now - 6 * HOUR), RESOLVER, c.Comment("", "I had counted racks, not places. Robin, you decide.")),
        Act(Instant(now - 5 * HOUR), "Otto", c.Comment("", "I can bring the fence's key tomorrow.")),
        Act(Instant(now - 4 * HOUR), RESOLVER, c.Thank("", 0)),
    )
    sessions = visits(opened, Instant(day_start(day, ZONE) - HOUR), (550, 400, 300, 200, 110, 40))
    named = Named(dispute=WINDOW)
    return _staged(now, text, ago=32, starts=1, days=60, plan=26, sessions=sessions, named=named, acts=told, ruling=ruling)


def disputable(now: Instant) -> Staged:
    """A ruling that nobody has disputed yet: the demo's player has a bet on it, and could."""
    text = (
        "When will the window cleaners reach our floor?",
        "The day on which the first window of our floor is cleaned from outside. Rain does not count.",
        "The windows",
    )
    opened = opened_before(now, 26, 9)
    day = utc_of(now).date() - timedelta(days=2)
    ruling = Ruling(Instant(now - 22 * HOUR), day.isoformat(), "They waved at Kofi through the second window from the left.")
    told = (own_bet(Instant(now - 12 * DAY), f"before {(day + timedelta(days=3)).isoformat()}"),)
    sessions = visits(opened, Instant(day_start(day, ZONE) - HOUR), (400, 300, 200, 110, 40))
    return _staged(now, text, ago=26, starts=1, days=60, plan=24, sessions=sessions, named=Named(dispute=WINDOW), acts=told, ruling=ruling)


def handed(now: Instant) -> Staged:
    """A question whose resolver hands that duty to the demo's player, who has no bet on it."""
    text = (
        "When will every door have its new sign?",
        "The day on which each door of our floor has its new sign, the right way up. A sign of paper does not count.",
        "A walk along the corridor",
    )
    opened = opened_before(now, 14, 9)
    back = utc_of(now).date() + timedelta(days=28)
    told = (
        Act(Instant(now - 26 * HOUR), RESOLVER, c.Comment("", "I work at the other site for four weeks and cannot see the doors from there.")),
        Act(Instant(now - 25 * HOUR), RESOLVER, c.HandOver("resolver", PLAYER, until=back.isoformat())),
    )
    named = Named(deputy=HOST)
    return _staged(now, text, ago=14, starts=1, days=75, plan=33, sessions=visits(opened, now, _HOURS), named=named, acts=told)


def alarm(now: Instant) -> tuple[Act, ...]:
    """An alarm that was raised and lifted: at an hour at which nobody asks or rules anything."""
    raised = Instant(opened_before(now, 10, 15) + 5 * MINUTE)
    reason = "The fire drill empties the building at a quarter past three. Nobody bets from the car park."
    return Act(raised, PLAYER, c.Alarm(reason)), Act(Instant(raised + 40 * MINUTE), PLAYER, c.AllClear())


async def open_club(service: Service, ids: Mapping[str, str]) -> None:
    """The small crew: its owner, the demo's player, two of the machine's, and one question."""
    crew = service.new_crew(ids[GUEST], "demo-club")
    opened = await service.submit(c.Envelope(crew, ids[GUEST], "demo-club", c.OpenCrew(CLUB)))
    club = service.of(crew)
    if isinstance(opened, Refusal) or club is None:
        raise Broken(f"the small crew: {opened}")
    for name in (PLAYER, "Paula", "Otto"):
        await must(club, ids[name], "demo-join", c.Join(simulated=name != PLAYER))
    today = utc_of(service.now()).date()
    asked = await must(
        club, ids[GUEST], "demo-ask",
        c.Ask(
            "When will there be lentil soup again?", "The day on which the canteen serves lentil soup. Lentil salad is no soup.", ZONE, Grain.DAY,
            (today + timedelta(days=1)).isoformat(), (today + timedelta(days=90)).isoformat(), ids[GUEST], 100 * UNITS_A_POINT, "house",
        ),
    )  # fmt: skip
    question = asked.question or ""
    month = (today + timedelta(days=30)).isoformat()
    for name, window in (("Paula", f"before {month}"), ("Otto", "never"), (PLAYER, f"before {month}")):
        await must(club, ids[name], "demo-bet", c.Bet(question, window, spend=15 * UNITS_A_POINT))
    await must(club, ids[GUEST], "demo-comment", c.Comment(question, "The cook has been asked. He smiled."))
