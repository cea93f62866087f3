"""Opening a crew: what is recorded is what was checked."""

from __future__ import annotations

from anyday.instants import zone_of
from anyday.rules import commands as c
from anyday.rules import events as e
from anyday.rules.decide import Situation, decide
from anyday.rules.purse import Purse
from tests.rules.table import at


def test_a_crew_s_name_and_zone_are_recorded_as_they_were_checked() -> None:
    nobody = Situation(None, None, lambda player: Purse())
    decided = decide(nobody, "olga", c.OpenCrew("  The crew ", zone=" europe/ZURICH"), at(0))
    assert isinstance(decided, tuple) and isinstance(decided[0], e.CrewOpened)
    assert (decided[0].name, decided[0].zone) == ("The crew", "Europe/Zurich")
    assert zone_of(decided[0].zone).key == "Europe/Zurich", "whoever says a time in the crew's zone finds it"
