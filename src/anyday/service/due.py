"""What the service does by itself: what time has made due on questions and in crews, and what a ruling makes due on a tally.

Time first: a bell, a lent duty, the end of a dispute window, of a vote, of a resolver's silence (``rules.timing``). When the next of them comes
stands in rows that the writer keeps; it is written then, or before whatever comes first.

Then tallies: an occurrence is recorded, and the next question asked. Nothing remembers what is due: it follows from the rows,
after each commit that touches a tally and once at the start. So a server that stopped in between goes on where it was, and nothing is done twice.

- A question that has settled on an occurrence: its ruling is recorded, in the name of whoever ruled.
- A ruling that was corrected: what the old one recorded is struck out, and the new one recorded. An occurrence that somebody struck
  out by hand stays so, as long as the ruling does; what a correction struck out comes back with a ruling that says it again.
- No question of the tally is live, and the newest has settled (on never, too): the next one is asked, where the tally asks. After one
  that was called off, nothing is: whoever called it off did not want it.
- What is refused (not enough points, too few gaps) is kept in words for the tally's page, and tried again when something has changed.
"""

from __future__ import annotations

import logging
import sqlite3
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from anyday import wire
from anyday.instants import HOUR, Instant
from anyday.notify import outbox
from anyday.notify.notices import Notice
from anyday.reads import clocks, tallies
from anyday.reads.tallies import AskedRow
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import tallying
from anyday.rules.ledger import CREW_STREAM, HOUSE, question_of, question_stream
from anyday.rules.question import Life, Tally
from anyday.rules.situation import Situation
from anyday.service import notices
from anyday.service.memory import Memory
from anyday.service.writer import Writer, _Batch

_LOG: Final = logging.getLogger("anyday.due")
#: What may free points, or let somebody ask, so that a question which could not be asked can be now.
_FREES: Final = (e.Granted, e.Settled, e.Corrected, e.Voided, e.AlarmLifted, e.PlayerJoined, e.MadePlayer, e.DutyEvent)


#: However far away the next thing is, the clock is looked at this often (seconds): it may have been set.
_LONGEST_PAUSE: Final = 600.0


class Stuck(NamedTuple):
    """What was due on a tally, and why it was refused."""

    what: c.Command
    refusal: Refusal


class Due(Writer):
    """A writer that follows up on the questions of tallies."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._due: deque[tuple[str, str]] = deque()
        #: What could not be done, by crew and tally.
        self.stuck: dict[tuple[str, str], Stuck] = {}
        self._next: Instant | None = None

    def start(self) -> None:
        """Begin to take commands, and do first what was left undone."""
        self._due.extend(tallies.asking(self.database))
        unknown = {(crew, question_stream(question)): self._coming(crew, question) for crew, question in clocks.unknown(self.database)}
        if unknown:
            self.database.write_now(lambda connection: clocks.note(connection, unknown))
        self._next = clocks.next_due(self.database)
        super().start()
        self._wake.set()

    def _coming(self, crew: str, question: str) -> Instant | None:
        memory = self.memory(crew)
        found = memory.find(question)
        return memory.clock(found, Instant(found.last_at)) if found is not None else None

    def pause(self) -> float | None:
        """Seconds until something is due by itself."""
        return None if self._next is None else min(_LONGEST_PAUSE, max(0.0, (self._next - self.now()) / 1_000_000))

    async def _on_time(self) -> None:
        """Write what time has made due, the longest overdue first."""
        while self._next is not None and self._next <= self.now():
            for crew, stream in clocks.waiting(self.database, self.now()):
                question = None if stream == CREW_STREAM else question_of(stream)
                await self._at_once(c.Envelope(crew, HOUSE, f"due:{stream}", c.Due(question)))
                await self._ask(crew, stream, question)
            self._next = clocks.next_due(self.database)

    async def _ask(self, crew: str, stream: str, named: str | None) -> None:
        """Tell those whose turn it has become, and set the clock for what comes next; what should be done and was not is tried again."""
        memory, now = self.memory(crew), self.now()
        question = memory.find(named) if named is not None else None
        told: list[Notice] = []
        following: Instant | None = None
        if question is not None and memory.crew is not None:
            told = notices.asked(crew, question, memory.crew, now)
            following = memory.clock(question, now)
        elif memory.crew is not None and memory.crew.duties.returns is not None:
            following = memory.crew.duties.returns[0]
        due = {(crew, stream): following if following is None or following > now else Instant(now + HOUR)}

        def work(connection: sqlite3.Connection) -> None:
            clocks.note(connection, due)
            outbox.add(connection, told)

        await self.database.write(work)
        if told:
            self.noticed()

    def _take(self, decided: tuple[e.Event, ...], memory: Memory, situation: Situation, batch: _Batch) -> wire.Receipt:
        receipt = super()._take(decided, memory, situation, batch)
        touched = {receipt.tally}
        for event in decided:
            if isinstance(event, _FREES):
                touched.update(tally for crew, tally in self.stuck if crew == memory.id)
                touched.add(situation.question.opened.tally if situation.question is not None else None)
            elif isinstance(event, e.QuestionOpened):
                touched.add(event.tally)
        batch.tallies.update((memory.id, tally) for tally in touched if tally is not None)
        return receipt

    def _tell(self, batch: _Batch) -> None:
        super()._tell(batch)
        if batch.due:
            self._next = clocks.next_due(self.database)
        self._due.extend(sorted(batch.tallies.difference(self._due)))

    async def follow_up(self) -> None:
        """Do what is due: by the clock, then one step of a tally after another; each step that is taken makes its tally due again."""
        try:
            await self._on_time()
        except Exception:
            _LOG.exception("what time made due broke")
            self._forget_everything()
            self._next = Instant(self.now() + HOUR)
        while self._due:
            due = self._due.popleft()
            try:
                step = self._step(*due)
                if step is None:
                    self.stuck.pop(due, None)
                    continue
                answer = await self._at_once(step)
                if isinstance(answer, Refusal):
                    self.stuck[due] = Stuck(step.body, answer)
            except Exception:
                _LOG.exception("what was due on a tally broke")
                self._forget_everything()

    def _step(self, crew: str, name: str) -> c.Envelope | None:
        memory = self.memory(crew)
        tally = memory.find_tally(name)
        if tally is None or memory.crew is None:
            return None
        asked = tallies.asked(self.database, crew, name)
        step = next(_records(crew, tally, asked), None) or _asks(crew, tally, asked, memory.crew.settings.zone, self.now())
        if step is not None and not memory.crew.plays(step.actor) and not isinstance(step.body, c.Ask):
            step = msgspec.structs.replace(step, actor=memory.crew.owner)  # whoever was to do it has left; nobody pays in another's place
        return step


def _records(crew: str, tally: Tally, asked: Sequence[AskedRow]) -> Iterator[c.Envelope]:
    """What brings the tally to what the rulings of its questions say now. Ids hold a sign that no client's may."""
    name, standing = tally.opened.tally, {(event.start, event.end) for event in tally.standing}
    for row in reversed(asked):
        said = (row.start, row.end) if row.state == Life.SETTLED and not row.never else None
        before = tally.recorded(row.id)
        recorded = (before[1].start, before[1].end) if before is not None else None
        if before is not None and before[0] not in tally.struck and recorded != said:
            yield c.Envelope(crew, tally.opened.keeper, f"strike:{name}:{before[0]}", c.Strike(name, before[0], tallying.CORRECTED))
        new = said != recorded or (before is not None and tallying.withdrawn(tally, before[0]))
        if said is not None and new and said not in standing and (said[0] or 0) >= tally.opened.since:
            yield c.Envelope(crew, row.resolver, f"record:{row.id}:{row.version}", c.Record(name, question=row.id))


def _asks(crew: str, tally: Tally, asked: Sequence[AskedRow], zone: str, now: Instant) -> c.Envelope | None:
    """The next question, once the newest has settled and none is live."""
    over = (Life.SETTLED, Life.VOID)
    if tally.opened.next is None or not asked or asked[0].state != Life.SETTLED or any(row.state not in over for row in asked):
        return None
    return c.Envelope(crew, tally.opened.keeper, f"next:{asked[0].id}", tallying.following(tally, zone, now))
