"""The worker that empties the outbox: it wakes when something was put in, else when something is due.

Deliveries run side by side, a few by each way and two for each player, so that a sink that hangs, or a player who has many
such sinks, delays nobody else. Nothing here ever runs inside a transaction that decides about points: what is due is
planned and claimed in one small transaction, sent without any, and written down in another.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Callable
from typing import Final

from anyday.instants import DAY, SECOND, Instant, iso
from anyday.notify import outbox
from anyday.notify.channels import Channel
from anyday.notify.notices import Notice, Rendered
from anyday.notify.outbox import Claim
from anyday.notify.transports import APPRISE, EMAIL, NTFY, WEBHOOK, Item, Message, Transports, Undelivered
from anyday.settings import Settings
from anyday.store.database import Database, WriteFailed

_LOG: Final = logging.getLogger("anyday.notify")

#: A notice in words, with what its recipient may see now; None where they may not see it any more.
Render = Callable[[Notice, str], Rendered | None]

#: How many deliveries run at once, by each way and for each player.
AT_ONCE: Final = {EMAIL: 16, WEBHOOK: 48, NTFY: 48, APPRISE: 4}
AT_ONCE_EACH: Final = 2
#: The longest rest, in seconds, and the one after something broke.
_REST, _REST_BROKEN = 60.0, 5.0
#: How long a stop waits for deliveries under way; what is cut off then is sent again later, with the same id.
_STOP_SECONDS: Final = 6.0


class Courier:
    """Plans, claims and delivers. ``wake`` it when something was put into the outbox."""

    def __init__(
        self, database: Database, clock: Callable[[], Instant], settings: Settings, render: Render, transports: Transports | None = None
    ) -> None:
        self._database, self._clock, self._settings, self._render = database, clock, settings, render
        self._transports = transports
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._under_way: dict[str, tuple[Channel, asyncio.Task[None]]] = {}
        self._pruned = 0

    def wake(self) -> None:
        """Something was put into the outbox."""
        self._woken.set()

    def start(self) -> None:
        """Begin to deliver; needs a running loop."""
        assert self._task is None, "one courier has one round at a time"
        self._task = asyncio.create_task(self._go_on(), name="anyday-courier")

    async def stop(self, seconds: float = _STOP_SECONDS) -> None:
        """Stop planning, wait a little for what is under way, cut off the rest."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None
        await self.settled(seconds)
        for _, task in list(self._under_way.values()):
            task.cancel()
        await asyncio.gather(*(task for _, task in self._under_way.values()), return_exceptions=True)
        if self._transports is not None:
            await self._transports.close()

    async def settled(self, seconds: float | None = None) -> None:
        """Wait until the deliveries that are under way have ended."""
        while self._under_way:
            done, _ = await asyncio.wait([task for _, task in self._under_way.values()], timeout=seconds)
            if not done:
                return

    async def _go_on(self) -> None:
        while True:
            pause = 0.0
            try:
                if not await self.round():
                    pause = self._rest()
            except WriteFailed as failed:
                _LOG.warning("the outbox could not be written: %s", failed.refusal)
                pause = _REST_BROKEN
            except Exception:
                _LOG.exception("the outbox broke")
                pause = _REST_BROKEN
            if pause:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(pause):  # wait_for would lose a stop that comes in the moment in which it is woken
                        await self._woken.wait()

    def _rest(self) -> float:
        """Seconds until something is due; where it is due already and waits for its turn, a delivery that ends wakes us."""
        due = outbox.next_due(self._database)
        return _REST if due is None else min(_REST, max(0.05 if not self._under_way else 1.0, (due - self._clock()) / SECOND))

    async def round(self) -> bool:
        """Plan what is due, claim what may go, and send it on its way; whether there was anything."""
        self._woken.clear()
        now = self._clock()
        due = outbox.next_due(self._database)
        if due is None or due > now:
            return False

        taken = [channel for channel, _ in self._under_way.values()]
        kinds, players, busy = Counter(c.kind for c in taken), Counter(c.player for c in taken), {c.id for c in taken}

        def may(channel: Channel) -> bool:
            fine = channel.id not in busy and kinds[channel.kind] < AT_ONCE[channel.kind] and players[channel.player] < AT_ONCE_EACH
            if fine:
                kinds[channel.kind] += 1
                players[channel.player] += 1
            return fine

        planned, claims = await self._database.write(lambda connection: (outbox.plan(connection, now), outbox.claim(connection, now, may)))
        for claimed in claims:
            task = asyncio.create_task(self._deliver(claimed), name="anyday-delivery")
            self._under_way[claimed.parcel] = (claimed.channel, task)
            task.add_done_callback(lambda _, parcel=claimed.parcel: self._ended(parcel))  # type: ignore[misc]
        if now - self._pruned > DAY:
            self._pruned = now
            await self._database.write(lambda connection: outbox.prune(connection, now))
        return bool(planned or claims)

    def _ended(self, parcel: str) -> None:
        self._under_way.pop(parcel, None)
        self._woken.set()

    async def _deliver(self, claimed: Claim) -> None:
        channel, why, for_good = claimed.channel, None, False
        try:
            message = self._compose(claimed)
            if message is None:
                await self._database.write(lambda connection: outbox.drop(connection, claimed))
                return
            await self._ways().send(channel.kind, channel.address, channel.secret, message)
        except Undelivered as undelivered:
            why, for_good = undelivered.why, undelivered.for_good
        except Exception:
            _LOG.exception("a delivery broke on its way (%s)", channel.kind)
            why = "Something broke here; it is written in the server's log."
        try:
            now = self._clock()
            await self._database.write(lambda connection: outbox.finish(connection, claimed, now, why, for_good=for_good))
        except WriteFailed as failed:  # it is claimed again when the lease ends
            _LOG.warning("what came of a delivery could not be written: %s", failed.refusal)

    def _ways(self) -> Transports:
        if self._transports is None:
            self._transports = Transports(self._settings)
        return self._transports

    # what is said

    def _compose(self, claimed: Claim) -> Message | None:
        if not claimed.notices:
            return None if claimed.channel.confirmed_at is not None else self._confirmation(claimed)
        base = self._settings.address.rstrip("/")
        items = []
        for kept in claimed.notices:
            said = self._render(kept.notice, claimed.channel.player)
            if said is not None and kept.acked_at is None:
                link = base + said.link if base else ""
                items.append(Item(said.title, said.text, link, kept.notice.kind, kept.notice.crew, iso(kept.notice.at)))
        if not items:
            return None
        title = items[0].title if len(items) == 1 else f"{len(items)} things to know"
        foot = [f"And {claimed.more} more in your inbox."] if claimed.more else []
        unsubscribe = ""
        if claimed.channel.kind == EMAIL:
            unsubscribe = f"{base}/unsubscribe/{claimed.secret}" if base else ""
            foot.append("You get this because you gave this address on your notifications page. There you choose what comes, and when.")
            foot += [f"Your choices: {base}/me/notifications", f"No more e-mail: {unsubscribe}"] if base else []
        return Message(claimed.parcel, title, tuple(items), claimed.urgent, self._clock(), unsubscribe, "\n".join(foot))

    def _confirmation(self, claimed: Claim) -> Message:
        base = self._settings.address.rstrip("/")
        link = f"{base}/confirm/{claimed.secret}" if base else ""
        how = "Open this page to confirm that it is yours:" if link else f"Enter this code on the notifications page: {claimed.secret}"
        text = f"Somebody wants AnyDay to send messages to this address. {how}"
        item = Item("Confirm your address", text, link, "confirm", "", iso(self._clock()))
        foot = "It is good for two days. If it was not you, do nothing: nothing else will come."
        return Message(claimed.parcel, "Confirm your address", (item,), True, self._clock(), "", foot)
