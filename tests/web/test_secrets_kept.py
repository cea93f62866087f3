"""What nobody is shown: every setting that is a secret, put in as a canary, and looked for wherever the server says anything."""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from anyday.settings import PREFIX, BadSetting, Secret, Settings, read_settings
from anyday.web.app import ROUTES
from tests.web.conftest import World

CANARY = "canary-in-the-coal-mine"
SECRETS = [field.name for field in dataclasses.fields(Settings) if field.type in ("Secret", Secret) or isinstance(field.default, Secret)]
NAMED = ("secret", "password", "token", "key")


def test_whatever_sounds_like_a_secret_is_one_by_its_type_and_not_by_its_name() -> None:
    """A page that hides by name forgets the next one; so a text whose name sounds like a secret must be of the type."""
    assert len(SECRETS) >= 2
    texts = [field.name for field in dataclasses.fields(Settings) if isinstance(field.default, str)]
    assert [name for name in texts if any(word in name for word in NAMED)] == []


def filled() -> dict[str, Any]:
    return {name: Secret(f"{CANARY}-{name}") for name in SECRETS}


def test_a_secret_is_in_no_representation_of_the_settings() -> None:
    settings = Settings(**filled())
    said = [repr(settings), str(settings), f"{settings}", repr(dataclasses.replace(settings)), *(f"{getattr(settings, name)}" for name in SECRETS)]
    assert [text for text in said if CANARY in text] == []
    assert getattr(settings, SECRETS[0]).reveal().startswith(CANARY), "control: it is there for the one place that needs it"
    for write in (json.dumps, pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError):
            write(getattr(settings, SECRETS[0]))


def test_a_setting_that_cannot_be_used_is_refused_without_telling_the_secrets_beside_it() -> None:
    environment = {f"{PREFIX}{name.upper()}": f"{CANARY}-{name}" for name in SECRETS} | {f"{PREFIX}BATCH": "many"}
    with pytest.raises(BadSetting) as told:
        read_settings(environment)
    assert CANARY not in str(told.value)


def test_no_page_reply_log_or_byte_of_the_file_holds_a_secret(
    play: Callable[..., Any], caplog: pytest.LogCaptureFixture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story(world: World) -> int:
        owner = await world.owner()
        question = await world.question(owner)
        looked = 0
        with caplog.at_level(logging.DEBUG):
            monkeypatch.setattr(world.service, "members", lambda: 1 // 0)  # what breaks is logged, with all that stands around it
            for route in ROUTES:
                if route.path.endswith("/live") or route.path.startswith("/link/"):
                    continue
                path = route.path.replace("{id}", question).replace("{name:path}", "app.css")
                path = path.replace("{name}", "Olga").replace("{secret}", "x" * 22)
                for client in (owner, world.browser(), world.local("Olga")):
                    if route.method != "GET" and "sign-out" in route.path + route.handler.__name__.replace("_", "-"):
                        continue
                    kind: dict[str, Any] = {} if route.method == "GET" else {"data": {}} if not route.api else {"json": {}}
                    answer = await client.request(route.method, path, **kind)
                    assert CANARY not in answer.text and CANARY not in repr(answer.headers), route.path
                    looked += 1
        return looked

    assert play(story, **filled()) > 200
    assert "ZeroDivisionError" in caplog.text, "control: something was logged"
    assert CANARY not in caplog.text
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or CANARY.encode() not in file.read_bytes(), file
