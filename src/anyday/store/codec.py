"""Events to bytes and back, lifting old shapes, and the hash chain over the bytes as stored.

One canonical form: msgspec's JSON of the event, fields in the order of their definition. The chain runs per stream:
``hash(n) = SHA-256(hash(n-1) + payload(n))``, and begins from the crew's and the stream's name, so that no stream can be
passed off as another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from anyday.instants import DAY
from anyday.rules.events import Event

_encoder: Final = msgspec.json.Encoder()
_decoder: Final[msgspec.json.Decoder[Event]] = msgspec.json.Decoder(Event)

#: Lifts the fields of an old tag to those of the next one: tag -> function from its fields to the newer fields.
LIFTS: Final[dict[str, Callable[[dict[str, Any]], dict[str, Any]]]] = {
    # before there were disputes, a ruling was settled at once; a resolver who is silent is waited for as long as can be
    "crew_opened.1": lambda old: {**old, "event": "crew_opened.2", "dispute": 0, "silence": 7 * DAY},
    "player_joined.1": lambda old: {**old, "event": "player_joined.2", "guest": False},
    "question_opened.1": lambda old: {
        **old, "event": "question_opened.2", "deputy": None, "subjects": [], "barred": [], "dispute": 0, "silence": 366 * DAY,
    },
}  # fmt: skip


def encode(event: Event) -> bytes:
    """The canonical bytes of an event."""
    payload = _encoder.encode(event)
    assert payload.startswith(b'{"event":"'), "the tag comes first"
    return payload


def decode(payload: bytes) -> Event:
    """The event in stored bytes. Raises ``msgspec.ValidationError`` where they are no event of any version."""
    assert isinstance(payload, bytes), "payloads are stored as bytes"
    try:
        return _decoder.decode(payload)
    except msgspec.ValidationError:
        fields = msgspec.json.decode(payload)
        if not isinstance(fields, dict) or fields.get("event") not in LIFTS:
            raise
    while (lift := LIFTS.get(fields["event"])) is not None:
        fields = lift(fields)
    lifted: Event = msgspec.convert(fields, Event)
    return lifted


def genesis(crew: str, stream: str) -> bytes:
    """The hash before a stream's first event."""
    assert "\n" not in crew + stream, "names are one line, so that no two pairs spell the same"
    return hashlib.sha256(f"anyday\n{crew}\n{stream}".encode()).digest()


def link(previous: bytes, payload: bytes) -> bytes:
    """The hash after one more event."""
    assert len(previous) == 32, "a link follows a SHA-256"
    return hashlib.sha256(previous + payload).digest()


def bind(salt: bytes, text: str) -> str:
    """What the log holds in place of a text that can be erased: SHA-256, as hex, over a random salt and the text."""
    assert len(salt) == 16, "128 bits: too many to try"
    return hashlib.sha256(salt + text.encode()).hexdigest()


def root(heads: Mapping[str, bytes]) -> str:
    """What binds many streams at once: SHA-256, as hex, over their names and the last links of their chains."""
    assert all(len(head) == 32 for head in heads.values()), "every stream has a head"
    return hashlib.sha256("".join(f"{stream} {head.hex()}\n" for stream, head in sorted(heads.items())).encode()).hexdigest()
