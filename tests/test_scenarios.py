"""The scenarios: every story of ``scenarios/*.txt`` told to the real service, and every reason for "no" caused somewhere."""

from __future__ import annotations

import ast
import functools
import re
from pathlib import Path

import pytest

from anyday.refusals import Reason
from tests.stories import SENTENCES, lines, tell
from tests.world import run

TESTS = Path(__file__).parent
STORIES = sorted((TESTS / "scenarios").glob("*.txt"))

#: What no command causes: in which folder of tests it is caused instead (the empty one: anywhere), or by which test. A test
#: in the folder must name the reason.
ELSEWHERE = {
    Reason.AS_IT_STANDS: "web/test_site.py::test_a_form_that_nobody_touched_puts_no_handles_in_place_of_a_finer_curve",
    Reason.TIMELINE_FULL: "rules/test_entering.py::test_all_players_together_put_so_many_notes_on_a_timeline",
    Reason.CORRECTED_OFTEN: "rules/test_entering.py::test_a_ruling_is_corrected_so_often_and_no_more",
    Reason.TOO_LARGE: "web",
    Reason.TOO_SLOW: "web/test_client.py::test_a_head_and_a_body_that_never_come_are_not_waited_for",
    Reason.WRONG_TYPE: "web",
    Reason.NOT_AN_AMOUNT: "",
    Reason.SIGN_IN: "web",
    Reason.WRONG_PASSWORD: "web",
    Reason.FOREIGN_ORIGIN: "web",
    Reason.TOO_MANY_TRIES: "web",
    Reason.INVITE_SPENT: "web",
    Reason.INVITE_BOUNDS: "web",
    Reason.NAME_TAKEN: "web",
    Reason.BAD_NAME: "web",
    Reason.TOO_MANY_CREWS: "web",
    Reason.BAD_CHANNEL: "web",
    Reason.CHANNEL_OFF: "web",
    Reason.WRONG_CODE: "web",
    Reason.NO_SUCH_ACCOUNT: "web",
    Reason.TOKEN_FOR_LESS: "web",
    Reason.SIGN_IN_AGAIN: "web",
    Reason.LAST_WAY: "web",
    Reason.WRONG_NAME: "web",
    Reason.NO_PASSKEYS: "web",
    Reason.PASSKEY_FAILED: "web",
    Reason.PASSKEY_DOUBTED: "web",
    Reason.TOO_MANY_LETTERS: "web/test_inbox.py::test_nobody_is_flooded_with_letters_that_ask_for_confirmation",
    Reason.NO_PROVIDER: "web/test_oidc.py::test_without_a_provider_nothing_is_offered_and_the_routes_say_so",
    Reason.PROVIDER_FAILED: "web/test_oidc.py::test_calling_it_off_at_the_provider_is_said_so",
    Reason.UNKNOWN_IDENTITY: "web/test_oidc.py::test_a_first_sign_in_without_an_invitation_is_refused_with_the_next_step_and_with_one_joins",
    Reason.IDENTITY_TAKEN: "web/test_oidc.py::test_an_account_of_the_providers_is_one_persons",
    Reason.WEAK_PASSWORD: "web",
    Reason.UNKNOWN_ROUTE: "web",
    Reason.WRONG_METHOD: "web",
    Reason.TOO_MANY_CREWS: "web/test_crews.py::test_how_many_crews_one_may_open_is_a_setting_but_on_the_servers_own_machine",
    Reason.TOO_MANY_WATCHING: "web/test_live.py::test_no_more_pages_than_the_settings_say_each_and_in_all",
    Reason.BROKEN: "web",
    Reason.UNREACHABLE: "",
    Reason.ANSWERED: "",
    Reason.DISK_FULL: "store",
    Reason.NO_CURVE_YET: "store/test_entries.py::test_a_curve_that_may_not_be_seen_yet_is_refused_with_the_reason",
    Reason.UNAVAILABLE: "store",
}


@pytest.mark.parametrize("story", STORIES, ids=lambda path: path.stem)
def test_the_story(story: Path, tmp_path: Path) -> None:
    run(tell(story.read_text(encoding="utf-8"), tmp_path / "story.db"))


def caused() -> dict[str, set[str]]:
    """Refusal codes that stories expect, each with its stories."""
    found: dict[str, set[str]] = {}
    for story in STORIES:
        for code in re.findall(r"-> refused (\w+)", story.read_text(encoding="utf-8")):
            found.setdefault(code, set()).add(story.stem)
    return found


@functools.cache
def naming(room: str) -> dict[str, set[str]]:
    """The reasons that the tests of a room name in their bodies (as ``Reason.X`` or by code), each with its tests."""
    found: dict[str, set[str]] = {}
    for path in sorted((TESTS / room).rglob("test_*.py")):
        if path == Path(__file__):
            continue
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef) or not function.name.startswith("test_"):
                continue
            for node in ast.walk(function):
                named = node.attr.lower() if isinstance(node, ast.Attribute) else node.value if isinstance(node, ast.Constant) else None
                if isinstance(named, str):
                    found.setdefault(named, set()).add(f"{path.name}::{function.name}")
    return found


@pytest.mark.parametrize("reason", list(Reason), ids=lambda reason: reason.code)
def test_every_reason_is_caused(reason: Reason) -> None:
    if "::" in ELSEWHERE.get(reason, ""):
        path, _, name = ELSEWHERE[reason].partition("::")
        assert f"def {name}(" in (TESTS / path).read_text(encoding="utf-8")
    elif reason in ELSEWHERE:
        assert naming(ELSEWHERE[reason]).get(reason.code), f"no test in tests/{ELSEWHERE[reason]} causes {reason.name}"
    else:
        assert reason.code in caused(), f"no story causes {reason.name}"


def test_stories_expect_only_reasons_that_exist() -> None:
    assert set(caused()) <= {reason.code for reason in Reason}


def test_every_sentence_of_the_language_is_told_somewhere() -> None:
    told = [re.split(r" ->| @", line)[0].strip() for story in STORIES for _, line in lines(story.read_text(encoding="utf-8"))]
    unused = [pattern for pattern, _ in SENTENCES if not any(re.fullmatch(pattern, line) for line in told)]
    assert not unused


def test_every_story_says_what_it_is_about_and_ends_with_its_ledger() -> None:
    assert len(STORIES) >= 15
    for story in STORIES:
        text = story.read_text(encoding="utf-8")
        assert text.startswith("# ") and "\nLedger\n" in text, story.name
