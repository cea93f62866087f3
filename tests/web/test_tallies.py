"""Tallies through the API and the pages: what is asked and answered, what is refused, and what the pages show to whom."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from anyday.instants import Grain
from anyday.web import tallies
from anyday.web.drawing import WIDE, Axis
from tests.web.conftest import World, said

TALLY = {"name": "Lost shipments", "terms": "A parcel that never arrives.", "since": "1 January 2027"}
NEXT = {"title": "When is the next one lost?", "terms": "The carrier says so.", "grain": "day", "span": 60, "subsidy": "50"}
FORM = {"name": "Lost shipments", "terms": "A parcel that never arrives.", "since": "1 January 2027", "grain": "day", "span": "60", "subsidy": "50"}


async def opened(client: Any, **changed: Any) -> str:
    answer = await client.post("/api/v1/tallies", json={**TALLY, **changed})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["tally"])


async def recorded(client: Any, tally: str, *times: str) -> None:
    for when in times:
        answer = await client.post(f"/api/v1/tallies/{tally}/occurrences", json={"when": when, "evidence": "the carrier’s mail"})
        assert answer.status_code == 200, answer.text


# ---- the API -----------------------------------------------------------------------------------------------------------


def test_a_tally_is_opened_recorded_struck_out_and_read_back(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, pia = await world.owner(), await world.player("Pia")
        tally = await opened(olga, next=NEXT)
        await recorded(pia, tally, "3 January 2027", "2027-02-01 10:00", "20 February 2027", "now")
        answer = await pia.post(f"/api/v1/tallies/{tally}/strike", json={"version": 3, "reason": "it came after all"})
        assert answer.json()["said"] == "An occurrence was struck out: it came after all"
        view = (await pia.get(f"/api/v1/tallies/{tally}")).json()
        assert (view["name"], view["keeper"], view["count"], view["periods"][1]["count"]) == ("Lost shipments", "Olga", 3, 3)
        assert [(one["when"], one["by"], one["struck"]) for one in view["occurrences"][2:]] == [
            ("1 February 2027, 10:00", "Pia", "it came after all"), ("3 January 2027", "Pia", None),
        ]  # fmt: skip
        assert (view["next"]["by_itself"], view["next"]["cases"], view["next"]["may_ask"]) == (True, 2, False)
        asked = await olga.post("/api/v1/questions", json={**view["next"]["ask"], "command_id": "ask-by-hand"})
        assert asked.status_code == 200, asked.text
        view = (await pia.get(f"/api/v1/tallies/{tally}")).json()
        assert view["next"]["question"] == asked.json()["question"] and view["next"]["sentence"]
        question = (await pia.get(f"/api/v1/questions/{asked.json()['question']}")).json()
        assert (question["tally"], question["cases"]) == (tally, 2)
        (card,) = (await pia.get("/api/v1/tallies")).json()
        assert (card["name"], card["count"], card["said"]) == (
            "Lost shipments", 3, "3 times in the past three months. The last was less than a minute ago.",
        )  # fmt: skip

    play(story)


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("", {**TALLY, "since": "31 April 2027"}, "no_such_date"),
        ("", {**TALLY, "since": "2028"}, "not_yet"),
        ("", {**TALLY, "name": " "}, "text_missing"),
        ("", {**TALLY, "next": {**NEXT, "grain": "fortnight"}}, "malformed"),
        ("", {**TALLY, "next": {**NEXT, "span": 0}}, "too_many_grains"),
        ("", {**TALLY, "next": {**NEXT, "span": 10_001}}, "too_many_grains"),
        ("", {**TALLY, "next": {**NEXT, "span": 10.5}}, "malformed"),
        ("", {**TALLY, "next": {**NEXT, "subsidy": "1e9"}}, "not_an_amount"),
        ("", {**TALLY, "next": {**NEXT, "subsidy_from": "bank"}}, "malformed"),
        ("", {**TALLY, "next": {**NEXT, "subsidy_from": "house"}}, "not_allowed"),
        ("", {**TALLY, "keeper": "Olga"}, "malformed"),
        ("/{id}/occurrences", {"when": "31 December 2026", "evidence": "x"}, "not_a_record"),
        ("/{id}/occurrences", {"when": "2028", "evidence": "x"}, "not_yet"),
        ("/{id}/occurrences", {"when": "2027-01-03", "evidence": "x", "question": "q"}, "malformed"),
        ("/{id}/strike", {"version": 1, "reason": "x"}, "nothing_to_strike"),
        ("/{id}/strike", {"version": -1, "reason": "x"}, "nothing_to_strike"),
        ("/nothing/strike", {"version": 2, "reason": "x"}, "not_found"),
        ("/nothing/occurrences", {"when": "2027-01-03", "evidence": "x"}, "not_found"),
        ("/../x/occurrences", {"when": "2027-01-03", "evidence": "x"}, "unknown_route"),
    ],
)
def test_what_cannot_be_kept_is_refused_and_leaves_no_trace(play: Callable[..., Any], path: str, body: Any, code: str) -> None:
    async def story(world: World) -> None:
        await world.owner()
        pia = await world.player("Pia")
        tally = await opened(pia)
        before = world.record()
        answer = await pia.post(f"/api/v1/tallies{path.format(id=tally)}", json=body)
        assert answer.json()["type"] == code, answer.text
        assert answer.status_code >= 400 and world.record() == before

    play(story)


@pytest.mark.parametrize("before", ["x", "-1", "99999999999999999", "1.5"])
def test_a_page_of_occurrences_begins_at_a_version(play: Callable[..., Any], before: str) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        tally = await opened(olga)
        answer = await olga.get(f"/api/v1/tallies/{tally}?before={before}")
        assert (answer.status_code, answer.json()["type"]) == (400, "malformed")

    play(story)


def test_a_tally_is_read_by_whoever_may_read_and_kept_by_members(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        tally = await opened(olga)
        stranger = world.browser()
        for path in ("/api/v1/tallies", f"/api/v1/tallies/{tally}"):
            assert (await stranger.get(path)).status_code == 401
        assert (await stranger.get(f"/tallies/{tally}")).headers["location"].startswith("/sign-in")
        assert (await olga.get("/api/v1/tallies/nothing")).json()["type"] == "not_found"

    play(story)


# ---- the pages ---------------------------------------------------------------------------------------------------------


def test_a_tally_is_opened_recorded_and_struck_out_on_its_page(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        assert "No tallies yet" in (await olga.get("/tallies")).text
        answer = await olga.post("/tallies", data={**FORM, "next_title": "When next?", "next_terms": "It is lost.", "subsidy_from": "house"})
        assert answer.status_code == 303
        path = answer.headers["location"].partition("?")[0]
        page = (await olga.get(answer.headers["location"])).text
        assert "The tally “Lost shipments” is kept." in page and "0 in the past three months. None has been recorded yet." in page
        for when in ("3 January 2027", "2027-02-01 10:00", "20 February 2027"):
            answer = await olga.post(f"{path}/record", data={"when": when, "evidence": "<b>bold</b>"})
            assert answer.status_code == 303
        page = (await olga.get(path)).text
        assert "3 in the past three months" in page and "&lt;b&gt;bold" in page and page.count('<li id="v') == 3
        assert "2 gaps" in page and f'href="/ask?tally={path.rpartition("/")[2]}"' in page
        answer = await olga.post(f"{path}/strike", data={"version": "3", "reason": "it came after all"})
        assert answer.status_code == 303
        page = (await olga.get(path)).text
        assert "Struck out by Olga: it came after all" in page and "One gap, of 48 days." in page
        assert "Lost shipments" in (await olga.get("/tallies")).text and 'href="/tallies"' in (await olga.get("/crew")).text

    play(story)


def test_a_refusal_keeps_what_was_typed(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        answer = await olga.post("/tallies", data={**FORM, "since": "soon", "next_title": "When next?"})
        assert answer.status_code == 422 and "Lost shipments" in answer.text and "When next?" in answer.text
        answer = await olga.post("/tallies", data={**FORM, "span": "many"})
        assert answer.status_code == 400 and "span is a whole number" in said(answer.text)
        answer = await olga.post("/tallies", data={**FORM, "next_terms": "only these"})
        assert answer.status_code == 422 and "title of the next question" in said(answer.text)
        tally = await opened(olga)
        answer = await olga.post(f"/tallies/{tally}/record", data={"when": "5 May 2030", "evidence": "I dreamt it"})
        assert answer.status_code == 409 and "lies in the future" in said(answer.text) and "I dreamt it" in answer.text
        answer = await olga.post(f"/tallies/{tally}/strike", data={"version": "7", "reason": "x"})
        assert answer.status_code == 409 and "no such occurrence" in said(answer.text)
        assert (await olga.post(f"/tallies/{tally}/strike", data={"version": "x", "reason": "x"})).status_code == 400
        assert (await olga.post("/tallies/nothing/record", data={"when": "now", "evidence": "x"})).status_code == 404
        assert (await olga.get("/tallies/nothing")).status_code == 404

    play(story)


def test_the_form_that_asks_is_filled_in_for_a_tally_and_asks_from_its_gaps(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        tally = await opened(olga, next=NEXT)
        await recorded(olga, tally, "3 January 2027", "2027-02-01 10:00", "20 February 2027")
        page = (await olga.get(f"/ask?tally={tally}")).text
        assert "next occurrence of the tally" in page and 'value="When is the next one lost?"' in page and 'value="15 March 2027"' in page
        form = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]* value="([^"]*)"', page))
        sent = {name: form[name] for name in ("title", "origin", "horizon", "zone", "tally", "tally_name", "tally_gaps")}
        sent |= {"terms": "The carrier says so.", "grain": "day", "subsidy": "50", "ways": "1", "market": "on", "resolver": "Olga"}
        refused = await olga.post("/ask", data={**sent, "from_tally": "on", "horizon": "soon"})
        assert refused.status_code == 422 and "next occurrence of the tally" in refused.text and "2 gaps" in refused.text
        answer = await olga.post("/ask", data={**sent, "from_tally": "on"})
        assert answer.status_code == 303, said(answer.text)
        question = (await olga.get("/api/v1" + answer.headers["location"].partition("?")[0].replace("/q/", "/questions/"))).json()
        assert (question["tally"], question["cases"]) == (tally, 2)
        assert "When is the next one lost?" in (await olga.get(f"/tallies/{tally}")).text
        assert "tally" not in (await olga.get("/ask?tally=nothing")).text.partition("<main")[2]

    play(story)


def test_the_next_question_that_could_not_be_opened_is_told_with_the_way_by_hand(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        tally = await opened(olga, next=NEXT)
        question = await world.question(olga, tally=tally)
        world.clock.pass_(days=3)
        answer = await olga.post(f"/api/v1/questions/{question}/ruling", json={"outcome": "16 March 2027 10:00", "evidence": "I saw it"})
        assert answer.status_code == 200, answer.text
        page = (await olga.get(f"/tallies/{tally}")).text
        assert "The next question could not be opened: The opening curve does not work: it needs at least 2 cases that are over." in page
        assert f'href="/ask?tally={tally}"' in page and "ruling of a question" in page

    play(story)


# ---- the strip chart ---------------------------------------------------------------------------------------------------

DAY = 86_400_000_000


def test_a_strip_chart_marks_each_occurrence_at_its_time() -> None:
    axis = Axis(0, 100 * DAY, 100 * DAY, 100 * DAY, "UTC", Grain.DAY)
    picture = str(tallies.strip([(0, 1), (25 * DAY, 26 * DAY), (50 * DAY, 50 * DAY + 1)], axis))
    assert re.findall(r"M(\d+) 200V1000", picture) == ["0", str(WIDE // 4), str(WIDE // 2)]
    assert re.findall(r"M(\d+) 1000V500H(\d+)V", picture) == [(str(WIDE // 4), str(WIDE * 26 // 100))]
    assert 'aria-label="Strip chart: 3 marks, one for each occurrence, up to now."' in picture


def test_ten_thousand_marks_are_no_longer_than_a_picture() -> None:
    axis = Axis(0, 100 * DAY, 100 * DAY, 100 * DAY, "UTC", Grain.DAY)
    picture = str(tallies.strip([(number * DAY // 100, number * DAY // 100 + 1) for number in range(10_000)], axis))
    assert len(picture) < 15_000 and "10,000 marks" in picture


def test_a_page_of_a_full_tally_is_small(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        tally = await opened(olga)
        await recorded(olga, tally, *(f"2027-02-{day:02} {hour:02}:00" for day in range(1, 15) for hour in range(0, 24, 6)))
        page = await olga.get(f"/tallies/{tally}")
        assert page.text.count('<li id="v') == 50 and len(page.content) < 100_000
        older = re.search(r'href="(/tallies/\w+\?before=\d+)"', page.text)
        assert older is not None
        assert (await olga.get(older[1])).text.count('<li id="v') == 6

    play(story)
