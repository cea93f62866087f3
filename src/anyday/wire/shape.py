"""What every shape of the wire is made of."""

from __future__ import annotations

import msgspec

Amount = str | int


class Closed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request body: unknown fields are refused."""


class View(msgspec.Struct, frozen=True):
    """A reply."""


class CommandId(Closed, frozen=True, kw_only=True):
    """What every changing request may carry: an id of the client's own making that makes a retry safe (8 to 64 characters)."""

    command_id: str | None = None
