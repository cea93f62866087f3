"""The crew itself: who belongs to it, its settings, its alarm. Nothing here touches what a member holds."""

from __future__ import annotations

from typing import Final

import msgspec

from anyday.instants import DAY, Instant, check_zone
from anyday.points import MAX_UNITS
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.asking import DISPUTE_LONGEST, SILENCE_LONGEST, SILENCE_SHORTEST, TEXT_LONGEST, TITLE_LONGEST
from anyday.rules.duties import OWNER
from anyday.rules.ledger import CREW, HOUSE
from anyday.rules.question import Crew
from anyday.rules.situation import Events

LAG_LONGEST: Final = 3_660 * DAY
#: Who may read: as the server says, members only, everybody.
READERS: Final = ("server", "members", "everybody")
#: Who sees who holds what: each their own, or all members.
POSITIONS: Final = ("own", "members")
#: How the curve is shown to those who look on: as it stands, in whole per cent, or as it stood at the last full hour or day.
PRICES: Final = ("full", "rounded", "hourly", "daily")
CHOICES: Final = {"readers": READERS, "positions": POSITIONS, "prices": PRICES}


def open_crew(crew_id: str, actor: str, command: c.OpenCrew, now: Instant) -> Events | Refusal:
    """A crew opens; who opens it owns it."""
    settings = checked(e.CrewSettings(command.name, command.zone, command.joining_grant, command.dispute, command.silence))
    if isinstance(settings, Refusal):
        return settings
    if not 0 <= command.report_lag <= LAG_LONGEST:
        return Refusal(Reason.TIME_OUT_OF_BOUNDS, name="the report lag")
    if not 0 <= command.house_grant <= MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the grant")
    opened = e.CrewOpened(
        at=now, crew=crew_id or CREW, name=settings.name, owner=actor, zone=settings.zone, joining_grant=settings.joining_grant,
        house_grant=command.house_grant, report_lag=command.report_lag, dispute=settings.dispute, silence=settings.silence,
    )  # fmt: skip
    assert check_zone(opened.zone) == opened.zone, "a zone is recorded as the zone data spells it"
    return (opened, e.PlayerJoined(at=now, player=actor, grant=command.joining_grant, simulated=False, guest=False))


def join(crew: Crew, actor: str, command: c.Join, now: Instant) -> Events | Refusal:
    """Somebody joins, or comes back: the joining grant is given once."""
    if actor in crew.members:
        return Refusal(Reason.ALREADY_THERE, what="this player")
    if command.guest and command.simulated:
        return Refusal(Reason.MALFORMED, detail="a machine plays, it does not look on")
    assert actor != HOUSE, "the house is nobody's player"
    grant = 0 if command.guest or actor in crew.granted else crew.settings.joining_grant
    return (e.PlayerJoined(at=now, player=actor, grant=grant, simulated=command.simulated, guest=command.guest),)


def on_crew(crew: Crew, actor: str, command: c.CrewCommand, now: Instant) -> Events | Refusal:
    """What is the owner's to do; and leaving, which is anybody's."""
    if isinstance(command, c.Leave):
        return _leave(crew, actor, now)
    if actor != crew.owner:
        return Refusal(Reason.NOT_ALLOWED, who="the owner")
    match command:
        case c.MakePlayer():
            return _make_player(crew, actor, command, now)
        case c.Remove():
            return _remove(crew, actor, command, now)
        case c.ChangeSettings():
            return _change(crew, actor, command, now)
        case c.Alarm():
            reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
            if isinstance(reason, Refusal):
                return reason
            return Refusal(Reason.ALREADY_THERE, what="an alarm") if crew.alarm else (e.AlarmRaised(at=now, by=actor, reason=reason),)
        case c.AllClear():
            return (e.AlarmLifted(at=now, by=actor),) if crew.alarm else Refusal(Reason.NOTHING_HALTED)


def _make_player(crew: Crew, actor: str, command: c.MakePlayer, now: Instant) -> Events | Refusal:
    member = crew.members.get(command.player)
    if member is None:
        return Refusal(Reason.NOT_FOUND, what="member")
    if not member.guest:
        return Refusal(Reason.ALREADY_THERE, what="this player")
    grant = 0 if command.player in crew.granted else crew.settings.joining_grant
    assert grant >= 0, "a grant gives"
    return (e.MadePlayer(at=now, by=actor, player=command.player, grant=grant),)


def stays(crew: Crew, player: str) -> Refusal | None:
    """Why a member cannot go: the owner hands the crew over first, and whoever lent it waits until it is back."""
    lent = crew.duties.lent.get(OWNER)
    assert lent is None or lent[1] != crew.owner, "what is lent is somebody else's meanwhile"
    return Refusal(Reason.OWNER_STAYS) if player == crew.owner or (lent is not None and lent[1] == player) else None


def _leave(crew: Crew, actor: str, now: Instant) -> Events | Refusal:
    assert actor in crew.members, "only members leave"
    return stays(crew, actor) or (e.MemberLeft(at=now, by=actor, player=actor, reason=""),)


def _remove(crew: Crew, actor: str, command: c.Remove, now: Instant) -> Events | Refusal:
    if command.player not in crew.members:
        return Refusal(Reason.NOT_FOUND, what="member")
    reason = c.bounded_text(command.reason, "the reason", TEXT_LONGEST)
    if isinstance(reason, Refusal):
        return reason
    assert actor == crew.owner, "the owner removes"
    return stays(crew, command.player) or (e.MemberLeft(at=now, by=actor, player=command.player, reason=reason),)


def _change(crew: Crew, actor: str, command: c.ChangeSettings, now: Instant) -> Events | Refusal:
    stated = {name: value for name in command.__struct_fields__ if (value := getattr(command, name)) is not None}
    settings = checked(msgspec.structs.replace(crew.settings, **stated))
    if isinstance(settings, Refusal):
        return settings
    assert settings.dispute >= 0, "what is checked is within its bounds"
    return (e.SettingsChanged(at=now, by=actor, settings=settings),) if settings != crew.settings else Refusal(Reason.NOTHING_CHANGED)


def checked(settings: e.CrewSettings) -> e.CrewSettings | Refusal:
    """The settings within their bounds, or why not."""
    name = c.bounded_text(settings.name, "the crew's name", TITLE_LONGEST)
    zone = check_zone(settings.zone)
    if isinstance(name, Refusal):
        return name
    if isinstance(zone, Refusal):
        return zone
    if not 0 <= settings.joining_grant <= MAX_UNITS:
        return Refusal(Reason.AMOUNT_TOO_LARGE, name="the grant")
    if not 0 <= settings.dispute <= DISPUTE_LONGEST:
        return Refusal(Reason.SPAN_OUT_OF_BOUNDS, name="the dispute window", least="0", most="30 days")
    if not SILENCE_SHORTEST <= settings.silence <= SILENCE_LONGEST:
        return Refusal(Reason.SPAN_OUT_OF_BOUNDS, name="the time of silence", least="1 hour", most="366 days")
    for what, known in CHOICES.items():
        if getattr(settings, what) not in known:
            return Refusal(Reason.MALFORMED, detail=f"{what} is one of {', '.join(known)}")
    assert name and zone, "a crew has a name and a zone"
    return msgspec.structs.replace(settings, name=name, zone=zone)
