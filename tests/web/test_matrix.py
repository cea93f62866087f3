"""The matrix of access: every route × nine kinds of visitor × an object of their own crew, of another one, and one that is not there.

It is generated from the table of routes. What a cell must answer is not written cell by cell: it follows from whom the route lets in
(``route.who``), from what the rules ask beyond that (a row of ``ROWS``), and from whose crew the object is. A route without a row fails.
Whoever is turned away leaves no trace: nothing is written to the file in such a cell.

A new kind of visitor is a line in ``KINDS`` with what it is (``Kind``), and the way to become one in ``_people``.
A new route is a row of ``ROWS``: what the rules ask for, the smallest body that would do, and what is prepared for it (``_prepared``).
"""

from __future__ import annotations

import itertools
import json
import re
import urllib.parse
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

import msgspec
import pytest

from anyday.instants import Grain
from anyday.people.accounts import Issued
from anyday.refusals import Reason, Refusal
from anyday.rules import commands as c
from anyday.rules import decide
from anyday.service import CREW
from anyday.web import places, surface
from anyday.web.app import ROUTES
from anyday.web.surface import Form, Route, Who
from tests.web.conftest import HOST, ORIGIN, PASSWORD, World

OTHER: Final = "thechoir"
DAY: Final = 86_400 * 10**6

# ---- who asks ------------------------------------------------------------------------------------------------------------------


class Kind(NamedTuple):
    """A kind of visitor: whose name it goes by, and what it is in the crew whose objects are asked for."""

    name: str | None
    plays: bool = True
    owns: bool = False
    hosts: bool = False
    rules: bool = False
    told_of: bool = False
    by_token: bool = False


KINDS: Final = {
    "nobody": Kind(None, plays=False),
    "guest": Kind("Gus", plays=False),
    "player": Kind("Pia"),
    "subject": Kind("Sam", told_of=True),
    "resolver": Kind("Rita", rules=True),
    "host": Kind("Hanna", hosts=True),
    "owner": Kind("Olga", owns=True),
    "member of another crew": Kind("Fay", owns=True, hosts=True, rules=True),
    "token holder": Kind("Tom", by_token=True),
}

#: What the rules ask for beyond the door, by the name that rows use.
RIGHTS: Final[dict[str, Callable[[Kind], bool]]] = {
    "": lambda kind: True,
    "plays": lambda kind: kind.plays,
    "bets": lambda kind: kind.plays and not kind.rules and not kind.told_of,
    "rules": lambda kind: kind.rules,
    "ends": lambda kind: kind.rules or kind.owns,
    "keeps": lambda kind: kind.owns or kind.hosts,
    "about": lambda kind: kind.told_of,
    "halts": lambda kind: kind.hosts or kind.rules or kind.owns,
    "disputes": lambda kind: kind.plays and not kind.rules,
    "judges": lambda kind: kind.owns and not kind.rules,
    "hosts": lambda kind: kind.hosts,
    "owns": lambda kind: kind.owns,
    "is offered it": lambda kind: kind.name == "Pia",
    "in the offer": lambda kind: kind.name == "Pia" or kind.hosts,
    "told": lambda kind: kind.told_of,
    "by oneself": lambda kind: not kind.by_token,
    "absent": lambda kind: True,  # and there is none of the visitor's own: tests of each feature try those
}
#: Whoever was offered nothing is told so, rather than who was.
OFFERED: Final = ("is offered it", "in the offer")
#: These are refused to guests before anything is looked up.
PLAYING: Final = ("plays", "bets", "keeps", "disputes")

# ---- what is asked for -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What a route asks for beside its door: ``right`` by the rules, the smallest ``body`` that would do, what must be ``prepared``, and
    the ``status`` of whoever may, where it is neither 200 nor a redirection: the body would do, and something else is in its way."""

    right: str = ""
    body: dict[str, Any] = field(default_factory=dict)
    prepared: str = ""
    status: tuple[int, ...] = (200, 303)


CURVE: Final = {"never": "20%", "quantiles": [{"by": "1 May 2027", "chance": "50%"}]}
NOTE: Final = {"kind": "news", "text": "A mechanic came", "when": "yesterday", "evidence": "Seen"}
ASKED: Final = {
    "title": "When?", "terms": "When it works.", "zone": "UTC", "grain": "day", "origin": "1 April 2027", "horizon": "1 June 2027", "subsidy": "10",
}  # fmt: skip
RULED: Final = {"outcome": "13 March 2027", "evidence": "The log"}
AGAIN: Final = {**RULED, "outcome": "12 March 2027", "reason": "A misread line"}
BET: Final = {"window": "May", "points": "2"}
SEAL: Final = {**BET, "limit": "50%"}
WHY: Final = {"reason": "So that it is seen"}
HABIT: Final = {"zone": "UTC", "quiet_from": "", "quiet_to": "", "digest": "none"}
CURVE_FORM: Final = {"by10": "10 April 2027", "by50": "20 April 2027", "by90": "9 May 2027", "never": "20%", "points": "2"}
API, Q, T = "/api/v1", "/api/v1/questions/{id}", "/api/v1/tallies"

ROWS: Final[dict[str, Row]] = {
    f"GET {API}/questions": Row(), f"POST {API}/questions": Row("plays", ASKED),
    f"GET {Q}": Row(), f"GET {Q}/curve": Row(), f"GET {Q}/history": Row(), f"GET {Q}/bets": Row(), f"GET {Q}/live": Row(),
    f"POST {Q}/bets": Row("bets", BET), f"POST {Q}/quote": Row("", BET), f"POST {Q}/sell": Row("bets", {"window": "May"}, "held"),
    f"POST {Q}/stakes": Row("bets", {"slot": "never", "points": "2"}), f"POST {Q}/guesses": Row("bets", {"guess": "3 May 2027"}),
    f"POST {Q}/forecast": Row("bets", {"curve": CURVE, "points": "2"}), f"POST {Q}/notes": Row("plays", NOTE),
    f"POST {Q}/collect": Row("plays", {}, "", (409,)), f"POST {Q}/close": Row("rules"),
    f"POST {Q}/ruling/preview": Row("rules", {"outcome": "13 March 2027"}),
    f"POST {Q}/ruling": Row("rules", RULED), f"POST {Q}/void": Row("ends", {"reason": "The house was sold"}),
    f"POST {Q}/correct": Row("rules", AGAIN, "ruled"),
    f"GET {T}": Row(), f"POST {T}": Row("plays", {"name": "Stuck", "terms": "It stands.", "since": "1 January 2027"}), f"GET {T}/{{id}}": Row(),
    f"POST {T}/{{id}}/occurrences": Row("plays", {"when": "1 March 2027", "evidence": "Seen"}, "tally"),
    f"POST {T}/{{id}}/strike": Row("keeps", {"version": 2, "reason": "No"}, "recorded"),
    f"GET {API}/record": Row(), f"GET {API}/players/{{name}}": Row(), f"GET {API}/tables": Row(), f"GET {API}/review": Row(), f"GET {API}/me": Row(),
    f"GET {API}/me/ledger": Row(),
    f"POST {API}/me/password": Row("", {"old": PASSWORD, "new": "short"}, status=(422,)), f"GET {API}/members": Row(), f"GET {API}/crews": Row(),
    f"POST {API}/crews": Row("by oneself", {"name": "Another"}), f"POST {API}/grants": Row("", {"to": "house", "points": "1", "reason": "x"}),
    f"POST {API}/invitations": Row(),
    f"GET {API}/tokens": Row(), f"POST {API}/tokens": Row("", {"name": "x"}), f"DELETE {API}/tokens/{{token}}": Row("", {}, "token"),
    f"POST {API}/sessions": Row("", {"name": "Nils", "password": PASSWORD}, "account"), f"DELETE {API}/sessions": Row("", {}, "session"),
    f"GET {API}/openapi.json": Row(),
    f"GET {API}/me/passkeys": Row(), f"POST {API}/me/passkeys/options": Row(status=(409,)),
    f"POST {API}/me/passkeys": Row("", {"name": "x", "id": "x", "client_data": "x", "attestation": "x"}, status=(409,)),
    f"DELETE {API}/me/passkeys/{{passkey}}": Row("absent"),
    f"DELETE {API}/me": Row("", {"name": "somebody else"}, status=(422,)), f"GET {API}/inbox": Row(), f"POST {API}/inbox/read": Row("", {"upto": 1}),
    f"POST {API}/inbox/{{id}}/ack": Row("told"), f"GET {API}/notifications": Row(), f"POST {API}/notifications": Row("", HABIT),
    f"GET {API}/channels": Row(),
    f"POST {API}/channels": Row("", {"kind": "email", "address": "x"}, status=(409,)),
    f"POST {API}/channels/confirm": Row("", {"code": "x"}, status=(410,)),
    f"POST {API}/channels/{{channel}}": Row("absent", {"on": True}),
    f"POST {API}/channels/{{channel}}/ask": Row("absent"), f"DELETE {API}/channels/{{channel}}": Row("absent"), f"GET {API}/invitations": Row(),
    f"POST {API}/invitations/{{invitation}}/accept": Row(status=(410,)), f"POST {API}/invitations/{{invitation}}/decline": Row(status=(410,)),
    f"GET {API}/crew/invitations": Row(),
    f"POST {API}/crew/invitations": Row("", {"name": "Nils"}, status=(200, 409)), f"DELETE {API}/crew/invitations/{{invitation}}": Row("absent"),
    f"POST {API}/sessions/passkey/options": Row("", {"name": "Nils"}, status=(409,)),
    f"POST {API}/sessions/passkey": Row("", {"id": "x", "client_data": "x", "authenticator_data": "x", "signature": "x"}, status=(409,)),
    "POST /me/invitation": Row("", {"invitation": "x", "answer": "accept"}, status=(410,)),
    "POST /me/password": Row("", {"old": PASSWORD, "new": "short"}, status=(422,)),
    "POST /me/passkey/remove": Row("absent", {"passkey": "x"}),
    "POST /me/erase": Row("", {"name": "somebody else"}, status=(422,)), "GET /me/notifications": Row(),
    "POST /me/notifications/habit": Row("", HABIT),
    "POST /me/notifications/add": Row("", {"kind": "email", "address": "x"}, status=(409,)),
    "POST /me/notifications/change": Row("absent", {"channel": "x", "what": "remove"}), "GET /inbox": Row(),
    "POST /inbox/read": Row("", {"upto": "1"}), "POST /inbox/{id}/ack": Row("told"),
    "POST /crew/invite/name": Row("", {"name": "Nils"}, status=(200, 303, 409)), "POST /crew/invite/withdraw": Row("absent", {"invitation": "x"}),
    "GET /confirm/{secret}": Row(), "POST /confirm/{secret}": Row(status=(410,)),
    "GET /unsubscribe/{secret}": Row(), "POST /unsubscribe/{secret}": Row(),
    f"POST {Q}/sealed": Row("bets", SEAL, status=(409,)), f"POST {Q}/sealed/withdraw": Row("plays", {"number": 1}, status=(409,)),  # without a bell
    "POST /q/{id}/sealed": Row("bets", SEAL, status=(409,)), "POST /q/{id}/sealed/withdraw": Row("plays", {"number": "1"}, status=(409,)),
    f"POST {Q}/comments": Row("plays", {"text": "Well"}), f"POST {Q}/thanks": Row("plays", {"version": "{version}"}, "noted"),
    f"POST {Q}/agree": Row("about", status=(409,)), f"POST {Q}/withdraw": Row("about", {}, "anew"), f"POST {Q}/halt": Row("halts", WHY, "anew"),
    f"POST {Q}/resume": Row("halts", {}, "halted"),
    f"POST {Q}/dispute": Row("disputes", WHY, "to be disputed"), f"POST {Q}/judge": Row("judges", {"verdict": "stands", **WHY}, "disputed"),
    f"POST {Q}/vote": Row("plays", {"choice": "stands"}, status=(409,)),
    f"GET {Q}/duties": Row(), f"POST {Q}/duties": Row("hosts", {"duty": "host", "to": "Nils"}, "anew"),
    f"POST {Q}/duties/accept": Row("is offered it", {"duty": "host"}, "offered"),
    f"POST {Q}/duties/decline": Row("in the offer", {"duty": "host"}, "offered"), f"GET {API}/crew": Row(),
    f"POST {API}/crew/settings": Row("", {"name": "{fresh}"}),
    f"POST {API}/crew/alarm": Row("", WHY), f"POST {API}/crew/all-clear": Row("", {}, "alarmed"),
    f"POST {API}/crew/players": Row("", {"name": "{fresh}"}, "a guest"),
    f"POST {API}/crew/remove": Row("", {"name": "{fresh}", **WHY}, "a guest"), f"POST {API}/crew/leave": Row("", status=(200, 409)),
    f"GET {API}/crew/duties": Row(),
    f"POST {API}/crew/duties": Row("owns", {"duty": "owner", "to": "Nils"}),
    f"POST {API}/crew/duties/accept": Row("", {"duty": "owner"}, status=(409,)),
    f"POST {API}/crew/duties/decline": Row("", {"duty": "owner"}, status=(200, 409)),
    f"GET {API}/feed": Row(), "POST /q/{id}/comment": Row("plays", {"text": "Well"}),
    "POST /q/{id}/thank": Row("plays", {"version": "{version}"}, "noted"), "POST /q/{id}/agree": Row("about", status=(409,)),
    "POST /q/{id}/withdraw": Row("about", {}, "anew"), "POST /q/{id}/halt": Row("halts", WHY, "anew"),
    "POST /q/{id}/resume": Row("halts", {}, "halted"), "POST /q/{id}/dispute": Row("disputes", WHY, "to be disputed"),
    "POST /q/{id}/judge": Row("judges", {"verdict": "stands", **WHY}, "disputed"),
    "POST /q/{id}/vote": Row("plays", {"choice": "stands"}, status=(409,)),
    "POST /q/{id}/duty/offer": Row("hosts", {"duty": "host", "to": "Nils"}, "anew"),
    "POST /q/{id}/duty/accept": Row("is offered it", {"duty": "host"}, "offered"),
    "POST /q/{id}/duty/decline": Row("in the offer", {"duty": "host"}, "offered"), "POST /me/oidc": Row(status=(409,)),
    "POST /me/oidc/remove": Row("absent"),
    "GET /feed": Row(), "POST /crew/settings": Row("", {"name": "{fresh}"}), "POST /crew/alarm": Row("", WHY),
    "POST /crew/all-clear": Row("", {}, "alarmed"), "POST /crew/player": Row("", {"name": "{fresh}"}, "a guest"),
    "POST /crew/remove": Row("", {"name": "{fresh}", **WHY}, "a guest"), "POST /crew/leave": Row("", status=(303, 409)),
    "POST /crew/duty/offer": Row("owns", {"duty": "owner", "to": "Nils"}),
    "POST /crew/duty/accept": Row("", {"duty": "owner"}, status=(409,)), "POST /crew/duty/decline": Row("", {"duty": "owner"}, status=(303, 409)),
    "POST /oidc/start": Row(status=(409,)), "GET /oidc/callback": Row(status=(409,)),
    "GET /": Row(), "GET /q/{id}": Row(), "GET /q/{id}/fragment": Row(), "GET /q/{id}/live": Row(), "GET /q/{id}/quote": Row(),
    "POST /q/{id}/bet": Row("bets", BET), "POST /q/{id}/sell": Row("bets", {"window": "May"}, "held"),
    "POST /q/{id}/collect": Row("plays", {}, "", (409,)),
    "POST /q/{id}/stake": Row("bets", {"slot": "never", "points": "2"}), "POST /q/{id}/guess": Row("bets", {"guess": "3 May 2027"}),
    "POST /q/{id}/forecast": Row("bets", CURVE_FORM), "POST /q/{id}/note": Row("plays", NOTE),
    "POST /q/{id}/close": Row("rules"), "GET /q/{id}/ruling": Row(),
    "POST /q/{id}/ruling": Row("rules", {"what": "rule", "outcome": "13 March 2027"}),
    "POST /q/{id}/rule": Row("rules", RULED), "POST /q/{id}/void": Row("ends", {"reason": "The house was sold"}),
    "POST /q/{id}/correct": Row("rules", AGAIN, "ruled"),
    "GET /ask": Row(), "POST /ask": Row("plays", {**ASKED, "market": "1"}), "GET /tallies": Row(),
    "POST /tallies": Row("plays", {"name": "Stuck", "terms": "It stands.", "since": "1 January 2027"}),
    "GET /tallies/new": Row(), "GET /tallies/{id}": Row(),
    "POST /tallies/{id}/record": Row("plays", {"when": "1 March 2027", "evidence": "Seen"}, "tally"),
    "POST /tallies/{id}/strike": Row("keeps", {"version": "2", "reason": "No"}, "recorded"), "GET /record": Row(), "GET /players/{name}": Row(),
    "GET /tables": Row(), "GET /crew/review": Row(),
    "GET /me": Row(), "POST /me/token": Row("", {"name": "x"}), "POST /me/token/revoke": Row("", {"token": "{token}"}, "token"),
    "GET /crew": Row(), "POST /crew/invite": Row(),
    "POST /crew/grant": Row("", {"to": "house", "points": "1", "reason": "x"}), "GET /crews": Row(),
    "POST /crews": Row("", {"name": "Another", "zone": "UTC"}),
    "GET /sign-in": Row(), "POST /sign-in": Row("", {"name": "Nils", "password": PASSWORD}, "account"),
    "POST /sign-out": Row("", {}, "session"),
    "GET /setup/{secret}": Row(status=(410,)),
    "POST /setup/{secret}": Row("", {"crew": "x", "zone": "UTC", "name": "Nils", "password": PASSWORD}, status=(410,)),
    "GET /join/{secret}": Row("", {}, "invitation"), "POST /join/{secret}": Row("", {"name": "{fresh}", "password": PASSWORD}, "invitation"),
    "GET /link/{secret}": Row("", {}, "link"), "GET /help": Row(), "GET /static/{name:path}": Row(), "GET /healthz": Row(),
}  # fmt: skip

# ---- the world -------------------------------------------------------------------------------------------------------------------


class Scene:
    """Two crews with everybody in them, and the means to make an object anew for each cell that could change it."""

    def __init__(self, world: World) -> None:
        self.world, self.count = world, itertools.count()
        self.ids: dict[str, str] = {}
        self.sessions: dict[str, str] = {}
        self.tokens: dict[str, str] = {}
        self.questions: dict[str, str] = {}
        self.tallies: dict[str, str] = {}

    async def do(self, crew: str, name: str, body: c.Command) -> Any:
        done = await self.world.service.submit(c.Envelope(crew, self.ids[name], f"matrix-{next(self.count)}", body))
        assert not isinstance(done, Refusal), f"{name}: {body}: {done}"
        return done

    async def people(self) -> None:
        """Everybody, by an account of their own; how each becomes what ``KINDS`` says of them."""
        await self.world.owner("Olga")
        self.ids["Olga"] = next(iter(self.world.people.names()))
        for name in [kind.name for kind in KINDS.values() if kind.name not in (None, "Olga")] + ["Nils"]:
            self.ids[str(name)] = await self._account(str(name))
        for name, player in self.ids.items():
            if name != "Fay":
                await self.joins(CREW, name, guest=name == "Gus")
            begun = await self.world.people.link(player)
            assert isinstance(begun, Issued)
            opened = await self.world.people.open_link(begun.secret)
            assert not isinstance(opened, Refusal)
            self.sessions[name] = opened.secret
        token = await self.world.people.new_token(self.ids["Tom"], "script")
        assert isinstance(token, Issued)
        self.tokens["Tom"] = token.secret
        await self.do(OTHER, "Fay", c.OpenCrew("The Choir", "UTC", dispute=0))
        await self.do(OTHER, "Nils", c.Join())
        for crew, owner, host in ((CREW, "Olga", "Hanna"), (OTHER, "Fay", "Fay")):
            await self.do(crew, owner, c.Grant(self.ids[host], 10**12, "to ask with"))
            self.questions[crew] = await self.question(crew)
            self.tallies[crew] = await self.tally(crew)

    async def _account(self, name: str) -> str:
        issued = await self.world.people.invite(self.ids["Olga"])
        assert isinstance(issued, Issued)
        begun = await self.world.people.sign_up(issued.secret, "join", name, PASSWORD)
        assert not isinstance(begun, Refusal)
        return begun.player

    async def joins(self, crew: str, name: str, guest: bool = False) -> None:
        if self.world.service.role(self.ids[name]) == "nobody":
            await self.do(crew, name, c.Join(guest=guest))

    async def tally(self, crew: str) -> str:
        """A tally of Hanna's, or of Fay's in her crew."""
        return str((await self.do(crew, "Hanna" if crew == CREW else "Fay", c.OpenTally("Stuck", "It stands.", "1 January 2027"))).tally)

    async def question(self, crew: str, agreed: bool = True, dispute: int | None = None) -> str:
        """A question played in every way; in the first crew Hanna asks it, Rita rules, and it is about Sam, who has agreed."""
        host, resolver, about = ("Hanna", "Rita", ["Sam"]) if crew == CREW else ("Fay", "Fay", [])
        asked = c.Ask(
            "When?", "When it works.", "UTC", Grain.DAY, "1 April 2027", "1 June 2027", self.ids[resolver], 10_000_000, subsidy_from="host",
            tote=c.ToteTerms("week"), closest=c.ClosestTerms(stake=1_000_000, many=True), forecast=True,
            subjects=tuple(self.ids[name] for name in about), dispute=dispute,
        )  # type: ignore[arg-type]  # fmt: skip
        question = str((await self.do(crew, host, asked)).question)
        for name in about if agreed else ():
            await self.do(crew, name, c.Agree(question))
        return question

    async def message(self) -> str:
        """The number of an urgent message to Sam: of a question that waits for his word."""
        await self.question(CREW, agreed=False)
        notices = self.world.service.messages.inbox(CREW, self.ids["Sam"]).notices
        return str(next(notice.id for notice in notices if notice.urgent))

    def written(self) -> Any:
        """What changes whenever anything is written to the file."""
        return self.world.service.database.read("PRAGMA data_version")

    def as_(self, kind: Kind) -> dict[bytes, bytes]:
        """The headers by which a kind of visitor says who it is."""
        if kind.name is None:
            return {}
        if kind.by_token:
            return {b"authorization": f"Bearer {self.tokens[kind.name]}".encode()}
        return {b"cookie": f"anyday={self.sessions[kind.name]}".encode()}

    async def request(self, route: Route, path: str, body: dict[str, Any], headers: dict[bytes, bytes]) -> tuple[int, str, bytes]:
        """One request, straight to the application: its status, where it leads, and its body. Streams are left after their first word."""
        sent = {b"host": HOST.encode(), b"origin": ORIGIN.encode(), **headers}
        content = b""
        if route.input is Form:
            sent[b"content-type"], content = b"application/x-www-form-urlencoded", urllib.parse.urlencode(body).encode()
        elif route.input is not None:
            sent[b"content-type"], content = b"application/json", json.dumps(body).encode()
        status, leads, parts = 0, "", list[bytes]()
        arrived = iter([{"type": "http.request", "body": content, "more_body": False}])

        async def receive() -> dict[str, Any]:
            return next(arrived, {"type": "http.disconnect"})

        async def send(message: Any) -> None:
            nonlocal status, leads
            if message["type"] == "http.response.start":
                status = message["status"]
                leads = dict(message["headers"]).get(b"location", b"").decode()
            parts.append(message.get("body", b""))

        raw, _, query = path.partition("?")
        scope = {
            "type": "http", "method": route.method, "path": urllib.parse.unquote(raw), "raw_path": raw.encode(), "query_string": query.encode(),
            "headers": list(sent.items()), "scheme": "http", "client": (f"2001:db8:{next(self.count):x}::7", 5), "root_path": "",
            "http_version": "1.1", "server": None,
        }  # fmt: skip
        if route.path.endswith("/live"):
            next(arrived)
        await self.world.app(scope, receive, send)
        return status, leads, b"".join(parts)


#: What is prepared on a question of its own.
ANEW: Final = ("anew", "noted", "halted", "to be disputed", "disputed", "offered")


async def _left_as_it_was(scene: Scene, crew: str) -> None:
    """What a cell did to the crew itself is undone: an alarm is lifted, whoever left comes back."""
    owner = "Olga" if crew == CREW else "Fay"
    await scene.world.service.submit(c.Envelope(crew, scene.ids[owner], f"matrix-{next(scene.count)}", c.AllClear()))
    for name in [kind.name for kind in KINDS.values() if kind.name not in (None, "Fay")] if crew == CREW else []:
        await scene.joins(crew, str(name), guest=name == "Gus")


async def _prepared(scene: Scene, row: Row, crew: str, kind: Kind) -> dict[str, str]:
    """What a cell's address and body name: objects of the crew, made anew where the cell could use them up."""
    facts = dict.fromkeys(("token", "passkey", "channel", "invitation"), "none")
    facts |= {"id": scene.questions[crew], "secret": "x" * 22, "name": "Pia" if crew == CREW else "Fay", "name:path": "app.css"}
    facts |= {"fresh": f"new{next(scene.count)}", "version": "1"}
    olga = scene.ids["Olga"]
    if row.right in ("bets", "rules", "ends") or row.prepared in ANEW:
        facts["id"] = await scene.question(crew, dispute=DAY if "disputed" in row.prepared else None)
    owner, ruler, host = ("Olga", "Rita", "Hanna") if crew == CREW else ("Fay", "Fay", "Fay")
    match row.prepared:
        case "noted":
            noted = await scene.do(crew, "Nils", c.Note(facts["id"], "news", "A mechanic came", "yesterday", "seen"))
            facts["version"] = str(noted.version)
        case "halted":
            await scene.do(crew, owner, c.Halt(facts["id"], "to look"))
        case "to be disputed" | "disputed":
            await scene.do(crew, ruler, c.Rule(facts["id"], "11 March 2027", "seen"))
            if row.prepared == "disputed":
                await scene.do(crew, "Nils", c.Dispute(facts["id"], "it was not so"))
        case "offered":
            await scene.do(crew, host, c.HandOver("host", scene.ids["Pia" if crew == CREW else "Nils"], facts["id"]))
        case "alarmed":
            await scene.do(crew, owner, c.Alarm("to look"))
        case "a guest":
            guest = await scene.world.people.add_player(facts["fresh"])
            assert isinstance(guest, str)
            scene.ids[facts["fresh"]] = guest
            await scene.do(crew, facts["fresh"], c.Join(guest=True))
        case "held" if kind.name is not None:  # by whoever may hold something
            bet = c.Bet(facts["id"], "May", spend=2_000_000)
            await scene.world.service.submit(c.Envelope(crew, scene.ids[kind.name], f"held-{next(scene.count)}", bet))
        case "ruled":
            await scene.do(crew, "Rita" if crew == CREW else "Fay", c.Rule(facts["id"], "11 March 2027", "seen"))
        case "tally" | "recorded":
            facts["tally"] = await scene.tally(crew)
            if row.prepared == "recorded":
                await scene.do(crew, "Hanna" if crew == CREW else "Fay", c.Record(facts["tally"], "1 February 2027", "seen"))
        case "token" if kind.name is not None:
            for name, fact in ((kind.name, "token"), ("Nils", "other's token")):
                before = {token.id for token in scene.world.people.tokens(scene.ids[name])}
                if len(before) < 5 or name != "Nils":
                    assert isinstance(await scene.world.people.new_token(scene.ids[name], "to revoke"), Issued)
                facts[fact] = next(token.id for token in scene.world.people.tokens(scene.ids[name]) if token.id not in before or name == "Nils")
        case "session" if kind.name is not None:
            issued = await scene.world.people.link(scene.ids[kind.name])
            assert isinstance(issued, Issued)
            begun = await scene.world.people.open_link(issued.secret)
            assert not isinstance(begun, Refusal)
            scene.sessions[kind.name] = begun.secret
        case "invitation":
            issued = await scene.world.people.invite(olga)
            assert isinstance(issued, Issued)
            facts["secret"] = issued.secret
        case "link":
            issued = await scene.world.people.link(scene.ids["Nils"])
            assert isinstance(issued, Issued)
            facts["secret"] = issued.secret
    return facts


# ---- what is expected ------------------------------------------------------------------------------------------------------------

OBJECTS: Final = ("own", "another crew's, by its address", "another crew's, by its id", "none")


def expected(route: Route, row: Row, kind: Kind, whose: str, open_to_read: bool = False) -> str:
    """In: what the route does is done, or refused for what it is. Else why not: ``sign in``, ``not allowed``, ``not found``."""
    bound_elsewhere = kind.by_token and whose == "another crew's, by its address"  # a token is for one crew, whoever may read the others
    if route.who is not Who.ANYONE and not (route.who is Who.READER and open_to_read and not bound_elsewhere):
        if kind.name is None:
            return "sign in"
        if route.who is Who.HOLDER and kind.by_token:
            return "not allowed"
        if whose == "another crew's, by its address":
            return "not found"
        if route.who is Who.OWNER and not kind.owns:
            return "not allowed"
    if row.right in PLAYING and not kind.plays and route.api:
        return "not allowed"  # while a page that refuses shows what it is about, and finds that first
    if whose in ("another crew's, by its id", "none"):
        return "not found"
    if row.right == "absent" or (row.right == "told" and not kind.told_of):
        return "not found"
    refused = "not offered" if row.right in OFFERED else "not allowed"
    return "in" if RIGHTS[row.right](kind) else refused


def answered(status: int, leads: str, body: bytes) -> str:
    """What an answer comes to, in the same words."""
    if status == 401 or leads.startswith("/sign-in?next="):
        return "sign in"
    if status == 0:
        return leads
    if status in (403, 404):
        return {403: "not allowed", 404: "not found"}[status]
    return "in" if status < 500 else f"broken: {status}"


def cells(routes: tuple[Route, ...] = ROUTES) -> Iterator[tuple[Route, str, str]]:
    """Every cell that there is: an address without an object has no foreign one by its id."""
    for route in routes:
        named = re.search(r"\{(id|name|token)\}", route.path) or route.path == "/me/token/revoke"
        for kind in KINDS:
            for whose in OBJECTS:
                if named or whose in OBJECTS[:2]:
                    yield route, kind, whose


async def ask(scene: Scene, route: Route, kind: Kind, whose: str) -> tuple[int, str, bytes, bool]:
    """One cell: how it is answered, and whether anything was written."""
    row = ROWS[f"{route.method} {route.path}"]
    mine, other = (OTHER, CREW) if kind.name == "Fay" else (CREW, OTHER)
    crew = other if whose.startswith("another") else mine
    # what is refused for whose it is needs no object of its own
    plain = route.who is not Who.ANYONE and (kind.name is None or (whose != "own" and row.prepared not in ("token", "session")))
    facts = await _prepared(scene, replace(row, right="", prepared="") if plain else row, crew, kind)
    if whose == OBJECTS[2]:
        facts["token"] = facts.get("other's token", "none")
    if whose == "none":
        facts |= {"id": "nothing", "name": "Nobody", "token": "nothing"}
    if row.right == "told":
        facts["id"] = await scene.message() if whose == "own" else "999999"
    if "tallies" in route.path and whose != "none":
        facts["id"] = facts.get("tally", scene.tallies[crew])
    fill = re.compile(r"\{([a-z:]+)\}")
    path = fill.sub(lambda found: facts[found.group(1)], route.path)
    if row.right == "" and route.path == "/q/{id}/quote":
        path += "?window=May&points=2"
    body = {name: fill.sub(lambda found: facts[found.group(1)], value) if isinstance(value, str) else value for name, value in row.body.items()}
    if route.api and "version" in body:
        body["version"] = int(body["version"]) if str(body["version"]).isdecimal() else 1
    base = f"/c/{OTHER if (kind.name == 'Fay') != (whose == OBJECTS[1]) else CREW}"
    before = scene.written()
    status, leads, answer = await scene.request(route, path if route.path.startswith("/static") else base + path, body, scene.as_(kind))
    wrote = scene.written() != before
    if "/crew/" in route.path:
        await _left_as_it_was(scene, crew)
    return status, leads, answer, wrote


class Outcome(NamedTuple):
    """What a matrix came to: how many cells ended in each way, and which ended in another than expected."""

    counts: Counter[tuple[str, str]]
    wrong: list[str]


async def walk(world: World, routes: tuple[Route, ...] = ROUTES, open_to_read: bool = False) -> Outcome:
    """Every cell of these routes."""
    scene = Scene(world)
    await scene.people()
    found = Outcome(Counter(), [])
    for route, name, whose in cells(routes):
        row, kind = ROWS[f"{route.method} {route.path}"], KINDS[name]
        status, leads, body, wrote = await ask(scene, route, kind, whose)
        if row.right in OFFERED and status == 409:
            status, leads = 0, "not offered"
        want, got = expected(route, row, kind, whose, open_to_read), answered(status, leads, body)
        found.counts[name, got] += 1
        right = want == got and (got != "in" or status in row.status)
        found.counts[name, "wrote"] += wrote
        if not right or (got != "in" and wrote):
            found.wrong.append(f"{route.method} {route.path}, {name}, {whose}: {want} expected, {got} ({status}){' and wrote' if wrote else ''}")
    return found


def test_every_route_has_its_row_and_every_row_its_route() -> None:
    routes = [f"{route.method} {route.path}" for route in ROUTES]
    assert sorted(ROWS) == sorted(routes)
    assert {row.right for row in ROWS.values()} == set(RIGHTS)
    for route in ROUTES:
        body = ROWS[f"{route.method} {route.path}"].body
        assert route.input is not None or not body
        if route.input not in (None, Form):
            msgspec.convert({name: 1 if value == "{version}" else value for name, value in body.items()}, route.input)


def test_every_route_answers_every_visitor_as_its_row_says(play: Callable[..., Any], capsys: pytest.CaptureFixture[str]) -> None:
    counts, wrong = play(walk)
    assert wrong == []
    words = ("in", "sign in", "not allowed", "not found")
    with capsys.disabled():
        print(f"\n{len(ROUTES)} routes, {len(KINDS)} kinds of visitor, {len(list(cells())):,} cells")
        for name in KINDS:
            print(f"  {name:<24}" + "".join(f"{counts[name, word]:>6} {word}" for word in words))
    wrote = {name: counts.pop((name, "wrote")) for name in KINDS}
    assert wrote["nobody"] < 20 and min(count for name, count in wrote.items() if name != "nobody") > 10, "control: what is done is seen"
    assert counts.total() == len(list(cells())) > 2_000
    assert all(counts[name, word] for name in KINDS for word in ("in", "not allowed", "not found") if name not in ("nobody",))


def test_an_open_server_lets_everybody_read_and_nobody_do_anything(play: Callable[..., Any]) -> None:
    async def story(world: World) -> Outcome:
        return await walk(world, tuple(route for route in ROUTES if route.who is Who.READER), open_to_read=True)

    counts, wrong = play(story, open_to_read=True)
    assert wrong == [] and counts["nobody", "in"] > 20


@pytest.mark.parametrize("broken", ["the door", "the crew", "the rules"])
def test_control_a_hole_in_any_wall_is_found(broken: str, play: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The same walk where the door lets in whoever has a name, where foreigners may read any crew, where guests play."""
    few = (f"POST {Q}/close", f"GET {Q}", f"POST {API}/grants", f"POST {Q}/notes")
    some = tuple(route for route in ROUTES if f"{route.method} {route.path}" in few)
    if broken == "the door":
        door = surface.admit
        monkeypatch.setattr(surface, "admit", lambda route, visitor, place: None if visitor.player else door(route, visitor, place))
    elif broken == "the crew":
        monkeypatch.setattr(places, "readable", lambda service: True)
        monkeypatch.setattr(surface, "readable", lambda service: True)
    else:
        monkeypatch.setattr(decide, "GUESTS_MAY", c.Command)

    async def story(world: World) -> Outcome:
        return await walk(world, some)

    assert play(story).wrong


def test_nothing_that_is_sent_to_a_question_changes_what_was_asked(play: Callable[..., Any]) -> None:
    """The terms are those of the first event, which every later one is chained to: no route has a way to say others, and extra fields say nothing."""
    others = {"title": "Another", "terms": "Others.", "source": "x", "zone": "Asia/Tokyo", "origin": "2 April 2027", "horizon": "1 July 2027"}

    async def story(world: World) -> int:
        scene = Scene(world)
        await scene.people()
        sent = 0
        for route in ROUTES:
            row = ROWS[f"{route.method} {route.path}"]
            if route.method == "GET" or ("questions/{id}" not in route.path and "/q/{id}" not in route.path):
                continue
            question = await scene.question(CREW)
            await scene.do(CREW, "Pia", c.Bet(question, "May", spend=2_000_000))
            opened = next(line for line in world.record() if line[0] == f"question/{question}")
            for name in ("Rita", "Hanna", "Olga", "Sam"):
                kind = next(kind for kind in KINDS.values() if kind.name == name)
                body = {**row.body, **others} if route.input is Form else others
                await scene.request(route, f"/c/{CREW}{route.path.replace('{id}', question)}", body, scene.as_(kind))
                sent += 1
            view = world.service.question(question, scene.ids["Olga"])
            assert not isinstance(view, Refusal) or view.reason is Reason.NOT_FOUND
            if not isinstance(view, Refusal):
                assert (view.title, view.terms, view.zone, view.source) == ("When?", "When it works.", "UTC", "")
                assert (view.origin, view.horizon) == ("2027-04-01T00:00:00Z", "2027-06-01T00:00:00Z")
            assert opened in world.record()
        return sent

    assert play(story) > 100
