"""Messages as the pages, the API and the command line see them: the inbox, the channels, the habits. Belongs to the server; a crew is named."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, TypeVar

from anyday.instants import Grain, Instant, iso
from anyday.notify import channels, habits, inbox, outbox
from anyday.notify.channels import Channel
from anyday.notify.courier import Courier
from anyday.notify.inbox import Counts, Line
from anyday.notify.notices import BY_NAME, KINDS, Notice, Rendered
from anyday.notify.transports import APPRISE, WEBHOOK, offered
from anyday.phrases import say_instant
from anyday.refusals import Reason, Refusal
from anyday.service import notices
from anyday.store.database import WriteFailed
from anyday.wire import told

if TYPE_CHECKING:
    from anyday.service import Service

T = TypeVar("T")

#: What a way is called in a notice's steps; none is the inbox.
_NAMED: Final = {None: "to your inbox", "email": "by e-mail", "webhook": "by webhook", "ntfy": "by ntfy", "apprise": "by Apprise"}


class Messages:
    """What a server tells its players, and how they like to be told."""

    def __init__(self, service: Service) -> None:
        self._service, self._database, self._settings = service, service.database, service.settings
        self.courier = Courier(service.database, service.clock, service.settings, self.render)

    def render(self, notice: Notice, recipient: str) -> Rendered | None:
        """A notice in words, with what its recipient may see now."""
        service = self._service.of(notice.crew)
        return notices.render(service, notice, recipient) if service is not None else None

    # the inbox

    def counts(self, crew: str, player: str) -> Counts:
        """How many notices are unread, and how many urgent ones wait to be acknowledged."""
        return inbox.counts(self._database, crew, player)

    def inbox(self, crew: str, player: str, before: int | None = None) -> told.InboxView:
        """A page of the inbox, the newest first. What its owner may not see any more is left out."""
        lines = inbox.lines(self._database, crew, player, before if before is not None else 2**53)
        steps = outbox.trail(self._database, crew, player, [line.kept.id for line in lines if line.kept.notice.urgent])
        views = [view for line in lines if (view := self._notice(line, steps)) is not None]
        counts = self.counts(crew, player)
        return told.InboxView(counts.unread, counts.urgent, tuple(views), lines[-1].kept.id if len(lines) == inbox.PAGE else None)

    def _notice(self, line: Line, steps: Sequence[outbox.Step]) -> told.NoticeView | None:
        kept, notice = line.kept, line.kept.notice
        words = self.render(notice, notice.player)
        if words is None:
            return None
        steps_said = self._steps(kept, [step for step in steps if step.notice == kept.id]) if notice.urgent else ()
        return told.NoticeView(
            kept.id, notice.kind, words.title, words.text, words.link, iso(notice.at), notice.urgent, line.read_at is not None,
            kept.acked_at is not None, steps_said,
        )  # fmt: skip

    def _steps(self, kept: outbox.Stored, steps: Sequence[outbox.Step]) -> tuple[str, ...]:
        """What happened to an urgent notice on its way, in words: each time that it was sent, by what, and what did not arrive."""
        said = []
        for number in sorted({step.step for step in steps}):
            ways = [step for step in steps if step.step == number]
            when = self._moment(ways[0].at)
            if number == outbox.DEPUTY_STEP:
                said.append(f"Passed on to the deputy on {when}.")
                continue
            sent = _listed([_NAMED[way.channel] for way in ways if way.state == "sent"])
            lost = "".join(f" Not {_NAMED[way.channel]}: {way.error}" for way in ways if way.state != "sent" and way.error is not None)
            said.append(f"{'Sent again' if number else 'Sent'} on {when}, {sent}.{lost}")
        return (*said, *([f"Acknowledged on {self._moment(kept.acked_at)}."] if kept.acked_at is not None else []))

    def _moment(self, at: int) -> str:
        return say_instant(Instant(at), self._service.crew_zone, Grain.MINUTE)

    async def read(self, crew: str, player: str, *, only: int | None = None, upto: int | None = None) -> Refusal | None:
        """Mark one notice as read, or all up to one (all there are). What can no longer be seen needs no acknowledgement either."""
        lines = inbox.lines(self._database, crew, player) if only is None else []
        gone = [line.kept.id for line in lines if line.read_at is None and self.render(line.kept.notice, player) is None]

        def work(connection: sqlite3.Connection) -> None:
            now = self._service.now()
            for number in gone:
                inbox.acknowledge(connection, crew, player, number, now)
            inbox.read(connection, crew, player, now, upto if upto is not None else 2**53, only)

        return await self._write(work)

    async def acknowledge(self, crew: str, player: str, number: int) -> Refusal | None:
        """Say "I have seen it" of an urgent notice: it comes no more."""
        now = self._service.now()
        return await self._write(lambda connection: inbox.acknowledge(connection, crew, player, number, now))

    # channels and habits

    def offered(self) -> tuple[str, ...]:
        """The ways by which this server sends anything."""
        return tuple(kind for kind in channels.KINDS if offered(kind, self._settings))

    def notifications(self, player: str) -> told.NotificationsView:
        """How a player is told."""
        habit = self._habit(player)
        found = [channels.of(row) for row in self._database.read(channels.LOAD, (player,))]
        return told.NotificationsView(
            tuple(self._channel(channel) for channel in found),
            told.HabitView(habit.zone, habits.say_minute(habit.quiet_from), habits.say_minute(habit.quiet_to), habit.digest, habit.digest_hour),
            tuple(told.KindView(*kind) for kind in KINDS),
            self.offered(),
        )

    def _habit(self, player: str) -> habits.Habit:
        return habits.load(self._database.read(habits.LOAD, (player,)), self._service.crew_zone)

    def _channel(self, channel: Channel) -> told.ChannelView:
        state = "unconfirmed" if channel.confirmed_at is None else "off" if channel.off_at is not None else "on"
        chosen = tuple(name for name, kind in BY_NAME.items() if channel.picked.get(name, kind.sent))
        shown = channel.address.partition("://")[0] + "://…" if channel.kind == APPRISE else channel.address
        secret = channel.secret if channel.kind == WEBHOOK else None
        return told.ChannelView(channel.id, channel.kind, shown, state, chosen, secret, self._last(channel))

    def _last(self, channel: Channel) -> str | None:
        """What came of the latest message on a channel, in words."""
        latest = outbox.latest(self._database, channel.player, channel.id)
        if latest is None:
            return None
        state, sent_at, error, at = latest
        return f"Delivered, {self._moment(sent_at)}." if state == "sent" else f"Not delivered, {self._moment(at)}: {error}"

    async def add_channel(self, player: str, body: told.ChannelIn) -> told.ChannelView | Refusal:
        """Add a channel; an e-mail address gets a letter that asks for its confirmation."""
        address = channels.check(body.kind, body.address, self._settings)
        if isinstance(address, Refusal):
            return address
        now = self._service.now()
        made = await self._write(lambda connection: channels.add(connection, player, body.kind, address, body.token.strip(), now))
        self.courier.wake()
        return made if isinstance(made, Refusal) else self._channel(made)

    async def ask_again(self, player: str, channel_id: str) -> Refusal | None:
        """Send another letter that asks for a channel's confirmation."""
        found = [channels.of(row) for row in self._database.read(channels.ONE, (player, channel_id))]
        if not found or found[0].confirmed_at is not None:
            return Refusal(Reason.NOT_FOUND, what="channel to confirm")
        now = self._service.now()
        refused = await self._write(lambda connection: channels.ask(connection, found[0], now))
        self.courier.wake()
        return refused

    async def confirm(self, code: str, player: str | None = None) -> told.ChannelView | Refusal:
        """Confirm the channel to which the letter with this code went."""
        now = self._service.now()
        found = await self._write(lambda connection: channels.confirm(connection, code, now, player))
        return found if isinstance(found, Refusal) else self._channel(found)

    async def unsubscribe(self, secret: str) -> Refusal | None:
        """End the channel to which the message with this link went; the same answer whether there is one or not."""
        now = self._service.now()
        done = await self._write(lambda connection: channels.unsubscribe(connection, secret, now))
        return done if isinstance(done, Refusal) else None

    async def pick(self, player: str, channel_id: str, body: told.PickIn) -> Refusal | None:
        """Choose what goes to a channel, or turn it off or on."""

        def work(connection: sqlite3.Connection) -> Refusal | None:
            now = self._service.now()
            refused = channels.pick(connection, player, channel_id, body.kinds) if body.kinds is not None else None
            if refused is None and body.on is not None:
                refused = channels.switch(connection, player, channel_id, None if body.on else now)
            return refused

        return await self._write(work)

    async def remove(self, player: str, channel_id: str) -> Refusal | None:
        """Remove a channel, and all that is kept of it."""
        return await self._write(lambda connection: channels.remove(connection, player, channel_id))

    async def set_habit(self, player: str, body: told.HabitIn) -> Refusal | None:
        """Set quiet hours and digest."""
        habit = habits.read(body.zone, body.quiet_from, body.quiet_to, body.digest, body.digest_hour)
        if isinstance(habit, Refusal):
            return habit
        return await self._write(lambda connection: habits.save(connection, player, habit))

    async def invited(self, player: str, crew: str, by: str, invitation: str) -> Refusal | None:
        """Tell somebody in the first crew of theirs that another one invites them."""
        home = self._service.first_of(player)
        if home is None:
            return None  # they belong nowhere yet: their page tells them
        notice = Notice(home, player, "invited", f"invited/{crew}/{invitation}", self._service.now(), facts={"by": by, "into": crew})
        refused = await self._write(lambda connection: outbox.add(connection, [notice]))
        self.courier.wake()
        return refused

    async def _write(self, work: Callable[[sqlite3.Connection], T]) -> T | Refusal:
        try:
            return await self._database.write(work)
        except WriteFailed as failed:
            return failed.refusal


def _listed(ways: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``, each once."""
    each = list(dict.fromkeys(ways))
    return " and ".join(filter(None, [", ".join(each[:-1]), each[-1]])) if each else "nowhere"
