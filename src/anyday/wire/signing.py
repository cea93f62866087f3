"""The JSON shapes of accounts: signing in, passkeys, invitations, tokens, erasing."""

from __future__ import annotations

from anyday.wire.shape import Closed, View


class SignInIn(Closed, frozen=True):
    """Sign in by name and password; the reply sets the session's cookie."""

    name: str
    password: str


class PasswordIn(Closed, frozen=True):
    """A new password in place of the old one; every session and token ends."""

    old: str
    new: str


class InviteIn(Closed, frozen=True):
    """Invite people to join, as ``player`` or ``guest``, for so many days and so many of them: at the most, and unless stated, what
    the settings say."""

    days: int | None = None
    uses: int | None = None
    role: str = "player"


class InviteNameIn(Closed, frozen=True):
    """Invite somebody who has an account on this server, by name: they are shown it, and accept or decline."""

    name: str
    role: str = "player"
    days: int | None = None


class TokenIn(Closed, frozen=True):
    """A new bearer token for this crew, with a name to know it by. ``rights``: ``read``, ``play`` or ``manage``."""

    name: str
    days: int | None = None
    rights: str = "manage"


class PasskeyOptionsIn(Closed, frozen=True):
    """Begin to sign in with a passkey: with any that the browser knows for this site or, with a name, with one of theirs."""

    name: str = ""


class PasskeyIn(Closed, frozen=True):
    """A passkey that a browser has made, and a name to know it by; what the browser says is in base64url."""

    name: str
    id: str
    client_data: str
    attestation: str


class AssertionIn(Closed, frozen=True):
    """A passkey's answer to the challenge that was sent; what the browser says is in base64url."""

    id: str
    client_data: str
    authenticator_data: str
    signature: str
    user_handle: str | None = None


class EraseIn(Closed, frozen=True):
    """Erase what the server knows of you; ``name`` is your name, typed again."""

    name: str


class SessionView(View, frozen=True):
    """Who is signed in, and until when unless they come back before."""

    player: str
    name: str
    expires_at: str


class Secret(View, frozen=True):
    """An invitation's or token's secret, shown this once. ``path`` is where an invitation is opened on this server, ``link`` the whole
    of it where the server knows its own address."""

    secret: str
    expires_at: str
    path: str | None = None
    link: str | None = None


class TokenView(View, frozen=True):
    """A bearer token as its holder sees it later: good in one crew, for ``read``, ``play`` or ``manage``."""

    id: str
    name: str
    created_at: str
    expires_at: str
    crew: str = "crew"
    rights: str = "manage"


class PasskeyView(View, frozen=True):
    """A passkey as its owner sees it. ``doubted_at``: then it was refused, since its counter went backwards, as that of a copy does."""

    id: str
    name: str
    site: str
    created_at: str
    used_at: str | None
    doubted_at: str | None


class InvitationView(View, frozen=True):
    """An invitation that is out: into which crew, as what, for whom (nobody named: for whoever has the link), by whom, and until when."""

    id: str
    crew: str
    crew_name: str
    role: str
    name: str | None
    by: str | None
    uses_left: int
    expires_at: str
