"""The outbox: what is put in once goes out once or more, in its time, to whom it may concern, and never two at once."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from anyday.instants import DAY, HOUR, MINUTE, Instant
from anyday.notify import channels, habits, inbox, outbox
from anyday.notify.courier import Courier
from anyday.notify.habits import Habit
from anyday.notify.notices import KINDS, REPEATS, Notice
from anyday.refusals import Refusal
from tests.notify import sinks
from tests.notify.office import CREW, START, Office, office, run


def titles(receiver: sinks.Receiver) -> list[str]:
    return [json.loads(got.body)["title"] for got in receiver.got]


def test_a_notice_with_the_same_key_is_put_in_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post:
            for key in ("a", "a", "b"):
                post.tell(key=key)
            post.tell(player="bert", key="a")
            assert post.rows("SELECT player, id, key FROM notice ORDER BY player, id") == [("anna", 1, "a"), ("anna", 2, "b"), ("bert", 1, "a")]

    run(story())


def test_a_notice_is_there_if_and_only_if_its_transaction_is(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post:
            with pytest.raises(ZeroDivisionError):
                post.write(lambda connection: (outbox.add(connection, [Notice(CREW, "anna", "alarm", "a", 0)]), 1 // 0))
            assert post.rows("SELECT * FROM notice") == []

    run(story())


def test_an_urgent_notice_comes_again_until_it_is_acknowledged(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell(deputy="dana")
            for minutes, count in ((0, 1), (4.9, 1), (0.1, 2), (9.9, 2), (0.1, 3)):
                await post.work(minutes)
                assert len(receiver.got) == count
            assert post.write(lambda connection: inbox.acknowledge(connection, CREW, "anna", 1, post.now)) is None
            await post.work(24 * 60)
            assert len(receiver.got) == 3
            assert outbox.next_due(post.database) is None
            assert post.rows("SELECT player FROM notice WHERE player='dana'") == []

    run(story())


def test_nobody_acknowledges_and_the_deputy_is_told(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver, sinks.receiving() as deputys:
            post.channel("anna", "webhook", receiver.url)
            post.channel("dana", "webhook", deputys.url)
            post.tell(deputy="dana")
            for minutes in (0, 5, 10, 44.9):
                await post.work(minutes)
            assert (len(receiver.got), len(deputys.got)) == (3, 0)
            await post.work(0.1)
            assert (len(receiver.got), len(deputys.got)) == (4, 1)
            kept = inbox.lines(post.database, CREW, "dana")[0].kept
            assert kept.notice.facts == {"instead_of": "anna"} and kept.notice.deputy is None
            steps = [(s.step, (s.at - START) // MINUTE) for s in outbox.trail(post.database, CREW, "anna", [1]) if s.channel is None]
            assert steps == [(0, 0), (1, 5), (2, 15), (3, 60), (outbox.DEPUTY_STEP, 60)]
            await post.work(10_000)
            assert len(receiver.got) == 4

    run(story())


def test_after_a_stop_of_two_hours_the_steps_do_not_come_all_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell(deputy="dana")
            await post.work(120)
            assert len(receiver.got) == 1
            await post.work(5)
            assert len(receiver.got) == 2

    run(story())


def test_several_workers_never_send_the_same_claim_at_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post:
            channel = post.channel("anna", "webhook", "https://example.org/hook")
            for key in range(20):
                post.tell(kind="question_opened", key=str(key))
            post.write(lambda connection: outbox.plan(connection, post.now))
            taken = [claim for _ in range(30) for claim in post.write(lambda connection: outbox.claim(connection, post.now))]
            assert len({claim.parcel for claim in taken}) == len(taken) == 20
            assert {claim.channel.id for claim in taken} == {channel.id}
            assert post.write(lambda connection: outbox.claim(connection, post.now)) == []

    run(story())


def test_who_saw_a_delivery_as_free_that_another_has_taken_since_does_not_get_it(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell()
            post.write(lambda connection: outbox.plan(connection, post.now))

            def two_at_once(connection: sqlite3.Connection) -> tuple[int, int]:
                first: list[outbox.Claim] = []

                def another_comes_first(_: channels.Channel) -> bool:
                    first.extend(outbox.claim(connection, post.now))
                    return True

                second = outbox.claim(connection, post.now, another_comes_first)
                return len(first), len(second)

            assert post.write(two_at_once) == (1, 0)

    run(story())


def test_two_couriers_on_one_file_deliver_each_notice_once(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            other = Courier(post.database, post.clock, post.settings, post.render, post.courier._ways())
            for number in range(12):
                post.channel(f"p{number}", "webhook", receiver.url)
                post.tell(player=f"p{number}", kind="settled", key="x")
            for _ in range(6):
                await asyncio.gather(post.courier.round(), other.round())
                await asyncio.gather(post.courier.settled(), other.settled())
            assert len(receiver.got) == len({got.headers["anyday-delivery"] for got in receiver.got}) == 12

    run(story())


def test_a_worker_that_dies_half_way_is_taken_over_with_the_same_delivery_id(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell(kind="settled")
            post.write(lambda connection: outbox.plan(connection, post.now))
            (dead,) = post.write(lambda connection: outbox.claim(connection, post.now))
            await post.work(1)
            assert receiver.got == []
            await post.work(1.1)
            assert [got.headers["anyday-delivery"] for got in receiver.got] == [dead.parcel]
            # what the dead one would say now no longer counts
            post.write(lambda connection: outbox.finish(connection, dead, post.now, "It failed."))
            assert post.rows("SELECT state, error FROM delivery") == [("sent", None)]

    run(story())


def test_a_failed_delivery_is_tried_again_with_the_same_id_and_given_up_in_the_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving("503 No") as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell(kind="settled")
            await post.work()
            for pause in outbox.PAUSES:
                await post.work(pause / MINUTE - 0.01)
                before = len(receiver.got)
                await post.work(0.01)
                assert len(receiver.got) == before + 1
            assert len({got.headers["anyday-delivery"] for got in receiver.got}) == 1
            assert post.rows("SELECT state, tries, next_at, error FROM delivery") == [("failed", 8, None, "It answered with the status 503.")]
            assert outbox.next_due(post.database) is None

    run(story())


def test_a_no_that_will_stay_one_is_not_tried_again(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving("410 Gone", "302 Found", "429 Slow down", "200 OK") as receiver:
            post.channel("anna", "webhook", receiver.url)
            for key in "abc":
                post.tell(kind="settled", key=key)
                await post.work()
            assert [row[0] for row in post.rows("SELECT state FROM delivery ORDER BY at, notice")] == ["failed", "failed", "waiting"]
            await post.work(1)
            assert post.rows("SELECT state FROM delivery WHERE notice=3") == [("sent",)]

    run(story())


def test_an_acknowledgement_stops_what_is_still_tried(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving("503 No") as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell()
            await post.work()
            assert post.write(lambda connection: inbox.acknowledge(connection, CREW, "anna", 1, post.now)) is None
            await post.work(600)
            assert len(receiver.got) == 1

    run(story())


def test_what_its_recipient_may_not_see_any_more_is_not_sent(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.hidden.add("secret")
            for key in ("secret", "open"):
                post.tell(kind="settled", key=key)
            await post.work()
            assert titles(receiver) == ["settled open"]
            assert post.rows("SELECT state FROM delivery ORDER BY notice") == [("dropped",), ("sent",)]

    run(story())


def test_kinds_go_where_they_are_wanted(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver, sinks.receiving() as second:
            post.channel("anna", "webhook", receiver.url)
            chosen = post.channel("anna", "webhook", second.url)
            assert post.write(lambda connection: channels.pick(connection, "anna", chosen.id, ["comment", "alarm"])) is None
            for kind in ("comment", "settled", "alarm"):
                post.tell(kind=kind, key=kind)
                await post.work()
            assert titles(receiver) == ["settled settled", "alarm alarm"]
            assert titles(second) == ["comment comment", "alarm alarm"]
            assert post.refused(post.write(lambda connection: channels.pick(connection, "anna", chosen.id, ["nonsense"]))) == "bad_channel"
            assert post.refused(post.write(lambda connection: channels.pick(connection, "bert", chosen.id, []))) == "not_found"

    run(story())


# quiet hours and digests


def habit(post: Office, player: str, **how: Any) -> None:
    post.write(lambda connection: habits.save(connection, player, Habit(**how)))


def test_quiet_hours_hold_back_what_is_not_urgent_until_they_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            habit(post, "anna", zone="Europe/Zurich", quiet_from=22 * 60, quiet_to=7 * 60)  # it is 01:00 there
            for key in "ab":
                post.tell(kind="settled", key=key)
            post.tell(key="urgent")
            await post.work()
            assert titles(receiver) == ["alarm urgent"]
            post.write(lambda connection: inbox.acknowledge(connection, CREW, "anna", 3, post.now))
            await post.work(6 * 60 - 1)
            assert len(receiver.got) == 1
            await post.work(1)
            assert titles(receiver)[1:] == ["2 things to know"]
            assert [item["title"] for item in json.loads(receiver.got[1].body)["items"]] == ["settled a", "settled b"]

    run(story())


@pytest.mark.parametrize(
    ("at", "until"),
    [("2027-03-14T00:30", "2027-03-14T06:00"), ("2027-03-14T12:00", None), ("2027-03-14T21:00", "2027-03-15T06:00"), ("2027-03-14T20:59", None)],
)
def test_quiet_hours_pass_midnight_in_their_zone(at: str, until: str | None) -> None:
    from datetime import datetime

    from anyday.instants import instant_of

    quiet = Habit("Europe/Zurich", 22 * 60, 7 * 60)
    assert quiet.waits_until(instant_of(datetime.fromisoformat(at))) == (instant_of(datetime.fromisoformat(until)) if until else None)


def test_quiet_hours_end_on_the_day_that_the_clocks_change() -> None:
    from datetime import datetime

    from anyday.instants import instant_of

    spring = instant_of(datetime(2027, 3, 28, 0, 30))  # 01:30 in Zurich; at 02:00 it is 03:00
    assert Habit("Europe/Zurich", 60, 150).awake(spring) == instant_of(datetime(2027, 3, 28, 1, 0))
    for hour in range(48):
        at = Instant(spring + hour * HOUR // 2)
        awake = Habit("Europe/Zurich", 22 * 60, 7 * 60).awake(at)
        assert at <= awake <= at + 10 * HOUR
        assert Habit("Europe/Zurich", 22 * 60, 7 * 60).awake(awake) == awake


def test_a_digest_collects_what_is_not_urgent_and_leaves_out_what_was_read(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            habit(post, "anna", digest="daily", digest_hour=18)
            for key in "abcd":
                post.tell(kind="settled", key=key)
                await post.work(60)
            post.write(lambda connection: inbox.read(connection, CREW, "anna", post.now, 0, 2))
            await post.work(13 * 60)
            assert receiver.got == []
            await post.work(60)
            assert [item["title"] for item in json.loads(receiver.got[0].body)["items"]] == ["settled a", "settled c", "settled d"]
            await post.work(3 * 24 * 60)
            assert len(receiver.got) == 1

    run(story())


def test_a_weekly_digest_comes_on_monday(tmp_path: Path) -> None:
    assert Habit(digest="weekly", digest_hour=8).waits_until(START) == START + DAY + 8 * HOUR  # a Sunday
    assert Habit(digest="weekly", digest_hour=8).waits_until(START + DAY + 8 * HOUR) == START + 8 * DAY + 8 * HOUR
    assert Habit(digest="daily", digest_hour=3, quiet_from=0, quiet_to=300).waits_until(START) == START + 5 * HOUR


@pytest.mark.parametrize(
    ("typed", "fine"),
    [
        (("UTC", "", "", "none", 8), True), (("europe/zurich", "22:00", "7:05", "daily", 0), True), (("Nowhere", "", "", "none", 8), False),
        (("UTC", "22:00", "", "none", 8), False), (("UTC", "25:00", "07:00", "none", 8), False), (("UTC", "٢٢:00", "07:00", "none", 8), False),
        (("UTC", "22", "07:00", "none", 8), False), (("UTC", "", "", "hourly", 8), False), (("UTC", "", "", "daily", 24), False),
    ],
)  # fmt: skip
def test_habits_are_read_or_refused(typed: tuple[Any, ...], fine: bool) -> None:
    assert isinstance(habits.read(*typed), Refusal) is not fine


# the inbox


def test_the_inbox_is_paged_and_counted(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post:
            for key in range(120):
                post.tell(kind="settled", key=str(key))
            post.tell()
            assert inbox.counts(post.database, CREW, "anna") == (121, 1)
            seen, before = [], 2**53
            while page := inbox.lines(post.database, CREW, "anna", before):
                seen += [line.kept.id for line in page]
                before = seen[-1]
            assert seen == list(range(121, 0, -1))
            post.write(lambda connection: inbox.read(connection, CREW, "anna", post.now, 2**53))
            assert inbox.counts(post.database, CREW, "anna") == (1, 1)  # what is urgent waits for its acknowledgement
            assert post.refused(post.write(lambda connection: inbox.acknowledge(connection, CREW, "anna", 5, post.now))) == "not_found"
            assert post.refused(post.write(lambda connection: inbox.acknowledge(connection, CREW, "bert", 121, post.now))) == "not_found"
            post.write(lambda connection: inbox.acknowledge(connection, CREW, "anna", 121, post.now))
            assert inbox.counts(post.database, CREW, "anna") == (0, 0)

    run(story())


def test_erasing_a_player_leaves_no_byte_of_theirs(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path, smtp_host="127.0.0.1", smtp_port=1, smtp_security="none", smtp_from="any@example.org") as post:
            for player in ("anna", "bert"):
                post.channel(player, "email", f"{player}@canary.example", confirmed=False)
                post.channel(player, "webhook", f"https://{player}.canary.example/")
                habit(post, player, digest="daily")
                post.tell(player=player, deputy="bert" if player == "anna" else "anna")
            await post.work()
            post.write(lambda connection: channels.erase(connection, "anna"))
            kept = {name: post.rows(f"SELECT * FROM {name}") for name in ("channel", "delivery", "notice", "letter", "habit")}
            assert all(kept.values()), "the other's are there"
            assert "anna" not in str(kept)

    run(story())


def test_old_things_are_let_go_of(tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post, sinks.receiving() as receiver:
            post.channel("anna", "webhook", receiver.url)
            post.tell(kind="settled")
            await post.work()
            later = post.now + outbox.KEEP + DAY
            post.write(lambda connection: outbox.prune(connection, later))
            assert post.rows("SELECT * FROM notice") == post.rows("SELECT * FROM delivery") == []
            assert len(post.rows("SELECT * FROM channel")) == 1

    run(story())


def test_the_table_of_kinds_says_what_is_urgent() -> None:
    urgent = {kind.name for kind in KINDS if kind.urgent}
    assert urgent == {"alarm", "ruling_asked", "handover", "judging_asked", "consent_asked"}
    assert [repeat // MINUTE for repeat in REPEATS] == [0, 5, 15, 60]
    assert all(kind.sent for kind in KINDS if kind.urgent)


@pytest.mark.parametrize("steps", range(4))
def test_a_courier_that_is_woken_as_it_is_told_to_stop_stops(steps: int, tmp_path: Path) -> None:
    async def story() -> None:
        async with office(tmp_path) as post:
            post.courier.start()
            await asyncio.sleep(0.05)
            post.courier.wake()
            for _ in range(steps):
                await asyncio.sleep(0)
            stopping = asyncio.create_task(post.courier.stop(0.0))
            done, _ = await asyncio.wait([stopping], timeout=20)
            assert done, "it sleeps on"

    run(story())
