"""The chart of accounts, and what each event posts: integers that sum to zero.

``player/<id>`` never goes below zero · ``owed/<id>`` holds a debt as a negative balance · ``escrow/<question>/<mechanism>``
holds what is staked there, and the market's subsidy · ``house`` · ``mint`` is the negative of all grants.
"""

from __future__ import annotations

from collections import Counter
from typing import Final, NamedTuple

from anyday.rules import events as e

#: The id of a file's first crew; further ones have ids of ten random letters.
CREW: Final = "crew"
HOUSE: Final = "house"
MINT: Final = "mint"

#: The mechanisms by name, and where their entries are sealed: in a hidden stream for each player.
MARKET: Final = "market"
TOTE: Final = "tote"
CLOSEST: Final = "closest"
FORECAST: Final = "forecast"
SEALED: Final = (CLOSEST, FORECAST)
#: What has hidden streams: a market's bets are sealed until its bell.
HIDDEN: Final = (*SEALED, MARKET)
#: What is set aside for sealed bets: it flows apart from the market, and one never covers the other.
BELL: Final = "bell"


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


def escrow_account(question: str, mechanism: str = MARKET) -> str:
    """The account that holds what is staked in one mechanism of a question; one never covers another."""
    assert question and "/" not in question + mechanism, "a question's id is one opaque word"
    return f"escrow/{question}/{mechanism}"


def reserve_account(question: str, player: str) -> str:
    """The account that holds what is set aside for a player's sealed bets."""
    assert question and player and "/" not in question + player, "ids are opaque words"
    return f"reserve/{question}/{player}"


CREW_STREAM: Final = "crew"
_QUESTION: Final = "question/"
_HIDDEN: Final = "hidden/"
_TALLY: Final = "tally/"


def question_stream(question: str) -> str:
    """The name of a question's stream."""
    assert question and "/" not in question, "a question's id is one opaque word"
    return _QUESTION + question


def hidden_streams(question: str, mechanism: str) -> str:
    """What the names of all hidden streams of a question's mechanism begin with."""
    assert question and "/" not in question and mechanism in HIDDEN, "only some mechanisms are sealed"
    return f"{_HIDDEN}{question}/{mechanism}/"


def hidden_stream(question: str, mechanism: str, player: str) -> str:
    """The name of the stream of one player's sealed entries in one mechanism of a question."""
    assert player and "/" not in player, "a player's id is one opaque word"
    return hidden_streams(question, mechanism) + player


def tally_stream(tally: str) -> str:
    """The name of a tally's stream."""
    assert tally and "/" not in tally, "a tally's id is one opaque word"
    return _TALLY + tally


def tally_of(stream: str) -> str | None:
    """The id of the tally whose stream it is, or None."""
    assert stream, "a stream has a name"
    return stream.removeprefix(_TALLY) if stream.startswith(_TALLY) else None


def question_of(stream: str) -> str:
    """The id of the question whose stream it is, or one of whose hidden streams; of any other its own name, which is no
    question's id."""
    assert stream, "a stream has a name"
    if stream.startswith(_HIDDEN):
        return stream.split("/")[1]
    return stream.removeprefix(_QUESTION)


def is_hidden(stream: str) -> bool:
    """Whether the stream holds one player's sealed entries."""
    assert stream, "a stream has a name"
    return stream.startswith(_HIDDEN)


def postings(stream: str, event: e.Event) -> tuple[Posting, ...]:
    """What an event of ``stream`` posts, one line an account, zero lines left out; the lines sum to zero."""
    lines: Counter[str] = Counter()
    question = question_of(stream)
    match event:
        case e.CrewOpened():
            lines[MINT] -= event.house_grant
            lines[HOUSE] += event.house_grant
        case e.PlayerJoined() | e.MadePlayer():
            lines[MINT] -= event.grant
            lines[player_account(event.player)] += event.grant
        case e.Granted():
            lines[MINT] -= event.amount
            lines[HOUSE if event.to == HOUSE else player_account(event.to)] += event.amount - event.repaid
            lines[owed_account(event.to)] += event.repaid
        case e.QuestionOpened():
            if event.market is not None:
                lines[HOUSE if event.subsidy_from == HOUSE else player_account(event.host)] -= event.subsidy
                lines[escrow_account(question)] += event.subsidy
        case e.BetPlaced() | e.Collected() | e.Staked() | e.Guessed() | e.ForecastStated():
            flow = flow_of(event)
            escrow, amount = escrow_account(question, flow.mechanism), flow.charge - flow.released
            return (Posting(escrow, amount), Posting(player_account(event.player), -amount)) if amount else ()
        case e.SealedBet():
            lines[player_account(event.player)] -= event.reserve
            lines[reserve_account(question, event.player)] += event.reserve
        case e.Filled():
            lines[reserve_account(question, event.player)] -= event.charge + event.returned
            lines[player_account(event.player)] += event.returned
            lines[escrow_account(question)] += event.charge
        case e.Settled() | e.Voided():
            _settle(lines, question, event.posted, 1)
        case e.Corrected():
            _settle(lines, question, event.reversed, -1)
            _settle(lines, question, event.posted, 1)
        case _:
            return ()
    assert sum(lines.values()) == 0, "the postings of an event sum to zero"
    return tuple(Posting(account, amount) for account, amount in lines.items() if amount)


def _settle(lines: Counter[str], question: str, posted: e.Posted, sign: int) -> None:
    for book in posted.books:
        escrow = escrow_account(question, book.mechanism)
        assert len({line.player for line in book.lines}) == len(book.lines), "a line for each player"
        for line in book.lines:
            assert line.paid >= 0 and line.subsidy >= 0, "a settlement pays"
            lines[reserve_account(question, line.player) if book.mechanism == BELL else escrow] -= sign * line.out
            lines[player_account(line.player)] += sign * line.out
        lines[escrow] -= sign * book.house
        lines[HOUSE] += sign * book.house
    for debt in posted.debts:
        lines[player_account(debt.player)] += sign * debt.owed
        lines[owed_account(debt.player)] -= sign * debt.owed


class Flow(NamedTuple):
    """What a player's own event moves between purse and escrow: ``charge`` is paid in, ``released`` comes back."""

    mechanism: str
    charge: int
    released: int


Flowing = e.BetPlaced | e.Collected | e.Staked | e.Guessed | e.ForecastStated | e.SealedBet | e.Filled


def flow_of(event: Flowing) -> Flow:
    """The flow of a bet, a collection, a stake, a guess or a forecast. Micro-points."""
    match event:
        case e.BetPlaced():
            flow = Flow(MARKET, event.charge, event.released)
        case e.Collected():
            flow = Flow(MARKET, 0, event.released)
        case e.Staked():
            flow = Flow(TOTE, event.amount, 0)
        case e.Guessed():
            flow = Flow(CLOSEST, event.stake, 0)
        case e.ForecastStated():
            flow = Flow(FORECAST, event.stake, 0)
        case e.SealedBet():
            flow = Flow(MARKET, 0, 0)  # what is set aside is no bet yet
        case e.Filled():
            flow = Flow(MARKET, event.charge, 0)
    assert flow.released >= 0, "a floor is never taken back"
    return flow
