"""The live stream: what a page hears, how often, who may listen, and when it ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from anyday.people.accounts import Issued
from anyday.web import live
from tests.web.conftest import HOST, World

#: Seconds until a test gives up: a bound, not a figure.
BOUND = 30


class Listener:
    """A browser's end of a stream, at the level of ASGI: what was sent to it, and a way to go away or to stop reading."""

    def __init__(self, world: World, path: str, cookie: str | None = None, token: str | None = None, address: str = "192.0.2.7") -> None:
        self._world = world
        headers = [(b"host", HOST.encode())]
        if cookie:
            headers.append((b"cookie", f"anyday={cookie}".encode()))
        if token:
            headers.append((b"authorization", f"Bearer {token}".encode()))
        self._scope = {
            "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": b"", "headers": headers, "scheme": "http",
            "client": (address, 1), "server": (HOST, 80), "http_version": "1.1", "root_path": "",
        }  # fmt: skip
        self.status = 0
        self.sent: list[bytes] = []
        self.times: list[float] = []
        self.ended = False
        self._gone = asyncio.Event()
        self._heard = asyncio.Event()
        self.stalled = False
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        await self._world.app(self._scope, self._receive, self._send)

    async def _receive(self) -> dict[str, Any]:
        if not getattr(self, "_asked", False):
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if self.stalled:
            await asyncio.sleep(3_600)
        if message["type"] == "http.response.start":
            self.status = message["status"]
        else:
            if message["body"]:
                self.sent.append(message["body"])
                self.times.append(asyncio.get_running_loop().time())
            self.ended = not message.get("more_body", False)
        self._heard.set()

    def leave(self) -> None:
        self._gone.set()

    async def until(self, count: int) -> None:
        """Until so many messages came."""
        while len(self.sent) < count:
            self._heard.clear()
            await asyncio.wait_for(self._heard.wait(), BOUND)

    @property
    def versions(self) -> list[int]:
        return [json.loads(part.split(b"data: ")[1])["version"] for part in self.sent if b"data: " in part]


async def scene(world: World) -> tuple[Any, Any, str, str]:
    """An owner, a player, a question, and the player's cookie."""
    owner = await world.owner()
    pia = await world.player("Pia")
    return owner, pia, await world.question(owner), pia.cookies["anyday"]


async def bet(client: Any, question: str, points: str = "1") -> int:
    answer = await client.post(f"/api/v1/questions/{question}/bets", json={"window": "April", "points": points})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["version"])


def test_a_page_hears_where_it_stands_at_once_and_each_change_after(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        pages = [Listener(world, path.format(question), cookie) for path in ("/q/{}/live", "/api/v1/questions/{}/live")]
        for page in pages:
            await page.until(1)
            assert page.status == 200
            assert page.sent == [b'event: version\nid: 1\ndata: {"version":1}\n\n']
        version = await bet(pia, question)
        for page in pages:
            await page.until(2)
            assert page.versions == [1, version]
            page.leave()
            await page.task
        assert world.app.house.hub.watching == 0
        assert not world.app.house.hub._feeds, "nobody watches, so nothing is followed"

    play(story)


def test_only_the_newest_version_is_sent_and_at_most_five_times_a_second(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        page = Listener(world, f"/q/{question}/live", cookie)
        await page.until(1)
        for _ in range(4):  # ten at once, so that even a slow machine has more to tell than it may
            last = max(await asyncio.gather(*(bet(pia, question, "0.01") for _ in range(10))))
        while page.versions[-1] < last:
            await page.until(len(page.sent) + 1)
        assert last == 41, "control: there was much to tell"
        assert len(page.versions) < 40
        assert page.versions == sorted(set(page.versions))
        assert all(later - earlier > live.GAP * 0.9 for earlier, later in zip(page.times, page.times[1:], strict=False))
        page.leave()
        await page.task

    play(story)


def test_one_message_is_made_a_version_however_many_listen(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[int] = []
    encode = live.encode

    def counting(version: int) -> bytes:
        made.append(version)
        return encode(version)

    monkeypatch.setattr(live, "encode", counting)

    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        pages = [Listener(world, f"/q/{question}/live", cookie) for _ in range(50)]
        await asyncio.gather(*(page.until(1) for page in pages))
        version = await bet(pia, question)
        await asyncio.gather(*(page.until(2) for page in pages))
        assert {tuple(page.versions) for page in pages} == {(1, version)}
        assert made == [1, version]
        assert len({id(page.sent[1]) for page in pages}) == 1, "the very same bytes"
        for page in pages:
            page.leave()
        await asyncio.gather(*(page.task for page in pages))

    play(story, live_pages_each=50)


def test_no_more_pages_than_the_settings_say_each_and_in_all(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        rob = (await world.player("Rob")).cookies["anyday"]
        at = f"/q/{question}/live"
        mine = [Listener(world, at, cookie) for _ in range(3)]
        await asyncio.gather(*(page.until(1) for page in mine[:2]))
        await mine[2].task
        assert [page.status for page in mine] == [200, 200, 429], "two each"
        his = [Listener(world, at, rob) for _ in range(2)]
        await his[0].until(1)
        await his[1].task
        assert [page.status for page in his] == [200, 429], "three in all"
        mine[0].leave()
        await mine[0].task
        again = Listener(world, at, rob)
        await again.until(1)
        assert again.status == 200, "control: a place that was left is free"
        for page in (mine[1], his[0], again):
            page.leave()
            await page.task
        assert world.app.house.hub.watching == 0
        await bet(pia, question)

    play(story, live_pages=3, live_pages_each=2)


def test_a_sign_of_life_comes_while_nothing_happens(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.15)

    async def story(world: World) -> None:
        _, _, question, cookie = await scene(world)
        page = Listener(world, f"/q/{question}/live", cookie)
        await page.until(3)
        assert page.sent[1:3] == [b": still here\n\n"] * 2
        page.leave()
        await page.task

    play(story)
    assert live.HEARTBEAT == 0.15, "control: it was made shorter here"


@pytest.mark.parametrize("way", ["cookie", "token"])
def test_a_stream_ends_with_the_session_that_opened_it(way: str, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 0.1)

    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        player = world.people.player_of("Pia")
        issued = await world.people.new_token(player or "", "script")
        assert isinstance(issued, Issued)
        page = Listener(world, f"/q/{question}/live", **({"cookie": cookie} if way == "cookie" else {"token": issued.secret}))
        await page.until(2)
        assert not page.ended
        if way == "cookie":
            await pia.post("/sign-out", data={})
        else:
            await world.people.revoke(player or "", world.people.tokens(player or "")[0].id)
        await asyncio.wait_for(page.task, BOUND)
        assert page.ended

    play(story)


def test_a_stream_on_a_busy_question_ends_with_its_session_too(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT", 1.0)
    monkeypatch.setattr(live, "GAP", 0.01)

    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        rob = await world.player("Rob")
        page = Listener(world, f"/q/{question}/live", cookie)
        await page.until(1)
        await pia.post("/sign-out", data={})
        while not page.task.done():
            await bet(rob, question, "0.01")
        assert page.ended
        assert len(page.versions) > 2, "control: it was busy"

    play(story)


def test_a_client_that_stops_reading_is_cut_off_and_the_others_hear(play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STALLED", 0.2)

    async def story(world: World) -> None:
        _, pia, question, cookie = await scene(world)
        deaf, fine = Listener(world, f"/q/{question}/live", cookie), Listener(world, f"/q/{question}/live", cookie)
        await asyncio.gather(deaf.until(1), fine.until(1))
        deaf.stalled = True
        version = await bet(pia, question)
        await fine.until(2)
        assert fine.versions[-1] == version
        await asyncio.wait_for(deaf.task, BOUND)
        assert not deaf.ended, "an answer without an end makes the server close the connection"
        assert world.app.house.hub.watching == 1
        fine.leave()
        await fine.task

    play(story)


def test_streams_end_when_the_server_stops(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, _, question, cookie = await scene(world)
        pages = [Listener(world, f"/q/{question}/live", cookie) for _ in range(5)]
        await asyncio.gather(*(page.until(1) for page in pages))
        world.app.house.hub.close()
        await asyncio.wait_for(asyncio.gather(*(page.task for page in pages)), BOUND)
        assert all(page.ended for page in pages)
        late = Listener(world, f"/q/{question}/live", cookie)
        await late.task
        assert late.status == 503

    play(story)


def test_who_may_not_read_may_not_listen(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, _, question, cookie = await scene(world)
        cases = {
            "stranger": (Listener(world, f"/api/v1/questions/{question}/live"), 401),
            "on the page": (Listener(world, f"/q/{question}/live"), 303),
            "bogus token": (Listener(world, f"/q/{question}/live", token="bogus"), 401),
            "no such question": (Listener(world, "/q/nothing/live", cookie), 404),
        }
        for name, (page, status) in cases.items():
            await asyncio.wait_for(page.task, BOUND)
            assert page.status == status, name
        welcome = Listener(world, f"/q/{question}/live", cookie)
        await welcome.until(1)
        assert welcome.status == 200, "control"
        welcome.leave()
        await welcome.task
        assert (await world.local("Pia").request("HEAD", f"/q/{question}/live")).status_code == 405

    play(story)
