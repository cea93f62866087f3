"""A real service on a temporary file, the real application in front of it, and a browser made of httpx."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from anyday.instants import DAY, Instant
from anyday.rules import commands as c
from anyday.service import Service
from anyday.settings import Settings
from anyday.web.app import App, LocalApp

T = TypeVar("T")
HOST = "any.example"
ORIGIN = f"http://{HOST}"
START = 1_804_982_400_000_000  # 2027-03-14, 00:00 UTC
PASSWORD = "correct horse battery"
ASK = {
    "title": "When will the lift work again?", "terms": "The lift of house 4 takes a person to the top floor.", "zone": "UTC", "grain": "day",
    "origin": "15 March 2027", "horizon": "1 June 2027", "subsidy": "100",
}  # fmt: skip


class Clock:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> Instant:
        return Instant(self.at)

    def pass_(self, **spans: int) -> None:
        units = {"seconds": 10**6, "minutes": 60 * 10**6, "hours": 3_600 * 10**6, "days": 86_400 * 10**6}
        self.at += sum(units[name] * count for name, count in spans.items())


class World:
    """Everything a web test needs: the service, the application, and browsers in front of it."""

    def __init__(self, service: Service, app: App, clock: Clock) -> None:
        self.service, self.app, self.clock = service, app, clock
        self.people = service.people
        self._open: list[httpx.AsyncClient] = []

    def browser(self, *, app: Any = None, address: str = "192.0.2.7", origin: str = ORIGIN, **headers: str) -> httpx.AsyncClient:
        """A browser on this server's own pages: it keeps cookies and names its origin."""
        transport = httpx.ASGITransport(app=app or self.app, client=(address, 50_000), raise_app_exceptions=True)
        client = httpx.AsyncClient(transport=transport, base_url=origin, headers={"origin": origin, **headers})
        self._open.append(client)
        return client

    def program(self, token: str | None = None) -> httpx.AsyncClient:
        """A program: no cookies, no origin."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=self.app), base_url=ORIGIN)
        self._open.append(client)
        if token is not None:
            client.headers["authorization"] = f"Bearer {token}"
        return client

    def local(self, name: str) -> httpx.AsyncClient:
        """The command line on the local socket, as a player."""
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app=LocalApp(self.app)), base_url="http://localhost", headers={"x-anyday-as": name})
        self._open.append(client)
        return client

    async def owner(self, name: str = "Olga") -> httpx.AsyncClient:
        """The first account, by the setup page."""
        secret = await self.people.setup_secret()
        assert secret is not None
        client = self.browser()
        form = {"crew": "The Lift", "zone": "UTC", "name": name, "password": PASSWORD}
        answer = await client.post(f"/setup/{secret}", data=form)
        assert answer.status_code == 303, answer.text
        # most stories want their payouts at once; those about disputes state a window of their own
        await self.service.submit(c.Envelope("crew", next(iter(self.people.names())), "at-once", c.ChangeSettings(dispute=0, silence=366 * DAY)))
        return client

    async def player(self, name: str) -> httpx.AsyncClient:
        """A newcomer, by an invitation."""
        owner = next(iter(self.people.names()))
        self.clock.pass_(seconds=1)
        issued = await self.people.invite(owner)
        client = self.browser()
        answer = await client.post(f"/join/{issued.secret}", data={"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return client

    async def question(self, client: httpx.AsyncClient, **changes: Any) -> str:
        """A question asked through the API; its id."""
        answer = await client.post("/api/v1/questions", json={**ASK, **changes})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["question"])

    async def close(self) -> None:
        for client in self._open:
            await client.aclose()

    def record(self) -> list[tuple[Any, ...]]:
        """The whole log: what must not change where something was refused."""
        return self.service.database.read("SELECT stream, version, payload, hash FROM event ORDER BY stream, version")

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table."""
        tables = [name for (name,) in self.service.database.read("SELECT name FROM sqlite_master WHERE type='table' ORDER BY name")]
        return {table: self.service.database.read(f"SELECT * FROM {table}") for table in tables}


@asynccontextmanager
async def world(path: Path, **settings: Any) -> AsyncIterator[World]:
    """A world on a file of its own."""
    clock = Clock()
    service = await Service.open(path / "any.db", clock, Settings(weak_hash_for_tests=True, **settings))
    made = World(service, App(service), clock)
    try:
        yield made
    finally:
        made.app.house.hub.close()
        await made.close()
        await service.close()


Story = Callable[[World], Coroutine[Any, Any, T]]


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Any]:
    """Run a story in a world of its own: ``play(story, setting=value)``."""

    def run(story: Story[T], **settings: Any) -> T:
        async def whole() -> T:
            async with world(tmp_path, **settings) as made:
                return await asyncio.wait_for(story(made), 170)

        return asyncio.run(whole())

    return run


def said(page: str) -> str:
    """The refusal that a page shows, as text."""
    found = re.search(r"data-refusal>(.*?)</(?:div|h1)>", page, re.S)
    return re.sub(r"<[^>]+>", " ", found.group(1)).strip() if found else ""
