"""The shapes of fair play: who answers for a question and who is asked first, what stands still, disputes and votes, the timeline's
comments, and the crew with its members, duties, settings and alarm. People are named as they are called."""

from __future__ import annotations

from anyday.wire.shape import CommandId, View

# requests


class ReasonIn(CommandId, frozen=True):
    """Halt a question, dispute its ruling, or raise the crew's alarm: with a reason that everybody reads."""

    reason: str


class JudgeIn(CommandId, frozen=True):
    """Decide a dispute: ``stands``, ``replaced`` (with ``outcome`` and ``evidence``) or ``withdrawn``."""

    verdict: str
    reason: str
    outcome: str = ""
    evidence: str = ""
    expected_version: int | None = None


class VoteIn(CommandId, frozen=True):
    """Vote: ``stands`` or ``falls`` on a disputed ruling; an outcome as typed where nobody has ruled."""

    choice: str


class CommentIn(CommandId, frozen=True):
    """Say something on the timeline."""

    text: str


class ThankIn(CommandId, frozen=True):
    """Thank for what stands on the timeline with this version."""

    version: int


class HandOverIn(CommandId, frozen=True):
    """Offer a duty (``owner``, ``host``, ``resolver``, ``deputy``) to a member by name, for good or ``until`` a typed time."""

    duty: str
    to: str
    until: str | None = None


class DutyIn(CommandId, frozen=True):
    """Accept or decline a duty that was offered, or take an offer back."""

    duty: str


class MemberIn(CommandId, frozen=True):
    """A member by name."""

    name: str


class RemoveIn(CommandId, frozen=True):
    """Remove a member by name, with a reason."""

    name: str
    reason: str


class SettingsIn(CommandId, frozen=True):
    """Change some of the crew's settings; what is left out stays."""

    name: str | None = None
    zone: str | None = None
    joining_grant: str | int | None = None
    dispute_hours: int | None = None
    silence_hours: int | None = None
    readers: str | None = None
    positions: str | None = None
    prices: str | None = None


# replies


class SubjectView(View, frozen=True):
    """Somebody whom a question is about, and whether they have agreed."""

    name: str
    agreed: bool


class DutyView(View, frozen=True):
    """A duty: who holds it and since when (in words), to whom it is offered, until when it is or would be lent (in words)."""

    duty: str
    holder: str
    since: str
    mine: bool
    offered_to: str | None = None
    offered_to_me: bool = False
    until: str | None = None


class HeldView(View, frozen=True):
    """Who held a duty from an instant on (UTC, and in words)."""

    duty: str
    holder: str
    since: str
    said: str


class DisputeView(View, frozen=True):
    """A ruling that can be disputed, or is. ``until`` (in words) it can be disputed; ``by`` whom it is and why; whose turn it is to judge; until
    when; how the crew votes, once it does."""

    until: str
    open: bool
    by: tuple[tuple[str, str], ...] = ()
    judges: tuple[str, ...] = ()
    turn_ends: str | None = None
    voting: bool = False
    stands: int = 0
    falls: int = 0


class HolderView(View, frozen=True):
    """What a player holds on a question, where the crew shows that: bets made, points staked net."""

    name: str
    bets: int
    staked: str


class FairView(View, frozen=True):
    """Who answers for a question, whom it is about, whether it stands still, and what the visitor may do beside betting (names of
    commands)."""

    deputy: str | None
    subjects: tuple[SubjectView, ...]
    duties: tuple[DutyView, ...]
    halted: str | None
    alarm: str | None
    withdrawn: bool
    silence: str | None
    dispute: DisputeView | None
    may: tuple[str, ...]
    votes: tuple[tuple[str, int], ...] = ()
    holders: tuple[HolderView, ...] | None = None


class SettingsView(View, frozen=True):
    """A crew's settings: who reads, who sees who holds what, how the curve is shown."""

    name: str
    zone: str
    joining_grant: str
    dispute_hours: int
    silence_hours: int
    readers: str
    positions: str
    prices: str


class AlarmView(View, frozen=True):
    """An alarm that stands: who raised it, when (in words), and why."""

    by: str
    when: str
    reason: str


class CrewView(View, frozen=True):
    """A crew to one of its members."""

    id: str
    owner: str
    settings: SettingsView
    duties: tuple[DutyView, ...]
    alarm: AlarmView | None
    may_manage: bool
    house: str | None
    timeline: tuple[tuple[str, str], ...]


class FeedView(View, frozen=True):
    """Something that was put on a question's timeline: a near miss, news, a comment or thanks."""

    question: str
    title: str
    kind: str
    when: str
    by: str
    text: str
    at: str
