"""The inbox, its channels and the doors that letters lead to, on the page and through the API, with a real mail server where one is needed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from anyday.notify import outbox
from anyday.notify.notices import Notice
from tests.notify import sinks
from tests.web.conftest import ORIGIN, World, said

MAIL = {"smtp_host": "127.0.0.1", "smtp_security": "none", "smtp_from": "any@example.org", "address": ORIGIN}
API = "/api/v1"


async def tell(world: World, name: str, kind: str = "alarm", key: str = "k", question: str | None = None) -> None:
    """A notice, as an event would make one."""
    player = world.people.player_of(name)
    assert player is not None
    await world.service.database.write(lambda c: outbox.add(c, [Notice("crew", player, kind, key, world.clock(), question)]))
    world.service.messages.courier.wake()


async def deliver(world: World) -> None:
    """Deliver all that is due."""
    while await world.service.messages.courier.round():
        await world.service.messages.courier.settled()


async def two(world: World) -> tuple[httpx.AsyncClient, httpx.AsyncClient]:
    return await world.owner(), await world.player("Anna")


# what is told to whom


def test_everybody_hears_of_a_new_question_and_those_with_a_stake_of_its_end(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, anna = await two(world)
        bert, carl = await world.player("Bert"), await world.player("Carl")
        question = await world.question(olga, resolver="Bert")
        assert (await anna.post(f"{API}/questions/{question}/bets", json={"window": "April 2027", "points": "5"})).status_code == 200
        note = {"kind": "near_miss", "text": "It moved one floor", "when": "2027-03-13", "evidence": "Seen by many"}
        assert (await olga.post(f"{API}/questions/{question}/notes", json=note)).status_code == 200
        world.clock.pass_(days=28)
        ruled = await bert.post(f"{API}/questions/{question}/ruling", json={"outcome": "2027-04-10", "evidence": "It works."})
        assert ruled.status_code == 200, ruled.text

        async def kinds(who: httpx.AsyncClient) -> list[str]:
            return [notice["kind"] for notice in (await who.get(f"{API}/inbox")).json()["notices"]]

        assert await kinds(anna) == ["settled", "near_miss", "question_opened"]
        assert (await kinds(olga), await kinds(bert), await kinds(carl)) == (["settled"], ["question_opened"], ["ruled", "question_opened"])
        settled, missed, _ = (await anna.get(f"{API}/inbox")).json()["notices"]
        assert "It moved one floor" in missed["text"]
        assert settled["title"] == "Settled: When will the lift work again?"
        assert settled["text"].startswith("It happened on 10 April 2027") and "You were paid" in settled["text"]
        assert settled["link"] == f"/c/crew/q/{question}"
        facts = world.service.database.read("SELECT facts FROM notice")
        assert not any("lift" in row[0] or "Olga" in row[0] for row in facts), "ids and integers only"

    play(story)


def test_a_sealed_entry_tells_nobody_anything(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, anna = await two(world)
        closest = {"market": False, "closest": {"stake": "5"}}
        asked = await olga.post(f"{API}/questions", json={
            "title": "When?", "terms": "It.", "zone": "UTC", "grain": "day", "origin": "20 March 2027", "horizon": "1 June 2027", **closest,
        })  # fmt: skip
        assert asked.status_code == 200, asked.text
        before = world.service.database.read("SELECT * FROM notice")
        guessed = await anna.post(f"{API}/questions/{asked.json()['question']}/guesses", json={"guess": "1 April 2027"})
        assert guessed.status_code == 200, guessed.text
        assert world.service.database.read("SELECT * FROM notice") == before

    play(story)


def test_who_is_no_member_any_more_sees_and_gets_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, anna = await two(world)
        await tell(world, "Anna", "settled", question="nosuchquestion")
        assert (await anna.get(f"{API}/inbox")).json()["notices"] == []
        assert (await anna.post(f"{API}/inbox/read", json={})).status_code == 200
        assert (await anna.get(f"{API}/inbox")).json()["unread"] == 0

    play(story)


# the inbox


def test_the_head_of_each_page_counts_what_is_unread_and_the_inbox_shows_it(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, anna = await two(world)
        question = await world.question(olga)
        await tell(world, "Anna", "ruling_asked", question=question)
        board = (await anna.get("/")).text
        assert re.search(r'<span class="badge urgent">2<span class="hidden"> unread, 1 urgent</span>', board)
        page = (await anna.get("/inbox")).text
        assert "New question: When will the lift work again?" in page and "I have seen it" in page
        assert world.rows() == world.rows()
        assert (await anna.post("/inbox/read", data={"upto": "2"})).status_code == 303
        assert (await anna.get(f"{API}/inbox")).json()["unread"] == 1
        assert (await anna.post("/inbox/2/ack", data={"command_id": "x" * 12})).headers["location"] == "/inbox"
        view = (await anna.get(f"{API}/inbox")).json()
        assert (view["unread"], view["urgent"], view["notices"][0]["acknowledged"]) == (0, 0, True)
        assert view["notices"][0]["steps"][-1].startswith("Acknowledged on 14 March 2027")
        assert 'class="badge' not in (await anna.get("/")).text

    play(story)


def test_looking_at_the_inbox_changes_nothing(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        _, anna = await two(world)
        await tell(world, "Anna")
        before = world.rows()
        for path in ("/inbox", f"{API}/inbox", "/me/notifications", f"{API}/notifications", f"{API}/channels"):
            assert (await anna.get(path)).status_code == 200
        assert world.rows() == before

    play(story)


def test_nobody_acknowledges_reads_or_sees_what_is_somebody_elses(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, anna = await two(world)
        await tell(world, "Anna")
        made = (await anna.post(f"{API}/channels", json={"kind": "webhook", "address": "https://example.org/x"})).json()
        before = world.rows()
        assert (await olga.post(f"{API}/inbox/1/ack")).status_code == 404
        assert (await olga.post(f"{API}/inbox/read", json={})).status_code == 200
        assert (await olga.get(f"{API}/inbox")).json()["notices"] == []
        for method, path, body in (
            ("POST", f"/channels/{made['id']}", {"on": False}), ("POST", f"/channels/{made['id']}", {"kinds": []}),
            ("POST", f"/channels/{made['id']}/ask", {}), ("DELETE", f"/channels/{made['id']}", None),
        ):  # fmt: skip
            assert (await olga.request(method, API + path, json=body)).status_code == 404, path
        assert world.rows() == before

    play(story)


@pytest.mark.parametrize("typed", ["x", "-1", "1e3", "9" * 20, "٣", "0x1"])
def test_a_number_that_is_none_is_refused(play: Callable[..., Any], typed: str) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        assert (await olga.get(f"{API}/inbox", params={"before": typed})).status_code == 400
        assert (await olga.post(f"{API}/inbox/{typed}/ack")).status_code in (400, 404)
        assert (await olga.post("/inbox/read", data={"upto": typed})).status_code == 400

    play(story)


# channels


def test_an_e_mail_address_gets_nothing_before_it_is_confirmed(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        async with sinks.mailing() as mail:
            object.__setattr__(world.service.settings, "smtp_port", mail.port)
            olga, anna = await two(world)
            assert (await anna.post("/me/notifications/add", data={"kind": "email", "address": "anna@Example.NET"})).status_code == 303
            await deliver(world)
            (letter,) = mail.got
            plain = letter.get_body(("plain",))
            assert letter["to"] == "anna@example.net" and plain is not None
            secret = re.search(ORIGIN + r"/confirm/(\S+)", plain.get_content())[1]  # type: ignore[index]
            assert secret not in str(world.rows()), "it is kept hashed"
            stranger = world.browser()
            assert "Yes, it is mine" in (await stranger.get(f"/confirm/{secret}")).text
            assert (await anna.get(f"{API}/channels")).json()[0]["state"] == "unconfirmed", "opening the link is not pressing the button"
            assert "Confirmed" in (await stranger.post(f"/confirm/{secret}")).text
            assert (await anna.get(f"{API}/channels")).json()[0]["state"] == "on"
            await world.question(olga)
            await deliver(world)
            assert mail.got[1]["subject"] == "New question: When will the lift work again?"

    play(story, **MAIL)


def test_a_code_is_good_for_its_player_for_two_days_and_for_nothing_else(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        async with sinks.mailing() as mail:
            object.__setattr__(world.service.settings, "smtp_port", mail.port)
            olga, anna = await two(world)
            await anna.post(f"{API}/channels", json={"kind": "email", "address": "anna@example.net"})
            await deliver(world)
            plain = mail.got[0].get_body(("plain",))
            code = re.search(r"page: (\S+)", plain.get_content())[1]  # type: ignore[union-attr, index]
            for who, typed in ((olga, code), (anna, code[:-1]), (anna, ""), (anna, "x" * 500)):
                refused = await who.post(f"{API}/channels/confirm", json={"code": typed})
                assert (refused.status_code, refused.json()["type"]) == (410, "wrong_code")
            assert "Done" in (await world.browser().post(f"/unsubscribe/{code}")).text
            assert (await anna.get(f"{API}/channels")).json()[0]["state"] == "unconfirmed"
            world.clock.pass_(days=2)
            assert (await anna.post(f"{API}/channels/confirm", json={"code": code})).status_code == 410
            channel = (await anna.get(f"{API}/channels")).json()[0]["id"]
            assert (await anna.post(f"{API}/channels/{channel}/ask", json={})).status_code == 200
            await deliver(world)
            again = re.search(r"page: (\S+)", mail.got[1].get_body(("plain",)).get_content())[1]  # type: ignore[union-attr, index]
            assert (await anna.post(f"{API}/channels/confirm", json={"code": again})).json()["state"] == "on"

    play(story, **MAIL | {"address": ""})


def test_nobody_is_flooded_with_letters_that_ask_for_confirmation(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, anna = await two(world)
        codes = []
        for who, count in ((anna, 4), (olga, 2)):
            for _ in range(count):
                made = await who.post(f"{API}/channels", json={"kind": "email", "address": "Victim@example.net"})
                codes.append(made.status_code)
                if made.status_code == 200:
                    await who.delete(f"{API}/channels/{made.json()['id']}")
        assert codes == [200, 200, 200, 429, 429, 429]
        for number in range(4):
            made = await anna.post(f"{API}/channels", json={"kind": "email", "address": f"v{number}@example.net"})
            assert made.status_code == (200 if number < 2 else 429)
        world.clock.pass_(days=1)
        assert (await anna.post(f"{API}/channels", json={"kind": "email", "address": "victim@example.net"})).status_code == 200

    play(story, **MAIL, smtp_port=1)


def test_one_click_ends_a_channel_from_a_mail_program_without_a_sign_in(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        async with sinks.mailing() as mail:
            object.__setattr__(world.service.settings, "smtp_port", mail.port)
            _, anna = await two(world)
            made = (await anna.post(f"{API}/channels", json={"kind": "email", "address": "anna@example.net"})).json()
            await world.service.database.write(lambda c: c.execute("UPDATE channel SET confirmed_at=1"))
            for key in "ab":
                await tell(world, "Anna", key=key)
            await deliver(world)
            link = mail.got[-1]["list-unsubscribe"].strip("<>")
            path = link.removeprefix(ORIGIN)
            provider = world.program()
            page = await provider.get(path)
            assert "Send nothing more" in page.text
            assert (await anna.get(f"{API}/channels")).json()[0]["state"] == "on"
            for body in ({"data": {"List-Unsubscribe": "One-Click"}}, {"files": {"List-Unsubscribe": (None, "One-Click")}}):
                assert (await provider.post(path, **body)).status_code == 200
            assert (await anna.get(f"{API}/channels")).json()[0]["state"] == "off"
            sent = len(mail.got)
            world.clock.pass_(minutes=15)
            await deliver(world)
            assert len(mail.got) == sent
            assert (await anna.post(f"{API}/channels/{made['id']}", json={"on": True})).status_code == 200
            assert (await provider.post("/unsubscribe/" + "x" * 22)).status_code == 200, "it tells nobody whether there is one"

    play(story, **MAIL)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"kind": "email", "address": "a@example.net"}, "channel_off"), ({"kind": "apprise", "address": "tgram://a/b"}, "channel_off"),
        ({"kind": "pigeon", "address": "x"}, "bad_channel"), ({"kind": "webhook", "address": "ftp://example.org"}, "bad_channel"),
        ({"kind": "webhook", "address": "https://a:b@example.org/"}, "bad_channel"),
        ({"kind": "webhook", "address": "https://example.org/\nx"}, "bad_channel"),
        ({"kind": "ntfy", "address": "https://ntfy.sh"}, "bad_channel"), ({"kind": "ntfy", "address": "https://ntfy.sh/a?b"}, "bad_channel"),
        ({"kind": "ntfy", "address": "https://ntfy.sh/a", "token": "a b"}, "bad_channel"),
        ({"kind": "webhook", "address": "x" * 2_000}, "bad_channel"),
        ({"kind": "ntfy", "address": "https://ntfy.sh/a", "token": "a\nb"}, "bad_channel"), ({"kind": "webhook", "address": ""}, "bad_channel"),
    ],
)  # fmt: skip
def test_a_channel_that_would_not_work_is_refused(play: Callable[..., Any], body: dict[str, str], code: str) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        answer = await olga.post(f"{API}/channels", json=body)
        assert answer.json()["type"] == code, answer.text
        page = await olga.post("/me/notifications/add", data=body)
        assert page.status_code == answer.status_code and said(page.text)
        assert world.service.database.read("SELECT * FROM channel") == []

    play(story)


def test_a_player_has_ten_channels_at_most_and_each_once(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        codes = [(await olga.post(f"{API}/channels", json={"kind": "webhook", "address": f"https://example.org/{n}"})).status_code for n in range(11)]
        assert codes == [200] * 10 + [422]
        channel = (await olga.get(f"{API}/channels")).json()[0]["id"]
        assert (await olga.delete(f"{API}/channels/{channel}")).status_code == 200
        assert (await olga.post(f"{API}/channels", json={"kind": "webhook", "address": "https://example.org/5"})).status_code == 409

    play(story)


def test_a_token_reads_the_inbox_and_changes_no_channel(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        token = (await olga.post(f"{API}/tokens", json={"name": "t"})).json()["secret"]
        program = world.program(token)
        assert (await program.get(f"{API}/inbox")).status_code == 200
        for path, body in (("/channels", {"kind": "webhook", "address": "https://example.org/"}), ("/notifications", {"zone": "UTC"})):
            assert (await program.post(API + path, json=body)).status_code == 403
        assert (await program.get(f"{API}/channels")).status_code == 403

    play(story)


def test_choices_are_kept_and_shown(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga = await world.owner()
        form = {"zone": "Europe/Zurich", "quiet_from": "22:00", "quiet_to": "07:00", "digest": "weekly", "digest_hour": "9"}
        assert (await olga.post("/me/notifications/habit", data=form)).status_code == 303
        kept = (await olga.get(f"{API}/notifications")).json()
        assert kept["habit"] == form | {"digest_hour": 9}
        assert kept["offered"] == ["webhook", "ntfy"]
        refused = await olga.post("/me/notifications/habit", data=form | {"quiet_to": "7 o'clock"})
        assert refused.status_code == 422 and "7 o&#39;clock" in refused.text
        await olga.post("/me/notifications/add", data={"kind": "webhook", "address": "https://example.org/x"})
        (channel,) = (await olga.get(f"{API}/channels")).json()
        assert len(channel["secret"]) >= 40 and "comment" not in channel["kinds"] and "alarm" in channel["kinds"]
        for what, more in (("pick", {"kind_comment": "1", "kind_alarm": "1"}), ("off", {}), ("on", {})):
            assert (await olga.post("/me/notifications/change", data={"channel": channel["id"], "what": what, **more})).status_code == 303
        (channel,) = (await olga.get(f"{API}/channels")).json()
        assert channel["kinds"] == ["alarm", "comment"]
        assert (await olga.post("/me/notifications/change", data={"channel": channel["id"], "what": "dance"})).status_code == 400
        assert (await olga.post("/me/notifications/change", data={"channel": channel["id"], "what": "remove"})).status_code == 303
        assert (await olga.get(f"{API}/channels")).json() == []

    play(story)


def test_the_command_line_reads_the_inbox_through_the_local_socket(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        await two(world)
        await tell(world, "Anna")
        local = world.local("Anna")
        assert (await local.get(f"{API}/inbox")).json()["urgent"] == 1
        assert (await local.post(f"{API}/inbox/1/ack")).status_code == 200

    play(story)


def test_a_bet_is_not_kept_waiting_by_the_outbox_of_a_dead_sink(play: Callable[..., Any]) -> None:
    async def story(world: World) -> None:
        olga, anna = await two(world)
        question = await world.question(olga, resolver="Olga")
        async with sinks.listening(sinks.hangs) as port:
            await anna.post(f"{API}/channels", json={"kind": "webhook", "address": f"http://hangs.example:{port}/"})
            world.service.messages.courier.start()
            await tell(world, "Anna", question=question)
            for number in range(5):
                body = {"window": "April 2027", "points": "1", "command_id": f"command{number}"}
                bet = await anna.post(f"{API}/questions/{question}/bets", json=body)
                assert bet.status_code == 200

    play(story)


def test_control_what_is_put_in_needs_no_courier(play: Callable[..., Any]) -> None:
    """The command line opens the file without one: what it makes due is delivered when a server next starts."""

    async def story(world: World) -> None:
        olga, _ = await two(world)
        await world.question(olga)
        assert world.service.messages.courier._task is None
        assert isinstance(outbox.next_due(world.service.database), int)

    play(story)
