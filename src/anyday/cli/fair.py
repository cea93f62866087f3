"""The commands of fair play on a question: comments and thanks, leave, halts, disputes and votes, and who answers for what."""

from __future__ import annotations

import click

from anyday import client
from anyday.cli import answers, say
from anyday.cli.asking import Asker, reaches
from anyday.cli.stop import Command
from anyday.wire import fair

_QUESTION = click.argument("question", metavar="ID")
_YES = click.option("--yes", is_flag=True, help="Do not ask to confirm.")
_OF = click.option("--question", metavar="ID", help="The question that it is a duty of; without one it is the crew’s.")
_DUTIES = click.Choice(["owner", "host", "resolver", "deputy"], case_sensitive=False)
_DUTY = click.argument("duty", metavar="DUTY", type=_DUTIES)
_VERDICTS = click.Choice(["stands", "replaced", "withdrawn"], case_sensitive=False)


# the timeline


@click.command(cls=Command, short_help="Say something on a question’s timeline.")
@_QUESTION
@click.argument("text", nargs=-1, required=True, metavar="TEXT...")
@reaches
def comment(asker: Asker, question: str, text: tuple[str, ...]) -> None:
    """Say something on a question's timeline. It moves no points; the rulings follow the terms alone."""
    asker.answer(client.comment(question, fair.CommentIn(" ".join(text))), say.receipt)


@click.command(cls=Command, short_help="Thank for what somebody put on a timeline.")
@_QUESTION
@click.argument("version", type=click.IntRange(1), metavar="N")
@reaches
def thank(asker: Asker, question: str, version: int) -> None:
    """Thank for a comment, near miss or news, by the number N that “anyday show” has beside it."""
    asker.answer(client.thank(question, fair.ThankIn(version)), say.receipt)


@click.command(cls=Command, short_help="What was put on the crew’s timelines.")
@click.option("--before", metavar="TIME", help="What came before this.")
@reaches
def feed(asker: Asker, before: str | None) -> None:
    """Near misses, news, comments and thanks of the whole crew, the newest first."""
    asker.answer(client.feed(None if before is None else answers.typed(before, asker)), answers.feed)


# whom it is about


@click.command(cls=Command, short_help="Agree to a question that is about you.")
@_QUESTION
@reaches
def agree(asker: Asker, question: str) -> None:
    """Agree to a question that is about you: it opens once everybody whom it is about has agreed."""
    asker.answer(client.agree(question), say.receipt)


@click.command(cls=Command, short_help="Do not agree to a question that is about you, or no longer.")
@_QUESTION
@_YES
@reaches
def withdraw(asker: Asker, question: str, yes: bool) -> None:
    """Do not agree to a question that is about you, or no longer: it stands still at once, and nobody else sees it.

    If it had happened before, it is settled; else it is called off. Until it is ruled you can do so at any time.
    """
    if not yes:
        asker.confirm("Withdraw, for good?")
    asker.answer(client.withdraw(question), say.receipt)


# standing still


@click.command(cls=Command, short_help="Halt a question.")
@_QUESTION
@click.option("--reason", required=True, help="Why; everybody reads it.")
@reaches
def halt(asker: Asker, question: str, reason: str) -> None:
    """Halt a question: nothing is bet on it until it goes on. Whoever halts it never bets on it."""
    asker.answer(client.halt(question, fair.ReasonIn(reason)), say.receipt)


@click.command(cls=Command, short_help="Let betting on a halted question go on.")
@_QUESTION
@reaches
def resume(asker: Asker, question: str) -> None:
    """Let betting on a halted question go on."""
    asker.answer(client.resume(question), say.receipt)


@click.command(cls=Command, short_help="Halt everything in the crew at once.")
@click.option("--reason", required=True, help="Why; everybody reads it.")
@reaches
def alarm(asker: Asker, reason: str) -> None:
    """Halt everything in the crew at once; the owner may. Every member is told."""
    asker.answer(client.alarm(fair.ReasonIn(reason)), say.receipt)


@click.command("all-clear", cls=Command, short_help="Lift the alarm.")
@reaches
def all_clear(asker: Asker) -> None:
    """Lift the alarm: betting goes on."""
    asker.answer(client.all_clear(), say.receipt)


# rulings in doubt


@click.command(cls=Command, short_help="Dispute a ruling.")
@_QUESTION
@click.option("--reason", required=True, help="What is wrong with it.")
@reaches
def dispute(asker: Asker, question: str, reason: str) -> None:
    """Dispute a ruling, once, before it is settled: nothing is paid until that is decided."""
    asker.answer(client.dispute(question, fair.ReasonIn(reason)), say.receipt)


@click.command(cls=Command, short_help="Decide a dispute.")
@_QUESTION
@click.argument("verdict", type=_VERDICTS, metavar="VERDICT")
@click.option("--reason", required=True, help="Why; everybody reads it.")
@click.option("--outcome", default="", metavar="OUTCOME", help="What happened, where the ruling is replaced.")
@click.option("--evidence", default="", help="What proves that.")
@_YES
@reaches
def judge(asker: Asker, question: str, verdict: str, reason: str, outcome: str, evidence: str, yes: bool) -> None:
    """Decide a dispute, for good: the ruling stands, is replaced, or is withdrawn, so that betting goes on. Its judge may.

    \b
    anyday judge q1 stands --reason "The photo shows the clock"
    anyday judge q1 replaced --outcome "8 March 2027" --evidence "The log" --reason "A day off"
    """  # noqa: D301  \b keeps the example's lines
    if bool(outcome) != (verdict == "replaced"):
        raise click.UsageError("--outcome belongs to “replaced”, and “replaced” takes one.")
    if not yes:
        asker.confirm("Decide so, for good?")
    asker.answer(client.judge(question, fair.JudgeIn(verdict, reason, outcome, evidence)), say.receipt)


@click.command(cls=Command, short_help="Vote where the crew decides.")
@_QUESTION
@click.argument("choice", nargs=-1, required=True, metavar="CHOICE...")
@reaches
def vote(asker: Asker, question: str, choice: tuple[str, ...]) -> None:
    """Vote where the crew decides: whether a disputed ruling “stands” or “falls”; or, where nobody has ruled, what happened.

    \b
    anyday vote q1 falls
    anyday vote q2 14 March 2027 15:04
    """  # noqa: D301  \b keeps the example's lines
    asker.answer(client.vote(question, fair.VoteIn(" ".join(choice))), say.receipt)


# duties


@click.command("hand-over", cls=Command, short_help="Offer a duty to another member.")
@_DUTY
@click.argument("to", metavar="NAME")
@click.option("--until", metavar="TIME", help="For a time: then it comes back by itself.")
@_OF
@reaches
def hand_over(asker: Asker, duty: str, to: str, until: str | None, question: str | None) -> None:
    """Offer a DUTY (host, resolver or deputy of a question, or owner of the crew) to a member. It stays yours until they accept.

    \b
    anyday hand-over resolver bob --question q1 --until "1 April 2027"
    """  # noqa: D301  \b keeps the example's lines
    asker.answer(client.hand_over(fair.HandOverIn(duty, to, until), question), say.receipt)


@click.command(cls=Command, short_help="Accept a duty: “I have it”.")
@_DUTY
@_OF
@reaches
def accept(asker: Asker, duty: str, question: str | None) -> None:
    """Accept a DUTY that somebody hands you: from then on you have it."""
    asker.answer(client.accept_duty(fair.DutyIn(duty), question), say.receipt)


@click.command(cls=Command, short_help="Decline a duty, or take an offer back.")
@_DUTY
@_OF
@reaches
def decline(asker: Asker, duty: str, question: str | None) -> None:
    """Decline a DUTY that somebody hands you, or take back what you offered: it stays where it was."""
    asker.answer(client.decline_duty(fair.DutyIn(duty), question), say.receipt)


@click.command(cls=Command, short_help="Who held what when.")
@click.argument("question", metavar="[ID]", required=False)
@reaches
def duties(asker: Asker, question: str | None) -> None:
    """Who held which duty of a question from when on; without an ID, who owned the crew."""
    asker.answer(client.duties(question), answers.held)
