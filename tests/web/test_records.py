"""The record on the page and in the API: who may look at what, the periods, names, and the reliability picture."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import msgspec
import pytest

from anyday import wire
from anyday.market import scores
from anyday.web.records import reliability
from tests.web.conftest import World

V1 = "/api/v1"
PAGES = ("/record", "/tables", "/crew/review", "/players/Pia", "/players/Olga")


async def scene(world: World) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    """A question that Pia and Quinn bet on and Olga has ruled, one that was called off, one that is open."""
    owner = await world.owner("Olga")
    pia, quinn = await world.player("Pia"), await world.player("Quinn")
    for title in ("When will the lift work again?", "When is it never asked again?", "When is <b>it</b> open?"):
        question = await world.question(owner, title=title, forecast=True, closest={"stake": "2"})
        for who, window in ((pia, "20 March 2027"), (quinn, "21 March 2027")):
            assert (await who.post(f"{V1}/questions/{question}/bets", json={"window": window, "points": "5"})).status_code == 200
            forecast = {"curve": {"never": "10%", "quantiles": [{"by": window, "chance": "50%"}]}, "points": "5"}
            assert (await who.post(f"{V1}/questions/{question}/forecast", json=forecast)).status_code == 200
    ids = [row[0] for row in world.service.database.read("SELECT id FROM question ORDER BY title")]
    by_title = {world.service.find(question).opened.title: question for question in ids}
    world.clock.pass_(days=7)
    ruling = {"outcome": "20 March 2027 10:00", "evidence": "A ride."}
    assert (await owner.post(f"{V1}/questions/{by_title['When will the lift work again?']}/ruling", json=ruling)).status_code == 200
    called_off = f"{V1}/questions/{by_title['When is it never asked again?']}/void"
    assert (await owner.post(called_off, json={"reason": "Enough."})).status_code == 200
    return owner, pia


def of(answer: httpx.Response, kind: Any) -> Any:
    """A reply of the API in its declared shape."""
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=kind)


def test_the_api_tells_the_record_in_its_shapes(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        record = of(await pia.get(f"{V1}/record"), wire.RecordView)
        assert (record.questions, [track.kind for track in record.mechanisms]) == (1, ["market", "closest", "forecast"])
        assert record.said == "1 question has been settled: too few to tell much."
        track = of(await pia.get(f"{V1}/players/pia"), wire.TrackRecord)
        assert (track.name, track.questions, len(track.played)) == ("Pia", 1, 1)
        assert (track.calibration.questions, track.forecasts) == (1, 1)
        assert [mark.days for mark in track.marks] == [1, 0, -1]
        tables = of(await pia.get(f"{V1}/tables"), wire.TablesView)
        assert (tables.period.said, [place.name for place in tables.tables[0].places]) == ("March 2027", ["Pia", "Quinn"])
        assert [place.mine for place in tables.tables[0].places] == [True, False]
        review = of(await pia.get(f"{V1}/review"), wire.ReviewView)
        assert (review.settled, review.called_off, review.opened) == (1, 1, 0)
        assert review.questions[0].gained == "Pia"
        month = of(await pia.get(f"{V1}/review?period=month&at=2027-03-02"), wire.ReviewView)
        assert (month.opened, month.period.at, month.period.earlier, month.period.later) == (3, "2027-03", "2027-02", None)

    play(story)


@pytest.mark.parametrize("path", [*PAGES, "/tables?period=all", "/tables?period=quarter&at=2026-05", "/crew/review?period=month&at=2026-11-02"])
def test_each_page_is_there_for_members_and_for_nobody_else(path: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        answer = await pia.get(path)
        assert answer.status_code == 200, answer.text
        assert "<b>it</b>" not in answer.text, "people's words stay words"
        away = await world.browser().get(path)
        assert away.status_code == 303
        assert away.headers["location"].startswith("/sign-in")

    play(story)


@pytest.mark.parametrize("who", ["Nobody", "nobody at all", "Pia/..", "%00", "x" * 400, "Pia%2Fx"])
def test_a_name_that_no_member_has_is_not_found(who: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        for path in (f"{V1}/players/{who}", f"/players/{who}"):
            assert (await pia.get(path)).status_code == 404
        assert (await pia.get("/players/QUINN")).status_code == 200, "control: a member's name, however it is spelled"

    play(story)


def test_somebody_who_has_an_account_and_has_not_joined_has_no_record(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        assert isinstance(await world.people.add_player("Ada"), str)
        there, nowhere = await pia.get(f"{V1}/players/Ada"), await pia.get(f"{V1}/players/Zed")
        assert (there.status_code, there.content) == (nowhere.status_code, nowhere.content) == (404, nowhere.content)

    play(story)


@pytest.mark.parametrize("rest", ["?period=decade", "?period=week&at=soon", "?at=2027-02-30", "?at=1700", "?at=9999-12-31", "?period=", "?at="])
@pytest.mark.parametrize("path", ["/tables", "/crew/review", f"{V1}/tables", f"{V1}/review"])
def test_a_period_that_is_none_is_refused_with_a_sentence(path: str, rest: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        answer = await owner.get(path + rest)
        expected = 200 if rest in ("?period=", "?at=") else 422 if "1700" in rest or "9999" in rest else None
        assert answer.status_code == expected if expected else 400 <= answer.status_code < 500
        if expected != 200:
            assert "period" in answer.text or "2027-03-14" in answer.text

    play(story)


def test_periods_link_to_each_other(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        page = (await pia.get("/crew/review")).text
        for _ in range(3):
            link = re.search(r'rel="prev" href="([^"]+)"', page)
            assert link is not None
            page = (await pia.get(link[1].replace("&amp;", "&"))).text
        for _ in range(3):
            link = re.search(r'rel="next" href="([^"]+)"', page)
            assert link is not None
            page = (await pia.get(link[1].replace("&amp;", "&"))).text
        assert 'rel="next"' not in page
        assert page == (await pia.get("/crew/review")).text

    play(story)


def test_the_crews_page_and_ones_own_lead_to_the_record(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        crew, me = (await pia.get("/crew")).text, (await pia.get("/me")).text
        for path in ("/record", "/tables", "/crew/review", "/players/Quinn"):
            assert f'href="{path}"' in crew
        assert 'href="/players/Pia"' in me

    play(story)


def test_the_record_of_a_new_crew_says_that_there_is_none(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner("Olga")
        assert "No question has been settled yet." in (await owner.get("/record")).text
        assert "Nobody yet." in (await owner.get("/tables")).text
        assert "Nothing was settled." in (await owner.get("/crew/review")).text
        assert "None yet." in (await owner.get("/players/Olga")).text

    play(story)


def test_an_open_server_shows_strangers_the_mechanisms_and_no_names(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia = await scene(world)
        stranger = world.browser()
        ruled = next(row[0] for row in world.service.database.read("SELECT id FROM question WHERE state = 'settled'"))
        for path in ("/record", f"/q/{ruled}", f"{V1}/questions/{ruled}"):
            page = await stranger.get(path)
            assert page.status_code == 200
            assert not {"Pia", "Quinn"} & set(re.findall(r"\w+", page.text)), path
        shown = await pia.get(f"{V1}/questions/{ruled}")
        assert {row["name"] for row in shown.json()["forecast"]["rows"]} == {"Pia", "Quinn"}, "control: members are told"
        assert [(await stranger.get(path)).status_code for path in PAGES[1:]] == [303] * 4

    play(story, open_to_read=True)


def test_the_picture_puts_each_level_where_its_numbers_say() -> None:
    claims = [scores.Said(0.05, False, "a"), scores.Said(0.35, True, "b"), scores.Said(0.35, False, "c"), scores.Said(0.95, True, "d")]
    levels = [
        wire.LevelView(*(round(1e6 * share) for share in (at.low, at.high)), at.count, at.questions,
                       *(round(1e6 * share) for share in (at.stated, at.came_true, at.least, at.most)))
        for at in scores.calibration(claims)
    ]  # fmt: skip
    picture = str(reliability(levels))
    points = [(float(x), float(y)) for x, y in re.findall(r'<circle class="you" cx="([\d.]+)%" cy="([\d.]+)%"', picture)]
    lines = [(float(a), float(b)) for a, b in re.findall(r'class="line" x1="[\d.]+%" x2="[\d.]+%" y1="([\d.]+)%" y2="([\d.]+)%"', picture)]
    assert len(points) == len(lines) == len(levels) == 3
    for level, (x, y), (bottom, top) in zip(levels, points, lines, strict=True):
        assert (x - 5) / 90 == pytest.approx(level.stated / 1e6, abs=1e-4)
        assert (95 - y) / 90 == pytest.approx(level.came_true / 1e6, abs=1e-4)
        assert (95 - bottom) / 90 == pytest.approx(level.least / 1e6, abs=1e-4)
        assert (95 - top) / 90 == pytest.approx(level.most / 1e6, abs=1e-4)
    assert "of 35 % stated, 50 % came true" in picture
