"""The JSON shapes of messages, beside those of ``wire``: the inbox, the channels, and how one likes to be told."""

from __future__ import annotations

from anyday.wire.shape import Closed, View


class NoticeView(View, frozen=True):
    """One notice of the inbox, as you may see it now. ``steps`` say, for an urgent one, when it was sent and sent again."""

    id: int
    kind: str
    title: str
    text: str
    link: str
    at: str
    urgent: bool
    read: bool
    acknowledged: bool
    steps: tuple[str, ...]


class InboxView(View, frozen=True):
    """Your inbox, the newest first; ``before`` is what to ask with for those before, null at its end."""

    unread: int
    urgent: int
    notices: tuple[NoticeView, ...]
    before: int | None


class ReadIn(Closed, frozen=True):
    """Mark as read: one notice by its ``id``, or all ``upto`` one."""

    id: int | None = None
    upto: int | None = None


class KindView(View, frozen=True):
    """A kind of message: ``sent`` says whether it goes to a new channel, ``urgent`` that it comes again until it is acknowledged."""

    name: str
    said: str
    urgent: bool
    sent: bool


class ChannelView(View, frozen=True):
    """A way by which you are reached. ``secret`` is what a webhook's messages are signed with; ``state`` is ``on``, ``off`` or
    ``unconfirmed``; ``last`` says what came of the latest message."""

    id: str
    kind: str
    address: str
    state: str
    kinds: tuple[str, ...]
    secret: str | None
    last: str | None


class HabitView(View, frozen=True):
    """When you like to be told: quiet hours and the digest's hour in ``zone``. ``digest`` is ``none``, ``daily`` or ``weekly``."""

    zone: str
    quiet_from: str
    quiet_to: str
    digest: str
    digest_hour: int


class NotificationsView(View, frozen=True):
    """How you are told: your channels and habits, every kind of message, and what this server offers."""

    channels: tuple[ChannelView, ...]
    habit: HabitView
    kinds: tuple[KindView, ...]
    offered: tuple[str, ...]


class ChannelIn(Closed, frozen=True):
    """Another channel: ``kind`` email, webhook, ntfy or apprise; ``token`` is ntfy's access token, if it asks for one."""

    kind: str
    address: str
    token: str = ""


class PickIn(Closed, frozen=True):
    """The kinds of message that go to a channel, or whether it is on at all."""

    kinds: tuple[str, ...] | None = None
    on: bool | None = None


class CodeIn(Closed, frozen=True):
    """The code of the letter that asks for an address to be confirmed."""

    code: str


class HabitIn(Closed, frozen=True):
    """When you like to be told; times as ``22:00``, empty for no quiet hours."""

    zone: str
    quiet_from: str = ""
    quiet_to: str = ""
    digest: str = "none"
    digest_hour: int = 8
