"""The chart of accounts, and what each event posts: integers that sum to zero.

``player/<id>`` never goes below zero · ``owed/<id>`` holds a debt as a negative balance · ``escrow/<question>/market``
holds stakes and subsidy · ``house`` · ``mint`` is the negative of all grants.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from anyday.rules import events as e

#: The id of the one crew that a file holds in this version.
CREW: Final = "crew"
HOUSE: Final = "house"
MINT: Final = "mint"


class Posting(NamedTuple):
    """One line of the ledger: micro-points onto (positive) or off (negative) an account."""

    account: str
    amount: int


def player_account(player: str) -> str:
    """The account of a player's points."""
    assert player and "/" not in player and player != HOUSE, "a player's id is one opaque word"
    return f"player/{player}"


def owed_account(player: str) -> str:
    """The account of a player's debt."""
    assert player and "/" not in player, "a player's id is one opaque word"
    return f"owed/{player}"


def escrow_account(question: str) -> str:
    """The account that holds a question's stakes and subsidy."""
    assert question and "/" not in question, "a question's id is one opaque word"
    return f"escrow/{question}/market"


CREW_STREAM: Final = "crew"
_QUESTION: Final = "question/"


def question_stream(question: str) -> str:
    """The name of a question's stream."""
    assert question and "/" not in question, "a question's id is one opaque word"
    return _QUESTION + question


def question_of(stream: str) -> str:
    """The id of the question whose stream it is; of the crew's stream its own name, which is no question's id."""
    assert stream, "a stream has a name"
    return stream.removeprefix(_QUESTION)


def postings(stream: str, event: e.Event) -> tuple[Posting, ...]:
    """What an event of ``stream`` posts, one line an account, zero lines left out; the lines sum to zero."""
    lines: Counter[str] = Counter()
    escrow = escrow_account(question_of(stream))
    match event:
        case e.CrewOpened():
            lines[MINT] -= event.house_grant
            lines[HOUSE] += event.house_grant
        case e.PlayerJoined():
            lines[MINT] -= event.grant
            lines[player_account(event.player)] += event.grant
        case e.Granted():
            lines[MINT] -= event.amount
            lines[HOUSE if event.to == HOUSE else player_account(event.to)] += event.amount - event.repaid
            lines[owed_account(event.to)] += event.repaid
        case e.QuestionOpened():
            lines[HOUSE if event.subsidy_from == HOUSE else player_account(event.host)] -= event.subsidy
            lines[escrow] += event.subsidy
        case e.BetPlaced():
            net = event.charge - event.released
            return (Posting(escrow, net), Posting(player_account(event.player), -net)) if net else ()
        case e.Collected():
            return (Posting(escrow, -event.released), Posting(player_account(event.player), event.released))
        case e.Settled() | e.Voided():
            _settle(lines, escrow, event.lines, event.house, 1)
        case e.Corrected():
            _settle(lines, escrow, event.reversed, event.reversed_house, -1)
            _settle(lines, escrow, event.lines, event.house, 1)
        case e.Closed() | e.Ruled():
            return ()
    assert sum(lines.values()) == 0, "the postings of an event sum to zero"
    return tuple(Posting(account, amount) for account, amount in lines.items() if amount)


def _settle(lines: Counter[str], escrow: str, settled: tuple[e.Line, ...], house: int, sign: int) -> None:
    assert len({line.player for line in settled}) == len(settled), "a line for each player"
    for line in settled:
        assert line.paid >= 0 and line.subsidy >= 0, "a settlement pays"
        out = line.paid + line.returned + line.subsidy
        lines[escrow] -= sign * out
        lines[player_account(line.player)] += sign * (out + line.owed)
        lines[owed_account(line.player)] -= sign * line.owed
    lines[escrow] -= sign * house
    lines[HOUSE] += sign * house
