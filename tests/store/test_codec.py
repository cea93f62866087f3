"""Events and bytes: every event that was ever written can be read, and is written back to the same bytes."""

from __future__ import annotations

import typing
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from anyday.rules import events as e
from anyday.rules.ledger import CLOSEST, CREW_STREAM, FORECAST, MARKET, hidden_stream, postings, question_stream, tally_stream
from anyday.store import codec

SAMPLES = (Path(__file__).parent.parent / "snapshots" / "events.jsonl").read_bytes().splitlines()


def tags() -> set[str]:
    return {str(kind.__struct_config__.tag) for kind in typing.get_args(e.Event)}


def stream_of(event: e.Event) -> str:
    """A stream in which such an event stands."""
    match event:
        case e.Guessed() | e.ForecastStated():
            return hidden_stream("q1", CLOSEST if isinstance(event, e.Guessed) else FORECAST, event.player)
        case e.SealedBet():
            return hidden_stream("q1", MARKET, event.player)
        case e.TallyOpened() | e.Occurred() | e.Struck():
            return tally_stream("t1")
    return CREW_STREAM if isinstance(event, e.CrewEvent) else question_stream("q1")


@pytest.mark.parametrize("line", SAMPLES, ids=lambda line: msgspec.json.decode(line)["event"])
def test_a_stored_sample_decodes_and_encodes_to_the_same_bytes(line: bytes) -> None:
    event = codec.decode(line)
    assert codec.encode(event) == line or msgspec.json.decode(line)["event"] in codec.LIFTS
    assert sum(posting.amount for posting in postings(stream_of(event), event)) == 0


def test_every_tag_that_was_ever_written_has_a_sample() -> None:
    sampled = {msgspec.json.decode(line)["event"] for line in SAMPLES}
    assert sampled == tags() | set(codec.LIFTS)


def test_every_tag_names_its_version() -> None:
    for tag in tags():
        name, _, version = tag.partition(".")
        assert name.replace("_", "").isalpha() and int(version) >= 1


def test_a_sample_of_an_old_shape_would_be_lifted(monkeypatch: pytest.MonkeyPatch) -> None:
    """The way that the next change of an event takes: a lift from the old tag, and the old line still reads."""
    monkeypatch.setitem(codec.LIFTS, "collected.0", lambda fields: {**fields, "event": "collected.1", "released": fields["amount"]})
    old = b'{"event":"collected.0","at":5,"player":"alice","amount":7}'
    assert codec.decode(old) == e.Collected(at=5, player="alice", released=7)
    for line in SAMPLES:
        assert codec.encode(codec.decode(line)) == line or msgspec.json.decode(line)["event"] in codec.LIFTS


@pytest.mark.parametrize(
    "broken",
    [
        b"", b"{", b"[]", b"null", b'{"event":"collected.9","at":1}', b'{"at":1}', b'{"event":"collected.1","at":"1","player":"a","released":1}',
        b'{"event":"collected.1","at":1.5,"player":"a","released":1}', b'{"event":"collected.1","at":1,"player":"a"}',
        b'{"event":"collected.1","at":true,"player":"a","released":1}', b'{"event":"collected.1","at":NaN,"player":"a","released":1}',
    ],
)  # fmt: skip
def test_bytes_that_are_no_event_are_refused(broken: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        codec.decode(broken)


@given(
    st.builds(
        e.BetPlaced,
        at=st.integers(-(2**52), 2**52),
        player=st.text(st.characters(exclude_categories=["Cs"])),
        first=st.integers(0, 2**22),
        last=st.integers(0, 2**22),
        complement=st.booleans(),
        shares=st.integers(-(2**53), 2**53),
        charge=st.integers(-(2**53), 2**53),
        released=st.integers(0, 2**53),
    )
)
def test_any_event_survives_its_bytes(event: e.BetPlaced) -> None:
    stored = codec.encode(event)
    assert codec.decode(stored) == event and codec.encode(codec.decode(stored)) == stored


def test_streams_and_crews_begin_their_chains_apart() -> None:
    names = [("crew", "a"), ("crew", "b"), ("crew2", "a"), ("cre", "wa")]
    assert len({codec.genesis(*name) for name in names}) == len(names)
