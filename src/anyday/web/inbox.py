"""The inbox and how one is told: as JSON and as pages. And the two doors that letters lead to, which need no sign-in."""

from __future__ import annotations

from anyday import wire
from anyday.instants import zone_names
from anyday.refusals import Reason, Refusal
from anyday.web import pages, site
from anyday.web.charts import micros
from anyday.web.surface import Answer, Call, Form, see_other
from anyday.wire import told

_LATEST = 2**53
#: What each channel is called on the page.
WAYS = {"email": "E-mail", "webhook": "Webhook", "ntfy": "ntfy", "apprise": "Apprise"}
_CHOICES = "/me/notifications"


def _number(text: str | None) -> int | None | Refusal:
    if text is None:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= 16 and int(text) <= _LATEST):
        return Refusal(Reason.MALFORMED, detail="a message is named by its number")
    return int(text)


def _done(refusal: Refusal | None, said: str) -> wire.Done | Refusal:
    return wire.Done(said) if refusal is None else refusal


# the API


async def inbox(call: Call) -> told.InboxView | Refusal:
    """Your inbox, the newest first; ``?before=<id>`` for those before."""
    before = _number(call.query.get("before"))
    return before if isinstance(before, Refusal) else call.service.messages.inbox(call.crew, call.player, before)


async def read(call: Call, body: told.ReadIn) -> wire.Done | Refusal:
    """Mark as read."""
    if any(number is not None and not 0 <= number <= _LATEST for number in (body.id, body.upto)):
        return Refusal(Reason.MALFORMED, detail="a message is named by its number")
    return _done(await call.service.messages.read(call.crew, call.player, only=body.id, upto=body.upto), "Read.")


async def acknowledge(call: Call) -> wire.Done | Refusal:
    """Say "I have seen it"."""
    number = _number(call.params["id"])
    if isinstance(number, Refusal):
        return number
    done = await call.service.messages.acknowledge(call.crew, call.player, number or 0)
    return _done(done, "Acknowledged: it comes no more.")


async def notifications(call: Call) -> told.NotificationsView:
    """How you are told."""
    return call.service.messages.notifications(call.player)


async def set_habit(call: Call, body: told.HabitIn) -> wire.Done | Refusal:
    """Set quiet hours and digest."""
    return _done(await call.service.messages.set_habit(call.player, body), "Kept.")


async def channels(call: Call) -> tuple[told.ChannelView, ...]:
    """Your channels."""
    return call.service.messages.notifications(call.player).channels


async def add_channel(call: Call, body: told.ChannelIn) -> told.ChannelView | Refusal:
    """Add a channel."""
    return await call.service.messages.add_channel(call.player, body)


async def pick(call: Call, body: told.PickIn) -> wire.Done | Refusal:
    """Choose what goes to a channel."""
    return _done(await call.service.messages.pick(call.player, call.params["channel"], body), "Kept.")


async def remove_channel(call: Call) -> wire.Done | Refusal:
    """Remove a channel."""
    return _done(await call.service.messages.remove(call.player, call.params["channel"]), "Removed.")


async def ask_again(call: Call, body: wire.EmptyIn) -> wire.Done | Refusal:
    """Send another letter that asks for a channel's confirmation."""
    return _done(await call.service.messages.ask_again(call.player, call.params["channel"]), "A letter is on its way.")


async def confirm(call: Call, body: told.CodeIn) -> told.ChannelView | Refusal:
    """Confirm a channel by the code of its letter."""
    return await call.service.messages.confirm(body.code, call.player)


# the inbox's page


async def page(call: Call) -> Answer | Refusal:
    """The inbox."""
    view = await inbox(call)
    return view if isinstance(view, Refusal) else _page(call, view)


def _page(call: Call, view: told.InboxView, refusal: Refusal | None = None) -> Answer:
    service = call.service
    body = pages.render(
        "inbox.html", view=view, visitor=site.member(call), crew=service.crew_name, refusal=refusal, later=call.query.get("before"),
        moment=lambda text: pages.moment(micros(text), service.crew_zone),
    )  # fmt: skip
    return site.page(body, refusal)


async def read_page(call: Call, form: Form) -> Answer | Refusal:
    """Mark as read from the page: all that it showed, or one."""
    numbers = [_number(form[name] or None) for name in ("id", "upto")]
    refused = next((number for number in numbers if isinstance(number, Refusal)), None)
    if refused is None:
        only, upto = (number if isinstance(number, int) else None for number in numbers)
        refused = await call.service.messages.read(call.crew, call.player, only=only, upto=upto)
    return _back(call, refused)


async def acknowledge_page(call: Call, form: Form) -> Answer | Refusal:
    """Acknowledge from the page."""
    done = await acknowledge(call)
    return _back(call, done if isinstance(done, Refusal) else None)


def _back(call: Call, refusal: Refusal | None) -> Answer:
    if refusal is None:
        return see_other("/inbox")
    return _page(call, call.service.messages.inbox(call.crew, call.player), refusal)


# how one is told, as a page


async def choices(call: Call) -> Answer:
    """How you are told."""
    return _choices(call)


def _choices(call: Call, refusal: Refusal | None = None, form: Form | None = None, said: str | None = None) -> Answer:
    service = call.service
    body = pages.render(
        "notifications.html", view=service.messages.notifications(call.player), visitor=site.member(call), crew=service.crew_name, ways=WAYS,
        zones=zone_names(), typed=form or Form(), refusal=refusal, said=said,
    )  # fmt: skip
    return site.page(body, refusal)


def _chosen(call: Call, done: object, form: Form) -> Answer:
    return _choices(call, done, form) if isinstance(done, Refusal) else see_other(_CHOICES)


async def habit_from_page(call: Call, form: Form) -> Answer:
    """Set quiet hours and digest from the page."""
    hour = site.number(form, "digest_hour")
    if isinstance(hour, Refusal):
        return _choices(call, hour, form)
    body = told.HabitIn(form["zone"], form["quiet_from"], form["quiet_to"], form["digest"] or "none", 8 if hour is None else hour)
    return _chosen(call, await set_habit(call, body), form)


async def add_from_page(call: Call, form: Form) -> Answer:
    """Add a channel from the page."""
    return _chosen(call, await add_channel(call, told.ChannelIn(form["kind"], form["address"], form["token"])), form)


async def change_from_page(call: Call, form: Form) -> Answer:
    """Change a channel from the page: what goes there, off, on, away, or its letter again."""
    messages, channel, what = call.service.messages, form["channel"], form["what"]
    done: object
    if what == "pick":
        kinds = tuple(name.removeprefix("kind_") for name in form if name.startswith("kind_"))
        done = await messages.pick(call.player, channel, told.PickIn(kinds))
    elif what in ("on", "off"):
        done = await messages.pick(call.player, channel, told.PickIn(on=what == "on"))
    elif what == "remove":
        done = await messages.remove(call.player, channel)
    elif what == "ask":
        done = await messages.ask_again(call.player, channel)
    elif what == "confirm":
        done = await messages.confirm(form["code"], call.player)
    else:
        done = Refusal(Reason.MALFORMED, detail="it does not say what to change")
    return _chosen(call, done, form)


# the doors that letters lead to


async def confirm_door(call: Call) -> Answer:
    """The page behind a letter that asks for confirmation. Nothing happens before its button is pressed: letters are opened by machines."""
    return _door(call, "confirm")


async def confirm_by_link(call: Call) -> Answer | Refusal:
    """Confirm an address."""
    done = await call.service.messages.confirm(call.params["secret"])
    return done if isinstance(done, Refusal) else _door(call, "confirm", done=True)


async def unsubscribe_door(call: Call) -> Answer:
    """The page behind a message's link that ends its channel."""
    return _door(call, "unsubscribe")


async def unsubscribe(call: Call) -> Answer | Refusal:
    """End a channel, by one click in somebody's mail program or on the page. The answer is the same whether there is one."""
    done = await call.service.messages.unsubscribe(call.params["secret"])
    return done if done is not None else _door(call, "unsubscribe", done=True)


def _door(call: Call, what: str, *, done: bool = False) -> Answer:
    service = call.service
    body = pages.render("letter.html", what=what, secret=call.params["secret"], done=done, visitor=site.visitor(call), crew=service.crew_name)
    return site.page(body)
