"""Every reason for "no": one ordered enum. A refusal is a value, never an exception.

Each reason has a code for machines, the status that HTTP has for it, a sentence for people, the next step, and
whether the same request may succeed later. Order is the order in which a command's preconditions are checked:
what was sent, who sent it, the question's state, the window, the price, the purse, the record.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final, NamedTuple


class Why(NamedTuple):
    """What a reason carries: HTTP status, sentence, next step (both may name facts in braces), worth a retry."""

    status: int
    sentence: str
    next_step: str
    retry: bool = False


class Reason(enum.Enum):
    """Why something was refused, in the order in which it is checked."""

    # what was sent
    TOO_LARGE = Why(413, "That request is larger than {limit}.", "Send less at once.")
    TOO_SLOW = Why(408, "That request took too long to arrive.", "Send it again.", retry=True)
    MALFORMED = Why(400, "That request could not be read: {detail}.", "Check it against the API page and send it again.")
    WRONG_TYPE = Why(415, "A request here is {wanted}; this one is not.", "Send it with Content-Type: {wanted}.")
    NOT_AN_AMOUNT = Why(422, "{name} must be an amount.", "Write a whole number or a decimal such as 12.5, at most six decimals.")
    AMOUNT_TOO_LARGE = Why(422, "{name} must be less: nobody in this crew could hold so much.", "Write a smaller number.")
    NOT_POSITIVE = Why(422, "{name} must be more than zero.", "Write a positive number.")
    NOT_A_CHANCE = Why(422, "{name} must be above 0 % and below 100 %.", "Write a percentage such as 40% or a decimal such as 0.4.")
    NOT_A_TIME = Why(422, "“{text}” is not a time I can read.", "Write it like 2027-03-14 15:04, 14 March 2027 or March 2027.")
    NO_SUCH_DATE = Why(422, "“{text}” does not exist in the calendar.", "Check the day and the month.")
    NOT_A_WINDOW = Why(
        422,
        "“{text}” is not a window I can read.",
        "Write it like March 2027, 14–20 Apr 2027, before June, after 3 May, not March or never.",
    )
    NOT_A_ZONE = Why(422, "“{text}” is not a time zone.", "Use an IANA name such as Europe/Zurich or UTC.")
    TEXT_MISSING = Why(422, "{name} must not be empty.", "Fill it in.")
    TEXT_TOO_LONG = Why(422, "{name} must have {limit} characters at most.", "Shorten it.")
    ONE_SIZE = Why(422, "A bet has exactly one size: shares, points to spend, or a chance to move to.", "Give one of the three.")

    NOT_A_CURVE = Why(422, "That curve does not work: {detail}.", "Correct it and try again.")
    AS_IT_STANDS = Why(422, "These are the handles of the curve that you have stated: it stays as it is.", "Move one of them to revise it.")
    BAD_PLAY = Why(422, "The ways to play do not work: {detail}.", "Correct them and ask again.")
    NOT_A_RECORD = Why(422, "That cannot be recorded: {detail}.", "Correct it and try again.")

    BAD_CHANNEL = Why(422, "That does not work: {detail}.", "Correct it and try again.")
    CHANNEL_OFF = Why(409, "This server sends nothing by {kind}.", "Choose another way, or ask whoever runs it.")
    WRONG_CODE = Why(410, "That code is not right, or is too old.", "Ask for a new one on your notifications page.")
    TOO_MANY_LETTERS = Why(429, "Enough letters have been sent to be confirmed.", "Look for them, or try again tomorrow.", retry=True)

    # who sent it
    SIGN_IN = Why(401, "You are not signed in.", "Sign in, or send a token.")
    WRONG_PASSWORD = Why(401, "That name and password do not match.", "Check both, or ask the owner for a new invitation.")
    NOT_ALLOWED = Why(403, "Only {who} can do that.", "Ask {who}.")
    FOREIGN_ORIGIN = Why(403, "That request came from another site.", "Open the page of this server and do it there.")
    TOO_MANY_TRIES = Why(429, "Too many tries.", "Wait {wait} and try again.", retry=True)
    INVITE_SPENT = Why(410, "That invitation has been used up or has expired.", "Ask for a new one.")
    INVITE_BOUNDS = Why(
        422, "An invitation is good for 1 to {days} days and for 1 to {uses} people.", "Stay within these; whoever runs the server can change them."
    )
    NAME_TAKEN = Why(409, "The name {name} is taken.", "Choose another name.")
    BAD_NAME = Why(422, "That name cannot be used.", "Use 2 to 32 letters, digits, dots, dashes or underscores.")
    WEAK_PASSWORD = Why(422, "That password is too short.", "Use at least 10 characters.")
    NO_SUCH_ACCOUNT = Why(404, "Nobody on this server is called {name}.", "Check how it is written, or send them an invitation link.")
    TOKEN_FOR_LESS = Why(403, "This token is for less than that: it may {rights}.", "Make one on your page whose right is “{needed}”.")
    SIGN_IN_AGAIN = Why(403, "You signed in a while ago, and this needs to be you.", "Sign in again; then you have fifteen minutes for it.")
    LAST_WAY = Why(409, "That is your last way to sign in.", "Add another one first: a passkey, or a password.")
    WRONG_NAME = Why(422, "That is not your name.", "Type your name exactly as it stands on this page.")
    NO_PASSKEYS = Why(409, "Passkeys cannot be used here: {why}.", "Sign in another way.")
    PASSKEY_FAILED = Why(401, "That passkey was not accepted.", "Try again, or sign in another way.", retry=True)
    PASSKEY_DOUBTED = Why(
        401,
        "That passkey was not accepted: its counter went backwards, as that of a copy does.",
        "Sign in another way, look at your passkeys, and remove this one.",
    )
    NO_PROVIDER = Why(409, "Nobody signs in through another service here.", "Sign in another way.")
    PROVIDER_FAILED = Why(502, "Signing in through {provider} did not work: {why}.", "Try again in a moment, or sign in another way.", retry=True)
    UNKNOWN_IDENTITY = Why(
        403,
        "Nobody here signs in with that account of {provider}.",
        "Open your invitation link and join with it, or sign in another way and add it on your page.",
    )
    IDENTITY_TAKEN = Why(409, "That account of {provider} belongs to somebody here already.", "Sign in with it, or use another one.")
    COMMAND_REUSED = Why(422, "That command id was used before for something else.", "Use a new id for a new command.")
    BARRED = Why(403, "You can't bet on this question: {why}.", "Watch the curve, or ask a question of your own.")
    HAS_STAKE = Why(403, "You can't {what} this question: you have had a bet on it.", "Ask {who}, who never had one.")
    GUEST = Why(403, "You are a guest here: guests look on.", "Ask the owner to make you a player.")
    OWNER_STAYS = Why(409, "Whoever owns the crew, or has lent it, stays in it.", "Hand the crew over for good first.")
    RULING_FELL = Why(403, "Your ruling of this question was withdrawn: somebody else rules it now.", "Leave it to the deputy or the crew.")
    OWN_RULING = Why(403, "You can't dispute your own ruling.", "Correct it once it is settled.")
    OWN_THANKS = Why(403, "You can't thank yourself.", "Thank somebody else.")
    BAD_PEOPLE = Why(422, "The people that you name do not work: {detail}.", "Correct them and ask again.")

    # the question's state
    NOT_FOUND = Why(404, "There is no such {what} here.", "Check how it is written, or start at the board.")
    ALREADY_THERE = Why(409, "{what} is there already.", "Nothing needs to be done.")
    NOT_OPEN = Why(409, "This question is {state}: it takes no bets.", "Look at the board for open questions.")
    NOT_PLAYED = Why(409, "This question is not played as {mechanism}.", "It is played as {plays}.")
    NO_CURVE_YET = Why(409, "There is no curve to be seen yet. {why}", "Come back when there is.")
    ENTRIES_CLOSED = Why(409, "Entries closed on {closed}.", "Watch what comes of them, or look at the board for open questions.")
    NOTHING_TO_STRIKE = Why(
        409, "There is no such occurrence to strike out: it was never recorded, or has been struck out already.", "Look at the tally's list."
    )
    ALARM = Why(409, "An alarm stands, and everything is halted: {why}", "Wait until the owner lifts it.", retry=True)
    HALTED = Why(409, "This question is halted: {why}", "Wait until it goes on.", retry=True)
    NOTHING_HALTED = Why(409, "Nothing is halted here.", "Nothing needs to be done.")
    NOTHING_CHANGED = Why(409, "That is how it is already.", "Nothing needs to be done.")
    WITHDRAWN_FROM = Why(
        409, "Somebody whom this question is about has withdrawn: it does not go on.", "Rule it if it happened before, or call it off."
    )
    NOT_OFFERED = Why(409, "That duty is not offered to you.", "Look at who holds it now.")
    ONLY_LENT = Why(409, "That duty is yours only until {until}.", "Let it go back, or decline it then.")
    HAS_PASSED = Why(422, "{text} has passed.", "Name a time that lies ahead.")
    NOT_SETTLED_YET = Why(409, "The ruling is not settled yet.", "Dispute it, or wait until its dispute window has ended.")
    NOTHING_TO_DISPUTE = Why(409, "There is no ruling to dispute: this question is {state}.", "Look at its timeline.")
    NOT_DISPUTED = Why(409, "Nobody disputes a ruling of this question.", "Look at its timeline.")
    NO_VOTE = Why(409, "There is nothing to vote on here now.", "Look at the question for who decides, and until when.")
    NOT_RULED = Why(409, "This question is {state}: there is no ruling to correct.", "Rule it first.")
    ALREADY_RULED = Why(409, "This question has been {state} already.", "A ruling can be corrected within 90 days.")
    TOO_LATE_TO_CORRECT = Why(409, "The ruling is more than 90 days old.", "It stays as it is.")
    CORRECTED_OFTEN = Why(409, "The ruling has been corrected {count} times.", "It stays as it is.")
    TIMELINE_FULL = Why(409, "This question's timeline holds {count} notes, as many as it may.", "Put it where the crew talks.")
    VERSION_MOVED = Why(409, "The question moved on while you were looking.", "Look at the new numbers and confirm again.", retry=True)

    # time and windows
    TIME_OUT_OF_BOUNDS = Why(422, "{name} is outside the years 1800 to 2499.", "Choose a time in that span.")
    SPAN_OUT_OF_BOUNDS = Why(422, "{name} must be between {least} and {most}.", "Choose a time in that span.")
    REVERSED = Why(422, "{text} ends before it starts.", "Swap the two ends.")
    EMPTY = Why(422, "{text} holds no time at all.", "Choose at least one {grain}.")
    OFF_THE_GRAIN = Why(422, "{text} does not fall on a whole {grain}.", "Choose whole {grain}s in {zone}.")
    OUT_OF_SPAN = Why(422, "{text} is outside this question, which runs from {origin} to {horizon}.", "Choose a window inside it.")
    TOO_MANY_GRAINS = Why(422, "That is {count} {grain}s, more than {limit}.", "Choose a coarser grain or a nearer horizon.")
    HAS_STARTED = Why(409, "You can't bet on {text}: it has started.", "The first {grain} you can still bet on is {first}.")
    NOT_A_SLOT = Why(422, "{text} is not one of the slots here.", "Choose one of {slots}, or never.")
    NOT_ONE_GRAIN = Why(422, "{text} is not a single {grain}.", "Guess one {grain}, or never.")
    ALL_PASSED = Why(409, "All of this question's time has passed.", "It waits for its ruling.")
    CERTAIN = Why(409, "That window is all that is left: it is certain.", "Choose a part of it.")
    SEALED_UNTIL = Why(409, "Until the bell at {bell} bets on this market are sealed.", "Seal a bet; all are filled together then.")
    BELL_RUNG = Why(409, "The bell rang at {bell}.", "Bet on the market as it stands.")
    NO_BELL = Why(409, "This market has no bell.", "Bet on it as it stands.")
    NOT_YET = Why(409, "{text} lies in the future.", "Wait until it has happened.")
    NEVER_TOO_EARLY = Why(409, "“Never” can be ruled only from the horizon on, {horizon}.", "Wait until then.")
    BAD_OPENING = Why(422, "The opening curve does not work: {detail}.", "Correct it and try again.")

    # the price
    TOO_SMALL = Why(422, "That is too little to buy a single share.", "Bet a little more.")
    ORDER_TOO_LARGE = Why(422, "That order is larger than one order may be.", "Split it.")
    BOOK_TOO_STEEP = Why(422, "That would push the chance further than it may go.", "Bet less on this window.")
    POSITION_TOO_FINE = Why(422, "You hold too many different steps on this question.", "Sell some of your windows first.")
    NO_MOVE = Why(422, "The chance is at {chance} already.", "Choose another chance.")
    WORSE_THAN_LIMIT = Why(
        409, "The price moved: it would be {got}, and your limit is {limit}.", "Look at the new price and confirm again.", retry=True
    )
    SUBSIDY_TOO_SMALL = Why(422, "That subsidy is too small for this question.", "Use at least {least} points.")
    TOO_MANY_ENTRIES = Why(422, "You have {count} entries here, as many as one may have.", "Change nothing more; they stand as they are.")
    STAKE_STAYS = Why(422, "Your stake of {stake} points stays as it is.", "Send the new curve without a stake.")
    HOLDS_LESS = Why(422, "You hold {held} points of payout over all of that window.", "Sell no more than that, or bet against it.")
    NOTHING_TO_COLLECT = Why(
        409, "There is nothing to collect here yet.", "Points come free as time passes or as your windows cover all that is left."
    )

    # the purse
    NOT_ENOUGH = Why(409, "That costs {cost} points and you can spend {spendable} here.", "Use fewer points, or wait for pending ones.")
    OWES = Why(409, "You owe {owed} points after a ruling.", "They are taken from your next winnings; then you can bet again.")
    HOUSE_SHORT = Why(409, "The house has only {balance} points.", "Grant it more, or pay the subsidy yourself.")

    # the record and the machine
    UNKNOWN_ROUTE = Why(404, "There is no such page here.", "Start at the board.")
    WRONG_METHOD = Why(405, "That address does not take {method}.", "Use {allowed}.")
    TOO_MANY_CREWS = Why(422, "You own {count} crews, as many as one may have here.", "Ask whoever runs this server.")
    TOO_MANY_WATCHING = Why(429, "Too many pages are watching already.", "Close some of them.", retry=True)
    DISK_FULL = Why(507, "The disk is full; nothing was done.", "Free some space; then send it again.", retry=True)
    UNAVAILABLE = Why(503, "The server could not write this down; nothing was done.", "Send it again in a moment.", retry=True)

    BROKEN = Why(
        503, "Something broke here; it is written in the server's log.", "Send it again: with the same command id nothing happens twice.", retry=True
    )
    UNREACHABLE = Why(503, "Nothing answers at {address}.", "Start it with “anyday serve”, or check the address.", retry=True)
    ANSWERED = Why(502, "{title}", "{next_step}")

    @property
    def code(self) -> str:
        """The machine's name for the reason, for example ``has_started``."""
        return self.name.lower()


@dataclass(frozen=True, slots=True, init=False)
class Refusal:
    """A "no" with its reason and the facts that its sentence names."""

    reason: Reason
    facts: tuple[tuple[str, str], ...]

    def __init__(self, reason: Reason, **facts: object) -> None:
        object.__setattr__(self, "reason", reason)
        object.__setattr__(self, "facts", tuple((k, str(v)) for k, v in facts.items()))

    @property
    def sentence(self) -> str:
        """What is wrong, for a person."""
        return _capital(self.reason.value.sentence.format_map(_Facts(self.facts)))

    @property
    def next_step(self) -> str:
        """What to do about it, for a person."""
        return _capital(self.reason.value.next_step.format_map(_Facts(self.facts)))

    @property
    def status(self) -> int:
        """The HTTP status for it."""
        return self.reason.value.status

    def __str__(self) -> str:
        return f"{self.sentence} {self.next_step}"


_MISSING: Final = "…"


class _Facts(dict[str, str]):
    """Facts by name; one that was not given shows as an ellipsis rather than breaking the sentence."""

    def __missing__(self, key: str) -> str:
        return _MISSING


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
