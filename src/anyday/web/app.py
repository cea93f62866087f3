"""The whole surface on one screen: every address, what it takes, what it answers, who may. And the application made of it.

A route without a declared rule cannot be made (``Route`` asks for it), and only what stands in ``ROUTES`` is served, each also
under ``/c/<crew>``, which names the crew that it is about. Three routes are used so much that they are found before the router:
bet, quote and the live stream.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from starlette.applications import Starlette
from starlette.routing import Route as Address

from anyday import wire
from anyday.people import tokens
from anyday.refusals import Reason, Refusal
from anyday.web import accounts, api, bell, crews, entering, fair, files, inbox, oidc, pages, passkeys, records, signing, site, tallies
from anyday.web.live import Hub, live
from anyday.web.places import PREFIX, place_of, within
from anyday.web.session import Headers, Visitor, identify, networks, peer_of
from anyday.web.surface import Form, House, Receive, Route, Scope, Send, Who, refuse, reply, serve, shown
from anyday.wire import fair as told_fair
from anyday.wire import told

if TYPE_CHECKING:
    from anyday.service import Service

PLAY, READ = tokens.PLAY, tokens.READ
ANYONE, READER, ACCOUNT, MEMBER, HOLDER, OWNER = Who.ANYONE, Who.READER, Who.ACCOUNT, Who.MEMBER, Who.HOLDER, Who.OWNER
_form = fair.form_of
V1: Final = "/api/v1"
Q: Final = "/api/v1/questions/{id}"

ROUTES: Final[tuple[Route, ...]] = (
    Route("GET", f"{V1}/questions", api.board, None, tuple[wire.QuestionCard, ...], READER, "Every question as a card"),
    Route("POST", f"{V1}/questions", api.ask, wire.AskIn, wire.Receipt, MEMBER, "Ask a question"),
    Route("GET", Q, api.question, None, wire.QuestionView, READER, "A question whole"),
    Route("GET", f"{Q}/curve", api.curve, None, wire.CurveView, READER, "The curve as it stands"),
    Route("GET", f"{Q}/history", api.history, None, tuple[wire.HistoryPoint, ...], READER, "How the curve stood over time"),
    Route("GET", f"{Q}/bets", api.bets, None, tuple[wire.BetView, ...], READER, "The newest bets, without names"),
    Route("POST", f"{Q}/bets", api.bet, wire.BetIn, wire.Receipt, MEMBER, "Bet on a window", PLAY),
    Route("POST", f"{Q}/quote", api.quote, wire.QuoteIn, wire.QuoteView, READER, "What a bet or a sale would do", READ),
    Route("POST", f"{Q}/sell", api.sell, wire.SellIn, wire.Receipt, MEMBER, "Sell what one holds", PLAY),
    Route("POST", f"{Q}/sealed", bell.seal, wire.bell.SealIn, wire.Receipt, MEMBER, "Seal a bet until the bell, or change one's own", PLAY),
    Route("POST", f"{Q}/sealed/withdraw", bell.unseal, wire.bell.UnsealIn, wire.Receipt, MEMBER, "Withdraw one's own sealed bet", PLAY),
    Route("POST", f"{Q}/stakes", api.stake, wire.StakeIn, wire.Receipt, MEMBER, "Stake points on a slot of the tote", PLAY),
    Route("POST", f"{Q}/guesses", api.guess, wire.GuessIn, wire.Receipt, MEMBER, "Guess, sealed until entries close", PLAY),
    Route("POST", f"{Q}/forecast", api.forecast, wire.ForecastIn, wire.Receipt, MEMBER, "State a curve, sealed until the ruling", PLAY),
    Route("POST", f"{Q}/notes", api.note, wire.NoteIn, wire.Receipt, MEMBER, "Put a near miss or news on the timeline", PLAY),
    Route("POST", f"{Q}/collect", api.collect, wire.EmptyIn, wire.Receipt, MEMBER, "Turn a position's floor into points", PLAY),
    Route("POST", f"{Q}/close", api.close, wire.EmptyIn, wire.Receipt, MEMBER, "Stop the betting"),
    Route("POST", f"{Q}/ruling/preview", api.preview, wire.PreviewIn, wire.RulingTotals, MEMBER, "What a ruling would do"),
    Route("POST", f"{Q}/ruling", api.rule, wire.RuleIn, wire.Receipt, MEMBER, "Declare the outcome"),
    Route("POST", f"{Q}/void", api.void, wire.VoidIn, wire.Receipt, MEMBER, "Call the question off"),
    Route("POST", f"{Q}/correct", api.correct, wire.CorrectIn, wire.Receipt, MEMBER, "Replace a ruling"),
    Route("POST", f"{Q}/comments", fair.comment, told_fair.CommentIn, wire.Receipt, MEMBER, "Comment on the timeline", PLAY),
    Route("POST", f"{Q}/thanks", fair.thank, told_fair.ThankIn, wire.Receipt, MEMBER, "Thank for what stands on the timeline", PLAY),
    Route("POST", f"{Q}/agree", fair.agree, wire.EmptyIn, wire.Receipt, MEMBER, "Agree to a question about you"),
    Route("POST", f"{Q}/withdraw", fair.withdraw, wire.EmptyIn, wire.Receipt, MEMBER, "Do not agree to a question about you"),
    Route("POST", f"{Q}/halt", fair.halt, told_fair.ReasonIn, wire.Receipt, MEMBER, "Halt a question"),
    Route("POST", f"{Q}/resume", fair.resume, wire.EmptyIn, wire.Receipt, MEMBER, "Let betting on a halted question go on"),
    Route("POST", f"{Q}/dispute", fair.dispute, told_fair.ReasonIn, wire.Receipt, MEMBER, "Dispute a ruling"),
    Route("POST", f"{Q}/judge", fair.judge, told_fair.JudgeIn, wire.Receipt, MEMBER, "Decide a dispute"),
    Route("POST", f"{Q}/vote", fair.vote, told_fair.VoteIn, wire.Receipt, MEMBER, "Vote where the crew decides"),
    Route("GET", f"{Q}/duties", fair.duties, None, tuple[told_fair.HeldView, ...], MEMBER, "Who held which duty when"),
    Route("POST", f"{Q}/duties", fair.hand_over, told_fair.HandOverIn, wire.Receipt, MEMBER, "Offer a duty to another"),
    Route("POST", f"{Q}/duties/accept", fair.accept, told_fair.DutyIn, wire.Receipt, MEMBER, "Accept a duty"),
    Route("POST", f"{Q}/duties/decline", fair.decline, told_fair.DutyIn, wire.Receipt, MEMBER, "Decline a duty, or take an offer back"),
    Route("GET", f"{Q}/live", live, None, None, READER, "The question's versions as they come (server-sent events)"),
    Route("GET", f"{V1}/tallies", tallies.listed, None, tuple[wire.TallyCard, ...], READER, "The crew's tallies"),
    Route("POST", f"{V1}/tallies", tallies.start, wire.TallyIn, wire.Receipt, MEMBER, "Open a tally"),
    Route("GET", f"{V1}/tallies/{{id}}", tallies.tally, None, wire.TallyView, READER, "A tally whole"),
    Route("POST", f"{V1}/tallies/{{id}}/occurrences", tallies.record, wire.OccurrenceIn, wire.Receipt, MEMBER, "Record an occurrence"),
    Route("POST", f"{V1}/tallies/{{id}}/strike", tallies.strike, wire.StrikeIn, wire.Receipt, MEMBER, "Strike an occurrence out"),
    Route("GET", f"{V1}/record", records.record, None, wire.RecordView, READER, "How the crew's mechanisms did"),
    Route("GET", f"{V1}/players/{{name}}", records.player, None, wire.TrackRecord, MEMBER, "A player's track record"),
    Route("GET", f"{V1}/tables", records.tables, None, wire.TablesView, MEMBER, "Who is ahead, of settled questions only"),
    Route("GET", f"{V1}/review", records.review, None, wire.ReviewView, MEMBER, "The review of a week, month or quarter"),
    Route("GET", f"{V1}/me/ledger", records.ledger, None, wire.LedgerView, MEMBER, "What moved your points, line by line"),
    Route("GET", f"{V1}/me", api.me, None, wire.Me, ACCOUNT, "Your points and positions"),
    Route("POST", f"{V1}/me/password", accounts.change_password, wire.PasswordIn, wire.SessionView, HOLDER, "Change your password"),
    Route("GET", f"{V1}/me/passkeys", passkeys.my_passkeys, None, tuple[wire.PasskeyView, ...], HOLDER, "Your passkeys"),
    Route("POST", f"{V1}/me/passkeys/options", passkeys.passkey_options, None, None, HOLDER, "Begin to make a passkey"),
    Route("POST", f"{V1}/me/passkeys", passkeys.register_passkey, wire.PasskeyIn, wire.PasskeyView, HOLDER, "Keep a passkey"),
    Route("DELETE", f"{V1}/me/passkeys/{{passkey}}", passkeys.remove_passkey, None, wire.Done, HOLDER, "Remove a passkey"),
    Route("DELETE", f"{V1}/me", accounts.erase, wire.EraseIn, wire.Done, HOLDER, "Erase what is kept of you"),
    Route("GET", f"{V1}/inbox", inbox.inbox, None, told.InboxView, MEMBER, "Your inbox"),
    Route("POST", f"{V1}/inbox/read", inbox.read, told.ReadIn, wire.Done, MEMBER, "Mark messages as read"),
    Route("POST", f"{V1}/inbox/{{id}}/ack", inbox.acknowledge, None, wire.Done, MEMBER, "Acknowledge an urgent message"),
    Route("GET", f"{V1}/notifications", inbox.notifications, None, told.NotificationsView, HOLDER, "How you are told"),
    Route("POST", f"{V1}/notifications", inbox.set_habit, told.HabitIn, wire.Done, HOLDER, "Set quiet hours and digest"),
    Route("GET", f"{V1}/channels", inbox.channels, None, tuple[told.ChannelView, ...], HOLDER, "Your channels"),
    Route("POST", f"{V1}/channels", inbox.add_channel, told.ChannelIn, told.ChannelView, HOLDER, "Add a channel"),
    Route("POST", f"{V1}/channels/confirm", inbox.confirm, told.CodeIn, told.ChannelView, HOLDER, "Confirm a channel by its letter's code"),
    Route("POST", f"{V1}/channels/{{channel}}", inbox.pick, told.PickIn, wire.Done, HOLDER, "Choose what goes to a channel"),
    Route("POST", f"{V1}/channels/{{channel}}/ask", inbox.ask_again, wire.EmptyIn, wire.Done, HOLDER, "Send its letter again"),
    Route("DELETE", f"{V1}/channels/{{channel}}", inbox.remove_channel, None, wire.Done, HOLDER, "Remove a channel"),
    Route("GET", f"{V1}/members", api.members, None, tuple[wire.Member, ...], MEMBER, "The crew's members"),
    Route("GET", f"{V1}/crews", crews.crews_of, None, tuple[wire.CrewCard, ...], ACCOUNT, "The crews that you belong to"),
    Route("POST", f"{V1}/crews", crews.open_crew, wire.CrewIn, wire.CrewCard, ACCOUNT, "Open a further crew"),
    Route("GET", f"{V1}/crew", fair.crew, None, told_fair.CrewView, MEMBER, "The crew: settings, duties, alarm"),
    Route("POST", f"{V1}/crew/settings", fair.change, told_fair.SettingsIn, wire.Receipt, OWNER, "Change the crew's settings"),
    Route("POST", f"{V1}/crew/alarm", fair.alarm, told_fair.ReasonIn, wire.Receipt, OWNER, "Halt everything in the crew"),
    Route("POST", f"{V1}/crew/all-clear", fair.all_clear, wire.EmptyIn, wire.Receipt, OWNER, "Lift the alarm"),
    Route("POST", f"{V1}/crew/players", fair.make_player, told_fair.MemberIn, wire.Receipt, OWNER, "Let a guest play"),
    Route("POST", f"{V1}/crew/remove", fair.remove, told_fair.RemoveIn, wire.Receipt, OWNER, "Remove a member"),
    Route("POST", f"{V1}/crew/leave", fair.leave, wire.EmptyIn, wire.Receipt, MEMBER, "Leave the crew"),
    Route("GET", f"{V1}/crew/duties", fair.owners, None, tuple[told_fair.HeldView, ...], MEMBER, "Who owned the crew when"),
    Route("POST", f"{V1}/crew/duties", fair.hand_crew_over, told_fair.HandOverIn, wire.Receipt, MEMBER, "Offer the crew to another"),
    Route("POST", f"{V1}/crew/duties/accept", fair.accept_crew, told_fair.DutyIn, wire.Receipt, MEMBER, "Accept the crew"),
    Route("POST", f"{V1}/crew/duties/decline", fair.decline_crew, told_fair.DutyIn, wire.Receipt, MEMBER, "Decline the crew, or take an offer back"),
    Route("GET", f"{V1}/feed", fair.feed, None, tuple[told_fair.FeedView, ...], MEMBER, "What was put on the crew's timelines"),
    Route("POST", f"{V1}/grants", api.grant, wire.GrantIn, wire.Receipt, OWNER, "Grant new points"),
    Route("POST", f"{V1}/invitations", accounts.invite, wire.InviteIn, wire.Secret, OWNER, "Make an invitation"),
    Route("GET", f"{V1}/invitations", accounts.my_invitations, None, tuple[wire.InvitationView, ...], HOLDER, "Invitations that wait for you"),
    Route("POST", f"{V1}/invitations/{{invitation}}/accept", accounts.accept_invitation, None, wire.Done, HOLDER, "Accept an invitation"),
    Route("POST", f"{V1}/invitations/{{invitation}}/decline", accounts.decline_invitation, None, wire.Done, HOLDER, "Decline an invitation"),
    Route("GET", f"{V1}/crew/invitations", accounts.sent_invitations, None, tuple[wire.InvitationView, ...], OWNER, "The crew's invitations"),
    Route("POST", f"{V1}/crew/invitations", accounts.invite_by_name, wire.InviteNameIn, wire.InvitationView, OWNER, "Invite an account by name"),
    Route("DELETE", f"{V1}/crew/invitations/{{invitation}}", accounts.withdraw_invitation, None, wire.Done, OWNER, "Withdraw an invitation"),
    Route("GET", f"{V1}/tokens", accounts.tokens, None, tuple[wire.TokenView, ...], HOLDER, "Your bearer tokens"),
    Route("POST", f"{V1}/tokens", accounts.new_token, wire.TokenIn, wire.Secret, HOLDER, "Make a bearer token"),
    Route("DELETE", f"{V1}/tokens/{{token}}", accounts.revoke_token, None, wire.Done, HOLDER, "Revoke a bearer token"),
    Route("POST", f"{V1}/sessions", accounts.sign_in, wire.SignInIn, wire.SessionView, ANYONE, "Sign in by name and password"),
    Route("POST", f"{V1}/sessions/passkey/options", passkeys.passkey_sign_in_options, wire.PasskeyOptionsIn, None, ANYONE, "Begin a passkey sign-in"),
    Route("POST", f"{V1}/sessions/passkey", passkeys.sign_in_by_passkey, wire.AssertionIn, wire.SessionView, ANYONE, "Sign in with a passkey"),
    Route("DELETE", f"{V1}/sessions", accounts.sign_out, None, wire.Done, HOLDER, "Sign out"),
    Route("GET", f"{V1}/openapi.json", api.describe, None, None, ANYONE, "This API"),
    Route("GET", "/", site.board, None, None, READER, "The board"),
    Route("GET", "/q/{id}", site.question, None, None, READER, "A question"),
    Route("GET", "/q/{id}/fragment", site.fragment, None, None, READER, "A question's inside, for an open page"),
    Route("GET", "/q/{id}/live", live, None, None, READER, "A question's versions, for an open page"),
    Route("GET", "/q/{id}/quote", site.quote, None, None, READER, "What a bet would do"),
    Route("POST", "/q/{id}/bet", site.bet, Form, None, MEMBER, "Bet", PLAY),
    Route("POST", "/q/{id}/sell", site.sell, Form, None, MEMBER, "Sell", PLAY),
    Route("POST", "/q/{id}/collect", site.collect, Form, None, MEMBER, "Collect", PLAY),
    Route("POST", "/q/{id}/sealed", bell.seal_from_page, Form, None, MEMBER, "Seal a bet", PLAY),
    Route("POST", "/q/{id}/sealed/withdraw", bell.unseal_from_page, Form, None, MEMBER, "Withdraw a sealed bet", PLAY),
    Route("POST", "/q/{id}/stake", entering.stake, Form, None, MEMBER, "Stake on a slot of the tote", PLAY),
    Route("POST", "/q/{id}/guess", entering.guess, Form, None, MEMBER, "Guess", PLAY),
    Route("POST", "/q/{id}/forecast", entering.forecast, Form, None, MEMBER, "State a curve", PLAY),
    Route("POST", "/q/{id}/note", entering.note, Form, None, MEMBER, "Note a near miss or news", PLAY),
    Route("POST", "/q/{id}/comment", _form(fair.comment, told_fair.CommentIn), Form, None, MEMBER, "Comment", PLAY),
    Route("POST", "/q/{id}/thank", _form(fair.thank, told_fair.ThankIn), Form, None, MEMBER, "Thank", PLAY),
    Route("POST", "/q/{id}/agree", _form(fair.agree, wire.EmptyIn), Form, None, MEMBER, "Agree"),
    Route("POST", "/q/{id}/withdraw", _form(fair.withdraw, wire.EmptyIn), Form, None, MEMBER, "Do not agree"),
    Route("POST", "/q/{id}/halt", _form(fair.halt, told_fair.ReasonIn), Form, None, MEMBER, "Halt"),
    Route("POST", "/q/{id}/resume", _form(fair.resume, wire.EmptyIn), Form, None, MEMBER, "Let betting go on"),
    Route("POST", "/q/{id}/dispute", _form(fair.dispute, told_fair.ReasonIn), Form, None, MEMBER, "Dispute a ruling"),
    Route("POST", "/q/{id}/judge", _form(fair.judge, told_fair.JudgeIn), Form, None, MEMBER, "Decide a dispute"),
    Route("POST", "/q/{id}/vote", _form(fair.vote, told_fair.VoteIn), Form, None, MEMBER, "Vote"),
    Route("POST", "/q/{id}/duty/offer", _form(fair.hand_over, told_fair.HandOverIn), Form, None, MEMBER, "Offer a duty"),
    Route("POST", "/q/{id}/duty/accept", _form(fair.accept, told_fair.DutyIn), Form, None, MEMBER, "Accept a duty"),
    Route("POST", "/q/{id}/duty/decline", _form(fair.decline, told_fair.DutyIn), Form, None, MEMBER, "Decline a duty"),
    Route("POST", "/q/{id}/close", site.close, Form, None, MEMBER, "Stop the betting"),
    Route("GET", "/q/{id}/ruling", site.ruling, None, None, MEMBER, "The ruling page"),
    Route("POST", "/q/{id}/ruling", site.preview, Form, None, MEMBER, "A ruling's totals"),
    Route("POST", "/q/{id}/rule", site.rule, Form, None, MEMBER, "Declare the outcome"),
    Route("POST", "/q/{id}/void", site.void, Form, None, MEMBER, "Call the question off"),
    Route("POST", "/q/{id}/correct", site.correct, Form, None, MEMBER, "Replace a ruling"),
    Route("GET", "/ask", site.ask_form, None, None, MEMBER, "The form that asks"),
    Route("POST", "/ask", site.ask, Form, None, MEMBER, "Ask a question"),
    Route("GET", "/tallies", tallies.list_page, None, None, READER, "The crew's tallies"),
    Route("POST", "/tallies", tallies.open_from_page, Form, None, MEMBER, "Open a tally"),
    Route("GET", "/tallies/new", tallies.new_page, None, None, MEMBER, "The form that opens a tally"),
    Route("GET", "/tallies/{id}", tallies.tally_page, None, None, READER, "A tally"),
    Route("POST", "/tallies/{id}/record", tallies.record_from_page, Form, None, MEMBER, "Record an occurrence"),
    Route("POST", "/tallies/{id}/strike", tallies.strike_from_page, Form, None, MEMBER, "Strike an occurrence out"),
    Route("GET", "/record", records.record_page, None, None, READER, "How the crew's mechanisms did"),
    Route("GET", "/players/{name}", records.player_page, None, None, MEMBER, "A player's track record"),
    Route("GET", "/tables", records.tables_page, None, None, MEMBER, "Who is ahead"),
    Route("GET", "/crew/review", records.review_page, None, None, MEMBER, "The review of a period"),
    Route("GET", "/me", site.me, None, None, HOLDER, "You"),
    Route("POST", "/me/token", signing.new_token, Form, None, HOLDER, "Make a bearer token"),
    Route("POST", "/me/token/revoke", signing.revoke_token, Form, None, HOLDER, "Revoke a bearer token"),
    Route("POST", "/me/invitation", signing.answer_invitation, Form, None, HOLDER, "Accept or decline an invitation"),
    Route("POST", "/me/password", signing.change_password, Form, None, HOLDER, "Change your password"),
    Route("POST", "/me/oidc", oidc.link, Form, None, HOLDER, "Add an account of the provider to sign in with"),
    Route("POST", "/me/oidc/remove", oidc.unlink, Form, None, HOLDER, "Remove it"),
    Route("POST", "/me/passkey/remove", passkeys.remove_from_page, Form, None, HOLDER, "Remove a passkey"),
    Route("POST", "/me/erase", signing.erase, Form, None, HOLDER, "Erase what is kept of you"),
    Route("GET", "/me/notifications", inbox.choices, None, None, HOLDER, "How you are told"),
    Route("POST", "/me/notifications/habit", inbox.habit_from_page, Form, None, HOLDER, "Set quiet hours and digest"),
    Route("POST", "/me/notifications/add", inbox.add_from_page, Form, None, HOLDER, "Add a channel"),
    Route("POST", "/me/notifications/change", inbox.change_from_page, Form, None, HOLDER, "Change or remove a channel"),
    Route("GET", "/inbox", inbox.page, None, None, MEMBER, "The inbox"),
    Route("POST", "/inbox/read", inbox.read_page, Form, None, MEMBER, "Mark messages as read"),
    Route("POST", "/inbox/{id}/ack", inbox.acknowledge_page, Form, None, MEMBER, "Acknowledge an urgent message"),
    Route("GET", "/crew", site.crew, None, None, MEMBER, "The crew"),
    Route("GET", "/feed", fair.feed_page, None, None, MEMBER, "What was put on the crew's timelines"),
    Route("POST", "/crew/settings", _form(fair.change, told_fair.SettingsIn), Form, None, OWNER, "Change the crew's settings"),
    Route("POST", "/crew/alarm", _form(fair.alarm, told_fair.ReasonIn), Form, None, OWNER, "Halt everything in the crew"),
    Route("POST", "/crew/all-clear", _form(fair.all_clear, wire.EmptyIn), Form, None, OWNER, "Lift the alarm"),
    Route("POST", "/crew/player", _form(fair.make_player, told_fair.MemberIn), Form, None, OWNER, "Let a guest play"),
    Route("POST", "/crew/remove", _form(fair.remove, told_fair.RemoveIn), Form, None, OWNER, "Remove a member"),
    Route("POST", "/crew/leave", fair.left, Form, None, MEMBER, "Leave the crew"),
    Route("POST", "/crew/duty/offer", _form(fair.hand_crew_over, told_fair.HandOverIn), Form, None, MEMBER, "Offer the crew to another"),
    Route("POST", "/crew/duty/accept", _form(fair.accept_crew, told_fair.DutyIn), Form, None, MEMBER, "Accept the crew"),
    Route("POST", "/crew/duty/decline", _form(fair.decline_crew, told_fair.DutyIn), Form, None, MEMBER, "Decline the crew"),
    Route("POST", "/crew/invite", signing.invite, Form, None, OWNER, "Make an invitation link"),
    Route("POST", "/crew/invite/name", signing.invite_by_name, Form, None, OWNER, "Invite an account by name"),
    Route("POST", "/crew/invite/withdraw", signing.withdraw, Form, None, OWNER, "Withdraw an invitation"),
    Route("POST", "/crew/grant", site.grant, Form, None, OWNER, "Grant new points"),
    Route("GET", "/crews", crews.list_page, None, None, HOLDER, "Your crews"),
    Route("POST", "/crews", crews.open_from_page, Form, None, HOLDER, "Open a further crew"),
    Route("GET", "/sign-in", signing.sign_in_form, None, None, ANYONE, "The sign-in form"),
    Route("POST", "/sign-in", signing.sign_in, Form, None, ANYONE, "Sign in"),
    Route("POST", "/sign-out", signing.sign_out, Form, None, HOLDER, "Sign out"),
    Route("POST", "/oidc/start", oidc.start, Form, None, ANYONE, "Sign in or join through the provider"),
    Route("GET", "/oidc/callback", oidc.callback, None, None, ANYONE, "Back from the provider"),
    Route("GET", "/setup/{secret}", signing.setup_form, None, None, ANYONE, "The first account's form"),
    Route("POST", "/setup/{secret}", signing.setup, Form, None, ANYONE, "The first account"),
    Route("GET", "/join/{secret}", signing.join_form, None, None, ANYONE, "An invitation's form"),
    Route("POST", "/join/{secret}", signing.join, Form, None, ANYONE, "Join by an invitation"),
    Route("GET", "/link/{secret}", signing.link, None, None, ANYONE, "Sign in by a link"),
    Route("GET", "/confirm/{secret}", inbox.confirm_door, None, None, ANYONE, "The page that confirms an address"),
    Route("POST", "/confirm/{secret}", inbox.confirm_by_link, None, None, ANYONE, "Confirm an address"),
    Route("GET", "/unsubscribe/{secret}", inbox.unsubscribe_door, None, None, ANYONE, "The page that ends messages to an address"),
    Route("POST", "/unsubscribe/{secret}", inbox.unsubscribe, None, None, ANYONE, "End messages to an address, by one click"),
    Route("GET", "/help", site.help_page, None, None, ANYONE, "Help"),
    Route("GET", "/static/{name:path}", files.static, None, None, ANYONE, "The page's own files"),
    Route("GET", "/healthz", api.health, None, wire.Done, ANYONE, "Whether the server answers"),
)

_HOT: Final = {(route.method, route.path.removeprefix(Q)): route for route in ROUTES if route.path in (f"{Q}/bets", f"{Q}/quote", f"{Q}/live")}
_HOT_PREFIX: Final = Q.removesuffix("{id}")


class _Endpoint:
    """One address: its routes by method, and 405 for the others."""

    def __init__(self, house: House, routes: Mapping[str, Route]) -> None:
        self._house, self._routes = house, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        route = self._routes.get("GET" if method == "HEAD" and "GET" in self._routes else method)
        if route is None or (method == "HEAD" and route.handler is live):
            await _turn_away(self._house, scope, send, Refusal(Reason.WRONG_METHOD, method=method[:16], allowed=", ".join(sorted(self._routes))))
            return
        await serve(self._house, route, scope, receive, send, scope["path_params"])


class App:
    """The ASGI application over a service. ``house.hub.close()`` ends its live streams before the server stops."""

    def __init__(self, service: Service, routes: tuple[Route, ...] = ROUTES, *, address: str | None = None) -> None:
        settings = service.settings
        hub = Hub(settings.live_pages, settings.live_pages_each)
        self.house = House(service, service.people, settings, hub, routes, networks(settings.trusted_proxies), address=address)
        by_path: dict[str, dict[str, Route]] = defaultdict(dict)
        for route in routes:
            assert route.method not in by_path[route.path], f"{route.method} {route.path} is declared once"
            by_path[route.path][route.method] = route
        addresses = [Address(path, _Endpoint(self.house, methods)) for path, methods in by_path.items()]
        self.starlette = Starlette(routes=addresses, lifespan=self._lifespan, exception_handlers={404: self._not_found})
        self.starlette.router.redirect_slashes = False
        pages.preload()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            if scope["path"].startswith(PREFIX):
                scope = within(scope)
            hot = _hot(scope)
            if hot is not None:
                await serve(self.house, hot[0], scope, receive, send, {"id": hot[1]})
                return
        await self.starlette(scope, receive, send)

    async def _not_found(self, request: Any, error: Exception) -> Any:
        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            await _turn_away(self.house, scope, send, Refusal(Reason.UNKNOWN_ROUTE))

        return answer

    @asynccontextmanager
    async def _lifespan(self, app: Starlette) -> AsyncIterator[None]:
        self.house.service.messages.courier.start()
        yield
        self.house.hub.close()


class LocalApp:
    """The same application on the local socket, whose file's permissions say who may: there the caller names the player."""

    def __init__(self, app: App) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Mark the request as local, and pass it on."""
        await self._app({**scope, "anyday.local": True} if scope["type"] == "http" else scope, receive, send)


def _hot(scope: Scope) -> tuple[Route, str] | None:
    path: str = scope["path"]
    if not path.startswith(_HOT_PREFIX):
        return None
    question, slash, rest = path[len(_HOT_PREFIX) :].partition("/")
    route = _HOT.get((scope["method"], slash + rest))
    return None if route is None or not question else (route, question)


async def _turn_away(house: House, scope: Scope, send: Send, refusal: Refusal) -> None:
    """A refusal for an address that no route answers, in the words of its part of the surface; a page says who looks."""
    headers, page = Headers(scope["headers"]), None if scope["path"].startswith("/api/") else _A_PAGE
    visitor = None if page is None else identify(scope, headers, peer_of(scope, headers, house.proxies), house.people)
    seen = None
    if isinstance(visitor, Visitor):
        place = place_of(scope, visitor, house.service)
        pages.stand_at(place.base)
        seen = shown(visitor, place)
    answer = refuse(page, refusal, seen)
    if refusal.reason is Reason.WRONG_METHOD:
        answer.headers.append((b"allow", dict(refusal.facts)["allowed"].encode()))
    await reply(answer, headers, scope["method"], send)


_A_PAGE: Final = next(route for route in ROUTES if route.path == "/help")
