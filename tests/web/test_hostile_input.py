"""Whatever a client sends: a refusal at the right status, never a 5xx, and nothing in the ledger changes.

Each corpus has its control: the right spelling in the same field is taken, so that nothing is refused for another reason.
"""

from __future__ import annotations

import gc
import json
import random
import resource
import urllib.parse
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from anyday import wire
from anyday.points import MAX_UNITS, UNITS_A_POINT
from anyday.refusals import Refusal
from anyday.web import reading, surface
from anyday.web.app import ROUTES
from anyday.web.surface import LARGEST_BODY, MOST_FIELDS, Form, Headers, Who, decode, read_form
from tests.web.conftest import ASK, PASSWORD, World
from tests.web.numbers import AS_JSON, AS_TEXT, NO_CHANCE, NO_WINDOW

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded"}


async def scene(world: World) -> tuple[httpx.AsyncClient, httpx.AsyncClient, str]:
    """The owner, a player with a position, and a question."""
    owner = await world.owner("Olga")
    pia = await world.player("Pia")
    question = await world.question(owner)
    assert (await pia.post(f"/api/v1/questions/{question}/bets", json={"window": "April", "points": "5"})).status_code == 200
    return owner, pia, question


def refused(answer: httpx.Response, what: object = "") -> None:
    """A refusal that says what to do, in the one shape."""
    assert 400 <= answer.status_code < 500, (answer.status_code, str(what)[:100], answer.text[:300])
    if answer.headers["content-type"].startswith("application/json"):
        shape = answer.json()
        assert shape["title"]
        assert shape["next_step"]


# ---- numbers -----------------------------------------------------------------------------------------------------------------


def test_the_corpus_is_large_and_each_spelling_once() -> None:
    assert len(AS_JSON) + len(AS_TEXT) >= 200
    for corpus in (AS_JSON, AS_TEXT, NO_CHANCE, NO_WINDOW):
        assert len(set(corpus)) == len(corpus)


@pytest.mark.parametrize("field", ["points", "shares", "max_cost", "min_shares"])
def test_no_misspelt_number_buys_anything(field: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        at = f"/api/v1/questions/{question}/bets"
        rest = '"window":"May"' + ("" if field in ("points", "shares") else ',"points":"5"')
        before = world.record()
        for spelling in [*AS_JSON, *(json.dumps(text) for text in AS_TEXT)]:
            refused(await pia.post(at, content=f'{{{rest},"{field}":{spelling}}}'.encode(), headers=JSON), spelling)
        assert world.record() == before
        for spelling in ("5", '"5"', '"5.25"', '" 5 "', '"1,000"'):
            answer = await pia.post(at, content=f'{{{rest},"{field}":{spelling}}}'.encode(), headers=JSON)
            assert answer.status_code == 200 or answer.json()["type"] in ("worse_than_limit", "not_enough"), f"control: {spelling} is read"
        assert world.record() != before

    play(story)


def test_zero_dust_and_more_than_there_is_buy_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        before = world.record()
        for body in (
            {"points": 0}, {"points": "0"}, {"points": "0.000000"}, {"shares": 0},
            {"shares": "-0"}, {"points": "999999999"}, {"shares": "9007199254"},
            {"points": "100000"}, {"target": "40%", "points": 1}, {"points": 1, "shares": 1}, {}, {"points": None},
        ):  # fmt: skip
            refused(await pia.post(f"/api/v1/questions/{question}/bets", json={"window": "May", **body}), body)
        for body in ({"shares": "0"}, {"shares": "-1"}, {"shares": "14"}, {"shares": "9007199254"}, {"window": "May"}, {"window": "never"}):
            refused(await pia.post(f"/api/v1/questions/{question}/sell", json={"window": "April", **body}), body)
        assert world.record() == before
        assert (await pia.post(f"/api/v1/questions/{question}/sell", json={"window": "April"})).status_code == 200, "control"

    play(story)


@pytest.mark.parametrize("field", ["expected_version"])
def test_no_misspelt_version_is_taken(field: str, play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        before = world.record()
        for spelling in [*AS_JSON, *(json.dumps(text) for text in AS_TEXT)]:
            body = f'{{"window":"May","points":"5","{field}":{spelling}}}'.encode()
            refused(await pia.post(f"/api/v1/questions/{question}/bets", content=body, headers=JSON), spelling)
        for text in AS_TEXT:
            if text.strip() and not (text.strip().isascii() and text.strip().isdecimal()):
                refused(await pia.post(f"/q/{question}/bet", data={"window": "May", "points": "5", field: text}), text)
        assert world.record() == before

    play(story)


def test_no_misspelt_number_comes_through_a_form(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        before = world.record()
        for text in AS_TEXT:
            for field in ("points", "shares", "target"):
                refused(await pia.post(f"/q/{question}/bet", data={"window": "May", field: text}), text)
        assert world.record() == before
        assert (await pia.post(f"/q/{question}/bet", data={"window": "May", "points": " 5 "})).status_code == 303, "control"

    play(story)


def test_no_misspelt_number_is_granted_or_put_up(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner, _, _ = await scene(world)
        before = world.record()
        whole = json.dumps({**ASK, "subsidy": "@"})
        for spelling in [*AS_JSON, *(json.dumps(text) for text in AS_TEXT), "0", '"0"']:
            body = f'{{"to":"Pia","reason":"x","points":{spelling}}}'.encode()
            refused(await owner.post("/api/v1/grants", content=body, headers=JSON), spelling)
            refused(await owner.post("/api/v1/questions", content=whole.replace('"@"', spelling).encode(), headers=JSON), spelling)
        assert world.record() == before
        assert (await owner.post("/api/v1/grants", content=b'{"to":"Pia","reason":"x","points":"2"}', headers=JSON)).status_code == 200, "control"
        assert (await owner.post("/api/v1/questions", content=whole.replace('"@"', '"50"').encode(), headers=JSON)).status_code == 200, "control"

    play(story)


@pytest.mark.parametrize("text", [*NO_CHANCE, *AS_TEXT])
def test_no_misspelt_chance_is_read(text: str) -> None:
    assert isinstance(reading.chance(text), Refusal)


@pytest.mark.parametrize(
    ("text", "ppm"),
    [
        ("40%", 400_000),
        ("40 %", 400_000),
        ("0.4", 400_000),
        (" 12.5% ", 125_000),
        ("0.000001", 1),
        ("0.0001%", 1),
        ("99.9999%", 999_999),
    ],
)
def test_control_a_chance_is_read_exactly(text: str, ppm: int) -> None:
    assert reading.chance(text) == ppm


# ---- windows -----------------------------------------------------------------------------------------------------------------


def test_no_window_that_makes_no_sense_is_bet_on(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        before = world.record()
        for text in NO_WINDOW:
            refused(await pia.post(f"/api/v1/questions/{question}/bets", json={"window": text, "points": "5"}), text)
            refused(await pia.post(f"/api/v1/questions/{question}/quote", json={"window": text, "points": "5"}), text)
            refused(await pia.post(f"/q/{question}/bet", data={"window": text, "points": "5"}), text)
        assert world.record() == before
        for text in ("April", "20 – 25 April", "before May", "not April", "never"):
            answer = await pia.post(f"/api/v1/questions/{question}/bets", json={"window": text, "points": "1"})
            assert answer.status_code == 200, f"control: {text}: {answer.text}"

    play(story)


def test_what_has_started_and_what_lies_in_another_zone_is_refused(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        world.clock.pass_(days=10)
        before = world.record()
        for text in (
            "15 March 2027",
            "24 March 2027",
            "15–30 March 2027",
            "not 20 March 2027",
            "2027-04-03T00:00:00+02:00..2027-04-04T00:00:00+02:00",
        ):
            answer = await pia.post(f"/api/v1/questions/{question}/bets", json={"window": text, "points": "5"})
            refused(answer, text)
        assert world.record() == before
        assert (await pia.post(f"/api/v1/questions/{question}/bets", json={"window": "25 March 2027", "points": "5"})).status_code == 200, "control"

    play(story)


def test_no_question_that_makes_no_sense_is_opened(play: Callable[..., Any]) -> None:
    changes: list[dict[str, Any]] = [
        {"title": ""}, {"title": " "}, {"title": "x" * 5_000}, {"terms": ""},
        {"terms": "x" * 40_000}, {"zone": ""}, {"zone": "../../etc/passwd"},
        {"zone": "localtime"}, {"zone": "x" * 3_000}, {"zone": "Europe/Zürich"}, {"grain": ""}, {"grain": "second"}, {"grain": "x" * 1_000},
        {"origin": "1 June 2027", "horizon": "15 March 2027"},
        {"origin": "1 June 2027"}, {"origin": "never"}, {"horizon": "never"}, {"horizon": "soon"},
        {"origin": "1700-01-01"}, {"horizon": "9999-01-01"}, {"horizon": "2499-12-31", "grain": "minute"}, {"origin": "2027-03-15 12:30"},
        {"lead_minutes": -1}, {"lead_minutes": 10**18}, {"lead_minutes": 10**30},
        {"lead_minutes": True}, {"lead_minutes": 1.5}, {"lead_minutes": "1"},
        {"resolver": "Nobody"}, {"resolver": "x" * 40_000}, {"resolver": 7},
        {"subsidy_from": "mint"}, {"subsidy_from": ""}, {"subsidy": "0.000001"},
        {"opening": {"never": "0%"}}, {"opening": {"never": "100%"}},
        {"opening": {"never": 0.2}}, {"opening": {"never": "20%", "extra": 1}}, {"opening": []},
        {"opening": {"quantiles": [{"by": "never", "chance": "50%"}]}}, {"opening": {"quantiles": [{"by": "1 May 2027", "chance": "0%"}]}},
        {"opening": {"quantiles": [{"by": "1 May 2027", "chance": "50%"}, {"by": "1 April 2027", "chance": "90%"}]}},
        {"opening": {"quantiles": [{"by": "1 April 2027", "chance": "90%"}, {"by": "1 May 2027", "chance": "50%"}]}},
        {"opening": {"quantiles": [{"by": "1 April 2027", "chance": "50%"}] * 101}}, {"opening": {"quantiles": [{"by": "x"}]}},
    ]  # fmt: skip

    async def story(world: World) -> None:
        owner, _, _ = await scene(world)
        before = world.record()
        for change in changes:
            refused(await owner.post("/api/v1/questions", json={**ASK, **change}), change)
        assert world.record() == before
        assert (await owner.post("/api/v1/questions", json=ASK)).status_code == 200, "control"

    play(story)


WHOLE_BODIES: dict[str, dict[str, Any]] = {
    "bets": {"window": "May", "points": "5"}, "quote": {"window": "May", "points": "5"}, "sell": {"window": "April"}, "collect": {}, "close": {},
    "ruling/preview": {"outcome": "never"}, "ruling": {"outcome": "never", "evidence": "x"}, "void": {"reason": "x"},
    "correct": {"outcome": "never", "evidence": "x", "reason": "x"}, "stakes": {"slot": "May", "points": "5"}, "guesses": {"guess": "3 May 2027"},
    "forecast": {"curve": {"never": "20%", "quantiles": [{"by": "May", "chance": "50%"}]}, "points": "5"},
    "sealed": {"window": "May", "points": "5", "limit": "50%"}, "sealed/withdraw": {"number": 1},
    "notes": {"kind": "news", "text": "x", "when": "yesterday", "evidence": "x"}, "comments": {"text": "x"}, "thanks": {"version": 1}, "agree": {},
    "withdraw": {}, "halt": {"reason": "x"}, "resume": {}, "dispute": {"reason": "x"}, "judge": {"verdict": "stands", "reason": "x"},
    "vote": {"choice": "stands"}, "duties": {"duty": "host", "to": "Pia"}, "duties/accept": {"duty": "host"}, "duties/decline": {"duty": "host"},
}  # fmt: skip
#: What stays allowed once a question is over: to talk about it, and to hand its duties over.
TALK = ("comments", "duties", "duties/accept", "duties/decline")


def test_unknown_closed_and_settled_questions_and_other_peoples_positions_take_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner, pia, question = await scene(world)
        rob = await world.player("Rob")
        posts = {route.path.partition("{id}/")[2] for route in ROUTES if route.method == "POST" and route.path.startswith("/api/v1/questions/{id}/")}
        assert posts == set(WHOLE_BODIES), "every way to change a question is tried"

        async def told(client: httpx.AsyncClient, id: str, what: str) -> tuple[int, str]:
            answer = await client.post(f"/api/v1/questions/{id}/{what}", json=WHOLE_BODIES[what])
            return answer.status_code, str(answer.json().get("type"))

        before = world.record()
        for what in WHOLE_BODIES:
            for unknown in ("nothing", question.upper(), question + "x", "crew", "0", "x" * 500):
                assert await told(owner, unknown, what) == (404, "not_found"), (what, unknown)
        assert (await told(rob, question, "sell"))[0] == 422, "what Pia holds is not Rob's to sell"
        assert (await told(rob, question, "collect"))[0] == 409
        for what in ("close", "ruling", "ruling/preview", "void", "correct"):
            for client in (pia, rob):
                assert (await told(client, question, what))[0] in (403, 409), what
        assert world.record() == before

        assert await told(owner, question, "close") == (200, "None")
        closed = world.record()
        for what in ("bets", "quote", "sell", "close"):
            assert await told(pia, question, what) in ((409, "not_open"), (403, "not_allowed")), what
        assert world.record() == closed

        assert await told(owner, question, "void") == (200, "None")
        settled = world.record()
        for client in (owner, pia, rob):
            for what in WHOLE_BODIES.keys() - set(TALK):
                assert (await told(client, question, what))[0] in (403, 404, 409, 422), what
        assert world.record() == settled
        assert len(settled) > len(closed) > len(before), "control: what was allowed was written"

    play(story)


# ---- bodies ------------------------------------------------------------------------------------------------------------------


def bad_bodies(chance: random.Random) -> list[tuple[bytes, dict[str, str]]]:
    """Bodies that no route can take, with their headers."""
    deep = [b"[" * n + b"]" * n for n in (100, 1_000, 30_000)] + [b'{"a":' * 1_000 + b"1" + b"}" * 1_000, b"[" * 60_000]
    torn = [b"", b" ", b"{", b"}", b'{"', b'{"window"', b'{"window":', b'{"window":"April"', b"[1,", b"nul", b"\x00", b'"text"', b"1", b"[]", b"null"]
    encodings = [
        b"\xff\xfe{}",
        b'{"window":"\xff"}',
        b"\xef\xbb\xbf{}",
        '{"window":"x"}'.encode("utf-16"),
        b'{"window":"\\ud800"}',
        b'{"window":"\\u0000"}',
    ]
    wide = [
        b'{"window":"x","window":"y"}',
        json.dumps({f"field{i}": i for i in range(3_000)}).encode(),
        b'{"__proto__":{"x":1}}',
        b'{"window":["x"]}',
    ]
    noise = [chance.randbytes(chance.randint(1, 400)) for _ in range(15)]
    as_json = [(body, JSON) for body in (*deep, *torn[1:], *encodings, *wide, *noise)]
    as_form = [
        (body, FORM)
        for body in (b"=", b"&&&", b"%", b"%zz=1", b"a=%ff", b"a=1&a=2", b"a" * 60_000, b"&".join(b"f%d=1" % i for i in range(500)), *noise)
    ]
    other = [
        (b"{}", {"content-type": kind})
        for kind in ("text/plain", "multipart/form-data; boundary=x", "application/xml", "application/json2", "*/*", "x")
    ]
    big = [(b'{"window":"' + b"x" * LARGEST_BODY + b'"}', JSON), (b"x=" + b"x" * LARGEST_BODY, FORM), (b" " * (LARGEST_BODY + 1), JSON)]
    return [*as_json, *as_form, *other, *big]


def test_every_route_withstands_every_bad_body(play: Callable[..., Any], chance: random.Random) -> None:
    async def story(world: World) -> None:
        owner, pia, question = await scene(world)
        before, tried = world.record(), 0
        for route in ROUTES:
            if route.path.endswith(("/live", "/leave")) or "sign-out" in route.path or (route.method, route.path) == ("DELETE", "/api/v1/sessions"):
                continue
            path = route.path.replace("{id}", question).replace("{secret}", "x" * 22).replace("{token}", "x").replace("{name:path}", "app.css")
            for body, headers in bad_bodies(chance):
                # the owner only where nobody else gets as far as the body: as the resolver an empty form would do to close a question;
                # and where an empty form is all that it takes to leave, which the owner may not
                client = owner if route.who is Who.OWNER or route.path.endswith("/leave") else pia
                answer = await client.request(route.method, path, content=body, headers=headers)
                assert answer.status_code < 500, (route.method, path, body[:80], answer.text[:200])
                if route.input is not None and route.input is not Form and body.strip():
                    assert answer.status_code >= 400, (route.method, path, body[:80])
                tried += 1
        assert world.record() == before
        assert tried > 3_000

    play(story)


def test_a_body_of_64_kb_is_read_and_one_byte_more_is_not(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        at = f"/api/v1/questions/{question}/quote"
        core = b'{"window":"May","points":"5"}'
        for size, status in ((LARGEST_BODY, 200), (LARGEST_BODY + 1, 413)):
            whole = core + b" " * (size - len(core))
            assert (await pia.post(at, content=whole, headers=JSON)).status_code == status, "with its length told"

            async def pieces(whole: bytes = whole) -> AsyncIterator[bytes]:
                for i in range(0, len(whole), 1_000):
                    yield whole[i : i + 1_000]

            assert (await pia.post(at, content=pieces(), headers=JSON)).status_code == status, "in chunks"
        for lie in ("-1", "1e3", "0x10", "99999999999999999999", "65537", "1, 2", "", "٣"):
            answer = await pia.post(at, content=core, headers={**JSON, "content-length": lie.encode()})
            assert answer.status_code in (413, 400), lie

    play(story)


def test_a_body_that_never_ends_is_not_kept(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        sent = 0

        async def endless() -> AsyncIterator[bytes]:
            nonlocal sent
            while True:
                sent += 4_096
                yield b" " * 4_096

        # httpx would collect the whole body first, so the application is asked directly
        messages = endless()
        status = 0

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": await anext(messages), "more_body": True}

        async def send(message: Any) -> None:
            nonlocal status
            status = message.get("status", status)

        headers = [(b"host", b"any.example"), (b"cookie", f"anyday={pia.cookies['anyday']}".encode()), (b"origin", b"http://any.example")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/api/v1/questions/{question}/bets",
            "query_string": b"",
            "scheme": "http",
            "client": ("x", 1),
        }
        await world.app({**scope, "headers": [*headers, (b"content-type", b"application/json")]}, receive, send)
        assert status == 413
        assert sent <= LARGEST_BODY + 2 * 4_096

    play(story)


def test_whoever_goes_away_in_the_middle_leaves_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, pia, question = await scene(world)
        before = world.record()
        sent: list[Any] = []
        parts = iter([{"type": "http.request", "body": b'{"window":"May",', "more_body": True}, {"type": "http.disconnect"}])

        async def receive() -> dict[str, Any]:
            return dict(next(parts))

        async def send(message: Any) -> None:
            sent.append(message)

        headers = [(b"host", b"any.example"), (b"cookie", f"anyday={pia.cookies['anyday']}".encode()), (b"origin", b"http://any.example")]
        scope = {
            "type": "http",
            "method": "POST",
            "path": f"/api/v1/questions/{question}/bets",
            "query_string": b"",
            "scheme": "http",
            "client": ("x", 1),
        }
        await world.app({**scope, "headers": [*headers, (b"content-type", b"application/json")]}, receive, send)
        assert sent == []
        assert world.record() == before

    play(story)


def test_bombs_leave_memory_where_it_was(play: Callable[..., Any]) -> None:
    async def story(world: World) -> int:
        _, pia, question = await scene(world)
        at = f"/api/v1/questions/{question}/bets"
        bombs = [
            b"[" * 60_000,
            b'{"window":' + b"[" * 50_000,
            b'{"a":' * 12_000,
            b'{"points":' + b"9" * 60_000 + b"}",
            b'{"window":"' + b"\\u0041" * 10_000 + b'"}',
        ]
        for bomb in bombs:
            await pia.post(at, content=bomb, headers=JSON)
        gc.collect()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        for _ in range(40):
            for bomb in bombs:
                refused(await pia.post(at, content=bomb, headers=JSON))
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before

    assert play(story) < 20 * 1024, "kilobytes"


# ---- addresses and headers ---------------------------------------------------------------------------------------------------


def test_no_address_and_no_header_breaks_anything(play: Callable[..., Any], chance: random.Random) -> None:
    async def story(world: World) -> None:
        owner, _, question = await scene(world)
        before = world.record()
        odd = [
            "x" * 3_000,
            "%2e%2e",
            "%00",
            "%ff%fe",
            "a%2fb",
            "%F0%9F%99%82",
            "' OR 1=1 --",
            "<b>",
            "crewz",
            "\u202e",
            "question/" + question,
            "*",
            "%",
            question.upper(),
        ]
        for text in odd:
            quoted = urllib.parse.quote(text, safe="%")
            for path in (
                f"/q/{quoted}",
                f"/api/v1/questions/{quoted}",
                f"/api/v1/questions/{quoted}/bets",
                f"/join/{quoted}",
                f"/static/{quoted}",
                f"/{quoted}",
            ):
                answer = await owner.get(path)
                assert answer.status_code in (404, 410), (path, answer.status_code)
                assert (await owner.post(path, json={"window": "May", "points": "5"})).status_code in (404, 405, 415, 410, 400), path
        for query in (
            "before=-1",
            "before=1e5",
            "before=" + "9" * 400,
            "before=%ff",
            "done=%00",
            "what=%ff",
            "&" * 3_000,
            "=" * 3_000,
            "%",
            "a=" * 2_000,
        ):
            for path in (f"/api/v1/questions/{question}/bets", f"/q/{question}", f"/q/{question}/quote", "/", "/me"):
                assert (await owner.get(f"{path}?{query}")).status_code < 500, (path, query)
        for name in (
            "accept",
            "accept-encoding",
            "cookie",
            "authorization",
            "if-none-match",
            "range",
            "x-forwarded-for",
            "idempotency-key",
            "te",
            "x-anyday-as",
        ):
            for value in (
                b"",
                b"\xff\xfe",
                b"x" * 8_000,
                b"Bearer " + b"\xff" * 50,
                b"bytes=" + b"0-," * 1_000,
                b",,,,;;;;q=0",
                chance.randbytes(60).replace(b"\n", b"").replace(b"\r", b""),
            ):
                answer = await owner.get(f"/q/{question}", headers={name: value})
                assert answer.status_code < 500, (name, value[:40])
        assert world.record() == before

    play(story)


def test_a_range_of_a_file_is_not_a_thing_here(play: Callable[..., Any]) -> None:
    """Files are read once and sent whole: a header with ten thousand ranges is one more header that nobody looks at."""

    async def story(world: World) -> None:
        client = world.browser()
        whole = await client.get("/static/app.css")
        assert whole.status_code == 200 and "accept-ranges" not in whole.headers
        many = ",".join(f"{i}-" for i in range(9_000))
        for ranges in ("bytes=0-0", "bytes=0-0," * 10_000 + "1-1", f"bytes={many}", "bytes=-1", "bytes=9999999999-", "x" * 60_000):
            answer = await client.get("/static/app.css", headers={"range": ranges, "if-range": '"x"'})
            assert (answer.status_code, answer.content) == (200, whole.content)
            assert "content-range" not in answer.headers

    play(story)


def test_the_frameworks_own_files_and_forms_are_not_used() -> None:
    """Its ranges and its multipart forms have had algorithmic bombs; ours are read by a few lines that are bounded."""
    source = {path.name: path.read_text(encoding="utf-8") for path in Path(surface.__file__).parent.rglob("*.py")}
    assert len(source) > 10
    for word in ("FileResponse", "StaticFiles", "multipart", ".form()", "starlette.requests"):
        assert [name for name, text in source.items() if word in text] == [], word


def test_hostile_names_and_passwords_are_refused(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        owner = await world.owner()
        before = world.record()
        issued = (await owner.post("/api/v1/invitations", json={"uses": 1})).json()
        names = [
            "",
            " ",
            "a",
            "x" * 33,
            "x" * 60_000,
            "\x00\x00",
            "a\nb",
            "<script>",
            "\u202eabc",
            "Olga",
            "OLGA",
            "house",
            "🙂🙂",
            "a b",
            "../..",
            "%00",
        ]
        for name in names:
            refused(await world.browser().post(issued["path"], data={"name": name, "password": PASSWORD}), name)
        for password in ("", "x" * 9, "x" * 257, "x" * 60_000, "🙂" * 9):
            refused(await world.browser().post(issued["path"], data={"name": "Pia", "password": password}), password)
            refused(await world.browser(address="192.0.2.99").post("/api/v1/sessions", json={"name": "Olga", "password": password}), password)
        assert world.record() == before
        assert (await world.browser().post(issued["path"], data={"name": "Pia", "password": "🙂" * 10})).status_code == 303, "control"

    play(story)


def test_forms_and_versions_have_their_bounds() -> None:
    def fields(count: int) -> bytes:
        return "&".join(f"field{i}=1" for i in range(count)).encode()

    assert isinstance(read_form(fields(MOST_FIELDS)), Form)
    for bad in (fields(MOST_FIELDS + 1), b"a=1&a=2", b"a=%ff", "a=ü".encode(), b"a"):
        assert isinstance(read_form(bad), Refusal), bad[:20]
    form = read_form(b"by=x&by=y&chance=1&chance=2")
    assert isinstance(form, Form)
    assert form.every("by") == ["x", "y"], "control: what a form repeats may come again"
    for version in (-1, -(10**30), MAX_UNITS + 1, 10**30):
        assert isinstance(reading.bet(wire.BetIn(window="x", points=1, expected_version=version), "q"), Refusal)
        assert isinstance(reading.sell(wire.SellIn(window="x", expected_version=version), "q"), Refusal)
        assert isinstance(reading.rule(wire.RuleIn(outcome="x", evidence="x", expected_version=version), "q"), Refusal)
        assert isinstance(reading.correct(wire.CorrectIn(outcome="x", evidence="x", reason="x", expected_version=version), "q"), Refusal)
    assert not isinstance(reading.bet(wire.BetIn(window="x", points=1, expected_version=MAX_UNITS), "q"), Refusal), "control"


# ---- the decoder alone, at random ----------------------------------------------------------------------------------------------


def test_the_decoder_answers_whatever_comes(chance: random.Random) -> None:
    """Random edits of right bodies: each is decoded or refused, nothing is raised, and amounts stay within bounds."""
    right = [
        b'{"window":"April","points":"12.5"}',
        b'{"window":"never","shares":3,"max_cost":"2","expected_version":4}',
        b'{"window":"x","target":"40%"}',
    ]
    pieces = [
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b":",
        b"\\",
        b"\x00",
        b"\xff",
        b"1e400",
        b"-",
        b"9" * 40,
        b"null",
        b"true",
        b'"points":',
        b"\\ud800",
        b".5",
        b"e9",
    ]
    read = 0
    for _ in range(20_000):
        body = bytearray(chance.choice(right))
        for _ in range(chance.randint(1, 3)):
            place = chance.randrange(len(body) + 1)
            body[place : place + chance.randint(0, 3)] = chance.choice(pieces)
        decoded = decode(wire.BetIn, Headers([(b"content-type", b"application/json")]), bytes(body))
        command = reading.bet(decoded, "q") if isinstance(decoded, wire.BetIn) else decoded
        if not isinstance(command, Refusal):
            read += 1
            for amount in (command.shares, command.spend, command.max_cost, command.min_shares):
                assert amount is None or (type(amount) is int and 0 <= amount <= MAX_UNITS)
            assert command.target is None or 0 < command.target < UNITS_A_POINT
    assert read > 300, "control: some of them are read"
