"""What a ruling makes due on a tally: its occurrence is recorded, and the next question asked. The service does it by itself.

Nothing remembers what is due: it follows from the rows, after each commit that touches a tally and once at the start. So a
server that stopped in between goes on where it was, and nothing is done twice.

- A question that has settled on an occurrence: its ruling is recorded, in the name of whoever ruled.
- A ruling that was corrected: what the old one recorded is struck out, and the new one recorded. An occurrence that somebody struck
  out by hand stays so, as long as the ruling does; what a correction struck out comes back with a ruling that says it again.
- No question of the tally is live, and the newest has settled (on never, too): the next one is asked, where the tally asks. After one
  that was called off, nothing is: whoever called it off did not want it.
- What is refused (not enough points, too few gaps) is kept in words for the tally's page, and tried again when something has changed.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from anyday import wire
from anyday.instants import Instant
from anyday.reads import tallies
from anyday.reads.tallies import AskedRow
from anyday.refusals import Refusal
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules import tallying
from anyday.rules.question import Life, Tally
from anyday.rules.situation import Situation
from anyday.service.memory import Memory
from anyday.service.writer import Writer, _Batch

_LOG: Final = logging.getLogger("anyday.due")
#: What may free points, so that a question which could not be paid for can be now.
_FREES: Final = (e.Granted, e.Settled, e.Corrected, e.Voided)


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

    def start(self) -> None:
        """Begin to take commands, and do first what was left undone."""
        self._due.extend(tallies.asking(self.database))
        super().start()
        self._wake.set()

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
        self._due.extend(sorted(batch.tallies.difference(self._due)))

    async def follow_up(self) -> None:
        """Do what is due, one step of a tally after another; each step that is taken makes its tally due again."""
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
        step = next(_records(crew, tally, asked), None)
        return step if step is not None else _asks(crew, tally, asked, memory.crew.opened.zone, self.now())


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
