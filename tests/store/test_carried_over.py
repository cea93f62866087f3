"""A file that an older AnyDay wrote, whose people were one crew's: everybody is still who they were."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from anyday.people.accounts import Invitation, SignedIn
from anyday.people.invitations import Place
from anyday.refusals import Reason, Refusal
from anyday.service import Service
from anyday.settings import Settings
from anyday.store import schema
from anyday.store.beside import owner_name
from anyday.store.database import Database
from tests.web.conftest import START

STORED = Path(__file__).parent.parent / "snapshots" / "people-of-one-crew.sql"
OLGA, PIA, ROB, ADA = "p0000000001", "p0000000004", "p0000000006", "p0000000009"
PASSWORD = "correct horse battery"


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    """The rows as they were stored: Olga owns the crew, Pia is in it, Rob's joining failed, Ada is simulated and has a link."""
    path = tmp_path / "any.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(STORED.read_text(encoding="utf-8"))
    return path


def test_a_file_of_one_crews_people_becomes_the_servers_and_nobody_is_locked_out(old_file: Path) -> None:
    async def story() -> None:
        service = await Service.open(old_file, lambda: START + 3_000_000, Settings(weak_hash_for_tests=True))
        people = service.people
        assert dict(people.names()) == {OLGA: "Olga", PIA: "Pia", ROB: "Rob", ADA: "Ada"}
        assert isinstance(await people.sign_in("pia", PASSWORD, "192.0.2.7"), SignedIn)
        for secret, player in (("session-2", OLGA), ("session-5", PIA), ("session-7", ROB)):
            held = people.session(secret)
            assert held is not None and held.player == player
        token = people.token("anyday_token-8")
        assert token is not None
        assert (token.player, token.crew, token.rights) == (PIA, "crew", "manage"), "an old token may what it might"
        invitation = people.invitation("invitation-3", "join")
        assert isinstance(invitation, Invitation)
        assert (invitation.uses_left, invitation.crew, invitation.role, invitation.by) == (18, "crew", "player", OLGA)
        linked = await people.open_link("invitation-10")
        assert isinstance(linked, SignedIn) and linked.player == ADA
        (place,) = people.places(ROB)
        assert place == Place("crew", "player", place.id), "whoever has an account and is no member keeps their place"
        assert not people.places(OLGA) and not people.places(PIA) and not people.places(ADA)
        refused = await people.add_player("PIA")
        assert isinstance(refused, Refusal) and refused.reason is Reason.NAME_TAKEN
        await service.close()

    asyncio.run(story())
    assert owner_name(old_file) == "Olga"
    with closing(sqlite3.connect(old_file)) as connection:
        assert schema.is_current(connection)
        assert not connection.execute("SELECT name FROM sqlite_master WHERE name GLOB 'old_*'").fetchall()
        assert connection.execute("SELECT count(*) FROM event").fetchone() == (4,), "the record is as it was"


def test_whoever_made_the_first_account_and_never_opened_the_crew_may_still_open_it(old_file: Path) -> None:
    with closing(sqlite3.connect(old_file)) as connection:
        for table in ("event", "member", "command"):
            connection.execute(f"DELETE FROM {table}")
        connection.execute("DELETE FROM person WHERE name <> 'Olga'")
        connection.commit()

    async def story() -> None:
        service = await Service.open(old_file, lambda: START, Settings(weak_hash_for_tests=True))
        assert [(place.crew, place.role) for place in service.people.places(OLGA)] == [("crew", "owner")]
        await service.close()

    asyncio.run(story())


def test_control_a_step_that_breaks_halfway_leaves_the_old_file_whole(old_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def rows() -> list[str]:
        with closing(sqlite3.connect(old_file)) as connection:
            return list(connection.iterdump())

    before = rows()
    number = schema.STEPS.index(schema.PEOPLE_OF_THE_SERVER)
    broken = (*schema.STEPS[:number], schema.PEOPLE_OF_THE_SERVER.replace("DROP TABLE old_token", "DROP TABLE no_such_table"))
    monkeypatch.setattr(schema, "STEPS", broken)
    with pytest.raises(sqlite3.OperationalError):
        Database(old_file)
    assert rows() == before
