"""Fair play in a file that somebody forged: chains, rows and sums agree, and only the rules tell that nobody could have decided it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from anyday.instants import DAY
from anyday.reads import project
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.question import THE_CREW
from anyday.service.audit import verify
from anyday.store import codec, log
from tests.store.test_tampering import editing, events, rehashed
from tests.world import World, hold, instant, run

POINT = 1_000_000
FEBRUARY: dict[str, Any] = {"origin": "2027-02-01", "horizon": "2027-03-01", "subsidy_from": "host", "subsidy": 50 * POINT, "deputy": "dora"}


class Clean(NamedTuple):
    """A file that nobody touched, and what its questions are called."""

    path: Path
    questions: dict[str, str]


async def crew(world: World) -> None:
    """A crew with a past: somebody left, a guest plays now, an alarm was raised and lifted, and the owner was away for a week."""
    await world.crew("olga", "alice", "bob", "carol", "dora", "rita", "sven", "pia", dispute=DAY, silence=7 * DAY)
    await world.do("gus", c.Join(guest=True))
    await world.do("ann", c.Join(guest=True))
    await world.do("olga", c.MakePlayer("gus"))
    await world.do("olga", c.Remove("gus", "he asked for it"))
    await world.do("pia", c.Leave())
    await world.do("gus", c.Join())
    await world.do("olga", c.ChangeSettings(joining_grant=500 * POINT))
    await world.do("olga", c.Alarm("a rumour"))
    await world.do("olga", c.AllClear())
    await world.do("olga", c.HandOver("owner", "sven"))
    await world.do("sven", c.Decline("owner"))
    await world.do("olga", c.HandOver("owner", "sven", until="2027-01-08"))
    await world.do("sven", c.Accept("owner"))
    world.clock.now = instant("2027-01-09")
    await world.wake()


async def history(path: Path) -> dict[str, str]:
    """Questions in every state, with every event of fair play behind them."""
    async with World(path) as world:
        await crew(world)
        asked = {name: await world.ask("carol", **FEBRUARY) for name in ("judged", "voted", "overruled", "disputed", "pending")}
        asked |= {name: await world.ask("carol", **FEBRUARY, subjects=("sven", "bob")) for name in ("about", "left")}
        asked["silent"] = await world.ask("carol", **(FEBRUARY | {"horizon": "2027-02-03", "deputy": None}))
        asked["open"] = await world.ask("carol", **(FEBRUARY | {"horizon": "2027-12-01"}), closest=c.ClosestTerms(5 * POINT))
        asked["asleep"] = await world.ask("carol", **(FEBRUARY | {"horizon": "2027-12-01"}))
        for name in ("about", "left"):
            for who in ("sven", "bob"):
                await world.do(who, c.Agree(asked[name]))
        for question in asked.values():
            await world.do("alice", c.Bet(question, "2027-02-01", spend=5 * POINT))
        await world.do("alice", c.Guess(asked["open"], "2027-02-03"))
        await world.do("alice", c.Note(asked["about"], "news", "It is near.", "2027-01-05", "seen"))
        version = (await world.do("gus", c.Comment(asked["about"], "so it is"))).version
        await world.do("alice", c.Thank(asked["about"], version))
        await world.do("rita", c.Halt(asked["about"], "the source is down"))
        await world.do("olga", c.Resume(asked["about"]))
        await world.do("carol", c.Halt(asked["asleep"], "for now"))
        await world.do("rita", c.HandOver("resolver", "dora", asked["about"], "2027-01-12"))
        await world.do("dora", c.Accept("resolver", asked["about"]))
        await world.do("dora", c.HandOver("deputy", "sven", asked["open"]))
        world.clock.now = instant("2027-02-10")
        await world.wake()
        await world.do("sven", c.Withdraw(asked["left"]))
        for name in ("judged", "voted", "overruled"):
            await world.do("rita", c.Rule(asked[name], "2027-02-05", "seen"))
            await world.do("gus", c.Dispute(asked[name], "it was another"))
        await world.do("dora", c.Judge(asked["judged"], "replaced", "I was there", "2027-02-06", "seen"))
        await world.do("dora", c.Correct(asked["judged"], "2027-02-07", "seen", "a slip"))
        await world.do("dora", c.Judge(asked["overruled"], "withdrawn", "I was there"))
        await world.do("sven", c.Vote(asked["silent"], "2027-02-01"))
        await world.do("gus", c.Vote(asked["silent"], "2027-02-01"))
        world.clock.now = instant("2027-02-16 12:00")
        await world.wake()
        await world.do("sven", c.Vote(asked["voted"], "falls"))
        await world.do("bob", c.Vote(asked["voted"], "stands"))
        await world.do("sven", c.Vote(asked["voted"], "stands"))
        world.clock.now = instant("2027-02-20")
        await world.wake()
        for name in ("disputed", "pending"):
            await world.do("rita", c.Rule(asked[name], "2027-02-05", "seen"))
        await world.do("gus", c.Dispute(asked["disputed"], "it was another"))
        await world.do("alice", c.Bet(asked["open"], "2027-06-01", spend=POINT))
        return asked


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Clean:
    path = tmp_path_factory.mktemp("clean") / "clean.db"
    questions = run(history(path))
    hold(path)
    return Clean(path, questions)


def test_the_file_holds_every_event_of_fair_play(clean: Clean) -> None:
    """A control: what is forged below is there to be forged."""
    seen = {type(event.event) for event in events(clean.path)}
    wanted = {kind for kind, _ in forged().values()}
    assert wanted <= seen, wanted - seen
    by = {event.event.by for event in events(clean.path) if isinstance(event.event, e.Judged | e.Ruled | e.Closed | e.Voided)}
    assert {THE_CREW, "rita", "dora"} <= by


def rows_made_anew(path: Path) -> None:
    with editing(path) as connection, editing(path) as reader:
        connection.execute("BEGIN IMMEDIATE")
        try:
            project.rebuild(connection, reader)
        except (AssertionError, sqlite3.IntegrityError):
            connection.execute("ROLLBACK")  # nobody could make such rows
        else:
            connection.execute("COMMIT")


Change = Callable[[Any], e.Event]


def settings(event: e.SettingsChanged, **changed: Any) -> e.Event:
    return msgspec.structs.replace(event, settings=msgspec.structs.replace(event.settings, **changed))


def on_something_else(event: e.Voted) -> e.Event:
    asked = event.outcome is None
    return msgspec.structs.replace(event, stands=None if asked else True, outcome=e.Outcome(True) if asked else None)


def forged() -> dict[str, tuple[type, Change]]:
    """Every event of fair play, changed into one that the rules forbid."""
    replace = msgspec.structs.replace
    return {
        "a guest with points, a player with more": (e.PlayerJoined, lambda event: replace(event, grant=event.grant + 1)),
        "a guest whom a player lets play": (e.MadePlayer, lambda event: replace(event, by="bob")),
        "a guest who gets more": (e.MadePlayer, lambda event: replace(event, grant=event.grant + 1)),
        "somebody made a player who is one": (e.MadePlayer, lambda event: replace(event, player="alice", grant=0)),
        "somebody whom a player removed": (e.MemberLeft, lambda event: replace(event, by="bob")),
        "an owner who was removed": (e.MemberLeft, lambda event: replace(event, player="olga", by="olga")),
        "settings by a player": (e.SettingsChanged, lambda event: replace(event, by="bob")),
        "settings out of bounds": (e.SettingsChanged, lambda event: settings(event, silence=1)),
        "settings that nobody knows": (e.SettingsChanged, lambda event: settings(event, positions="all")),
        "an alarm by a player": (e.AlarmRaised, lambda event: replace(event, by="bob")),
        "an alarm that a player lifted": (e.AlarmLifted, lambda event: replace(event, by="bob")),
        "an alarm raised twice": (e.AlarmLifted, lambda event: e.AlarmRaised(at=event.at, by=event.by, reason="again")),
        "an alarm lifted before it was raised": (e.AlarmRaised, lambda event: e.AlarmLifted(at=event.at, by=event.by)),
        "a duty offered by somebody else": (e.DutyOffered, lambda event: replace(event, by="alice")),
        "a duty offered to a stranger": (e.DutyOffered, lambda event: replace(event, to="zoe")),
        "a duty lent into the past": (e.DutyOffered, lambda event: replace(event, until=event.at)),
        "a duty that nobody has": (e.DutyOffered, lambda event: replace(event, duty="judge")),
        "a duty accepted by somebody else": (e.DutyAccepted, lambda event: replace(event, by="alice")),
        "another duty accepted": (e.DutyAccepted, lambda event: replace(event, duty="host")),
        "a duty declined by somebody else": (e.DutyDeclined, lambda event: replace(event, by="alice")),
        "a duty that went back to somebody else": (e.DutyReturned, lambda event: replace(event, to="alice")),
        "somebody whom it is not about": (e.Consented, lambda event: replace(event, by="alice")),
        "consent given twice": (e.Consented, lambda event: replace(event, by="sven" if event.by == "bob" else "zoe")),
        "a withdrawal by somebody else": (e.Withdrew, lambda event: replace(event, by="alice")),
        "a halt by a player": (e.Halted, lambda event: replace(event, by="bob")),
        "a halt by somebody with a bet": (e.Halted, lambda event: replace(event, by="alice")),
        "a question resumed by its deputy": (e.Resumed, lambda event: replace(event, by="dora")),
        "a comment by a guest": (e.Commented, lambda event: replace(event, by="ann")),
        "a comment of another text": (e.Commented, lambda event: replace(event, digest="0" * 64)),
        "thanks to oneself": (e.Thanked, lambda event: replace(event, by="gus")),
        "thanks for nothing": (e.Thanked, lambda event: replace(event, version=1)),
        "a ruler’s own dispute": (e.Disputed, lambda event: replace(event, by="rita")),
        "a guest’s dispute": (e.Disputed, lambda event: replace(event, by="ann")),
        "a vote by somebody with a bet": (e.Voted, lambda event: replace(event, by="alice")),
        "a guest’s vote": (e.Voted, lambda event: replace(event, by="ann")),
        "a vote on something else": (e.Voted, on_something_else),
        "a verdict by somebody else": (e.Judged, lambda event: replace(event, by="bob")),
        "a verdict by the ruler": (e.Judged, lambda event: replace(event, by="rita")),
        "a verdict that nobody knows": (e.Judged, lambda event: replace(event, verdict="perhaps")),
        "another verdict": (e.Judged, lambda event: replace(event, verdict="stands" if event.verdict != "stands" else "withdrawn")),
        "a closing by the crew, or by a player": (e.Closed, lambda event: replace(event, by=THE_CREW if event.by != THE_CREW else "bob")),
        "a ruling by the crew, or by a player": (e.Ruled, lambda event: replace(event, by=THE_CREW if event.by != THE_CREW else "bob")),
        "a calling off by somebody else": (e.Voided, lambda event: replace(event, by="bob")),
        "a calling off by the owner, who was not asked": (e.Voided, lambda event: e.Settled(at=event.at, posted=event.posted)),
        "a correction by the first ruler": (e.Corrected, lambda event: replace(event, by="rita")),
        "a deputy from elsewhere": (e.QuestionOpened, lambda event: replace(event, deputy="zoe")),
        "a deputy who rules": (e.QuestionOpened, lambda event: replace(event, deputy=event.resolver)),
        "a question about a stranger": (e.QuestionOpened, lambda event: replace(event, subjects=("zoe",))),
        "a stranger who could cause it": (e.QuestionOpened, lambda event: replace(event, barred=("zoe",))),
        "a bettor who could cause it": (e.QuestionOpened, lambda event: replace(event, barred=("alice",))),
        "a bettor whom it is about": (e.QuestionOpened, lambda event: replace(event, subjects=("alice",))),
        "a window that ends before it begins": (e.QuestionOpened, lambda event: replace(event, dispute=-1)),
        "a silence of a moment": (e.QuestionOpened, lambda event: replace(event, silence=1)),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(forged()))
def test_what_the_rules_forbid_is_found_though_everything_else_agrees(name: str, clean: Clean, tmp_path: Path) -> None:
    kind, change = forged()[name]
    for number, event in enumerate([event for event in events(clean.path) if type(event.event) is kind]):
        path = Path(shutil.copy(clean.path, tmp_path / f"{number}.db"))
        rehashed(path, event.stream, event.version, change)
        rows_made_anew(path)
        fault = verify(path).fault
        assert fault is not None and (", version " in fault or "nothing came of it" in fault), f"{event.stream} {event.version}: {fault}"
        assert "anyday rebuild" not in fault, fault


def appended(path: Path, stream: str, *told: e.Event) -> None:
    """Somebody writes more events at the end of a stream, chained as they should be."""
    with editing(path) as connection:
        ours = [event for event in log.scan(connection) if event.stream == stream]
        version, head = (ours[-1].version, ours[-1].hash) if ours else (0, codec.genesis("crew", stream))
        for event in told:
            payload = codec.encode(event)
            version, head = version + 1, codec.link(head, payload)
            values = ("crew", stream, version, event.at, payload, head)
            connection.execute("INSERT INTO event (crew, stream, version, at, payload, hash) VALUES (?, ?, ?, ?, ?, ?)", values)


NOW = instant("2027-02-20 01:00")
SAID = e.Outcome(False, instant("2027-02-05"), instant("2027-02-06"))
CUT = instant("2027-02-05")


def ruled(by: str, outcome: e.Outcome = SAID) -> e.Ruled:
    return e.Ruled(at=NOW, by=by, outcome=outcome, known_at=NOW, evidence="seen", cut=CUT, standing=2, voided=0)


def judged(by: str, verdict: str) -> e.Judged:
    return e.Judged(at=NOW, by=by, verdict=verdict, reason="so")


NOBODY = e.Posted()
BET = e.BetPlaced(at=NOW, player="bob", first=40, last=41, complement=False, shares=1, charge=1, released=0)
CORRECTED = e.Corrected(
    at=NOW, by="rita", reason="a slip", outcome=SAID, evidence="", void=False, cut=CUT, standing=2, voided=0, reversed=NOBODY, posted=NOBODY
)
TO_A_GUEST = e.DutyOffered(at=NOW, duty="owner", by="olga", to="ann", until=None)
SETTLED, CLOSED = e.Settled(at=NOW, posted=NOBODY), e.Closed(at=NOW, by=THE_CREW)

#: Events at the end of a question's stream (or the crew’s) that nobody could have caused there.
USURPED: dict[str, tuple[str, tuple[e.Event, ...]]] = {
    "the crew closes it": ("open", (CLOSED,)),
    "the crew closes and rules it": ("open", (CLOSED, ruled(THE_CREW))),
    "the crew rules what its resolver closed": ("open", (e.Closed(at=NOW, by="rita"), ruled(THE_CREW))),
    "the resolver rules without closing": ("open", (ruled("rita"),)),
    "the deputy closes it before anybody is silent": ("open", (e.Closed(at=NOW, by="dora"),)),
    "time calls it off": ("open", (e.Voided(at=NOW, by=THE_CREW, reason="late", posted=NOBODY),)),
    "the host calls it off": ("open", (e.Voided(at=NOW, by="carol", reason="late", posted=NOBODY),)),
    "the owner, halted by nobody, resumes it": ("open", (e.Resumed(at=NOW, by="olga"),)),
    "somebody with a bet halts it": ("open", (e.Halted(at=NOW, by="alice", reason="so"),)),
    "a halted question is bet on": ("asleep", (BET,)),
    "a halted question is collected from": ("asleep", (e.Collected(at=NOW, player="alice", released=0),)),
    "it is settled without a ruling": ("open", (SETTLED,)),
    "it is disputed without a ruling": ("open", (e.Disputed(at=NOW, by="bob", reason="no"),)),
    "it is judged without a dispute": ("open", (judged("dora", "stands"),)),
    "it is voted on while its resolver may speak": ("open", (e.Voted(at=NOW, by="bob", stands=None, outcome=SAID),)),
    "somebody agrees to what is about nobody": ("open", (e.Consented(at=NOW, by="bob"),)),
    "somebody withdraws from what is about nobody": ("open", (e.Withdrew(at=NOW, by="bob"),)),
    "somebody with a bet accepts a duty": (
        "open", (e.DutyOffered(at=NOW, duty="resolver", by="rita", to="alice", until=None), e.DutyAccepted(at=NOW, duty="resolver", by="alice")),
    ),
    "a duty is accepted that was not offered": ("open", (e.DutyAccepted(at=NOW, duty="resolver", by="bob"),)),
    "a duty goes back that was not lent": ("open", (e.DutyReturned(at=NOW, duty="resolver", to="bob"),)),
    "guesses are unsealed twice": ("open", (e.Unsealed(at=NOW, mechanism="closest", root="0" * 64),)),
    "an ex-member’s halt": ("open", (e.Halted(at=NOW, by="pia", reason="so"),)),
    "a withdrawn question goes on": ("about", (e.Withdrew(at=NOW, by="bob"), e.Resumed(at=NOW, by="olga"))),
    "it is settled inside its window": ("pending", (SETTLED,)),
    "it is called off inside its window": ("pending", (e.Voided(at=NOW, by="rita", reason="no", posted=NOBODY),)),
    "it is ruled twice": ("pending", (ruled("rita"),)),
    "it is corrected inside its window": (
        "pending",
        (CORRECTED,),
    ),
    "it is judged though nobody disputes it": ("pending", (judged("dora", "stands"),)),
    "its ruler disputes it": ("pending", (e.Disputed(at=NOW, by="rita", reason="no"),)),
    "the crew judges before its vote": ("disputed", (judged(THE_CREW, "stands"), SETTLED)),
    "the crew withdraws it before its vote": ("disputed", (judged(THE_CREW, "withdrawn"),)),
    "the owner judges before her turn": ("disputed", (judged("olga", "stands"),)),
    "somebody votes before the crew’s turn": ("disputed", (e.Voted(at=NOW, by="bob", stands=False, outcome=None),)),
    "it is ruled anew by its ruler": ("disputed", (ruled("rita"),)),
    "it is settled in spite of the dispute": ("disputed", (SETTLED,)),
    "it is disputed twice by the same": ("disputed", (e.Disputed(at=NOW, by="gus", reason="no"),)),
    "it is judged twice": ("disputed", (judged("dora", "replaced"), judged("dora", "stands"))),
    "it is replaced by somebody else": ("disputed", (judged("dora", "replaced"), ruled("rita"))),
    "it is ruled though it stands": ("disputed", (judged("dora", "stands"), ruled("dora"))),
    "it is to be replaced, and is settled as it was": ("disputed", (judged("dora", "replaced"), SETTLED)),
    "whose ruling fell closes it": ("overruled", (e.Closed(at=NOW, by="rita"),)),
    "whose ruling fell rules it": ("overruled", (e.Closed(at=NOW, by="dora"), ruled("rita"))),
    "a lent crew goes back twice": ("", (e.DutyReturned(at=NOW, duty="owner", to="olga"),)),
    "an alarm is lifted that does not stand": ("", (e.AlarmLifted(at=NOW, by="olga"),)),
    "a guest owns the crew": ("", (TO_A_GUEST, e.DutyAccepted(at=NOW, duty="owner", by="ann"))),
}  # fmt: skip


@pytest.mark.parametrize("name", USURPED)
def test_what_nobody_could_have_caused_is_refused_by_the_rules(name: str, clean: Clean, tmp_path: Path) -> None:
    where, told = USURPED[name]
    stream = f"question/{clean.questions[where]}" if where else "crew"
    path = Path(shutil.copy(clean.path, tmp_path / "a.db"))
    appended(path, stream, *told)
    rows_made_anew(path)
    fault = verify(path).fault
    assert fault is not None and fault.startswith(f"{stream}, version") and "the rules would have refused it" in fault, fault
