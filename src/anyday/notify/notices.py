"""What people are told: the kinds of message as one table, a notice as it waits, and what it says once it is rendered.

A notice holds ids and integers, never names or texts: its words are found when it is shown or sent, with what its
recipient may see at that time. ``key`` makes it happen once: the same key for the same recipient is the same notice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from anyday.instants import MINUTE


class Kind(NamedTuple):
    """A kind of message: its name, what the preferences page says of it, whether it comes again until it is acknowledged, and whether
    it goes to the channels unless its recipient says otherwise (the inbox has all of them)."""

    name: str
    said: str
    urgent: bool = False
    sent: bool = True


KINDS: Final = (
    Kind("alarm", "Somebody raises an alarm, or halts a question", urgent=True),
    Kind("ruling_asked", "A ruling is asked of you", urgent=True),
    Kind("handover", "Somebody hands you a duty", urgent=True),
    Kind("judging_asked", "You are asked to judge a dispute", urgent=True),
    Kind("vote_asked", "The crew votes, and you have a vote"),
    Kind("consent_asked", "A question about you asks for your leave", urgent=True),
    Kind("all_clear", "An alarm is lifted, or a question goes on"),
    Kind("question_opened", "A question opens"),
    Kind("closing_soon", "Entries close soon"),
    Kind("rung", "The bell of a market rings, and you had a sealed bet on it"),
    Kind("ruled", "A question is ruled, and you have no stake in it", sent=False),
    Kind("disputable", "A question that you have a stake in is ruled, and you can dispute it"),
    Kind("disputed", "A ruling is disputed"),
    Kind("judged", "A dispute is decided"),
    Kind("duty_passed", "A duty passes from one to another", sent=False),
    Kind("settled", "A question that you have a stake in is settled"),
    Kind("voided", "A question is called off"),
    Kind("comment", "Somebody comments on a question of yours", sent=False),
    Kind("near_miss", "Near misses and news on a question that you have a stake in"),
    Kind("thanks", "Somebody thanks you", sent=False),
    Kind("invited", "Somebody invites you into a crew"),
)
BY_NAME: Final = {kind.name: kind for kind in KINDS}

#: When an urgent notice is sent: at once and again, until it is acknowledged; with the last one its deputy is told too.
REPEATS: Final = (0, 5 * MINUTE, 15 * MINUTE, 60 * MINUTE)


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that a player is to be told. ``question`` is what it is about, if it is a question; ``deputy`` is told of an urgent one
    that nobody acknowledges; ``at`` is UTC microseconds."""

    crew: str
    player: str
    kind: str
    key: str
    at: int
    question: str | None = None
    facts: dict[str, int | str] = field(default_factory=dict)
    deputy: str | None = None

    def __post_init__(self) -> None:
        assert self.kind in BY_NAME, f"{self.kind} is no kind of message"
        assert self.deputy is None or (self.urgent and self.deputy != self.player), "what is urgent goes on, to somebody else"

    @property
    def urgent(self) -> bool:
        """Whether it comes again until it is acknowledged."""
        return BY_NAME[self.kind].urgent


@dataclass(frozen=True, slots=True)
class Answered:
    """What earlier notices asked for has been done, by whomever: nobody needs to acknowledge them any more. Of one ``player``, or of all."""

    crew: str
    kinds: tuple[str, ...]
    at: int
    question: str | None = None
    player: str | None = None


@dataclass(frozen=True, slots=True)
class Rendered:
    """A notice in words, as its recipient may see it now; ``link`` is a path on this server."""

    title: str
    text: str
    link: str
