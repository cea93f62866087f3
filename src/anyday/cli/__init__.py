"""The command line: ``anyday COMMAND``. What a command needs is imported when it runs, so that each starts fast."""

from __future__ import annotations

from typing import Any

import click

from anyday.cli.asking import World
from anyday.cli.bell import seal, unseal
from anyday.cli.crews import crew, crews
from anyday.cli.entering import forecast, guess, note, stake
from anyday.cli.fair import (
    accept,
    agree,
    alarm,
    all_clear,
    comment,
    decline,
    dispute,
    duties,
    feed,
    halt,
    hand_over,
    judge,
    resume,
    thank,
    vote,
    withdraw,
)  # fmt: skip
from anyday.cli.keeping import backup, export, rebuild, verify
from anyday.cli.people import erase, invitations, invite, token, tokens
from anyday.cli.playing import bet, bets, close, collect, correct, grant, me, players, rule, sell, show, void
from anyday.cli.questions import ask
from anyday.cli.records import ledger, record, review, tables
from anyday.cli.replaying import replay
from anyday.cli.serving import demo, serve
from anyday.cli.stop import refuse_optimised
from anyday.cli.tallying import tally
from anyday.cli.telling import ack, channel, habits, inbox
from anyday.cli.terminal import spell_out

__all__ = ["main"]


class _InOrder(click.Group):
    """Commands in the order in which one needs them, not by the alphabet."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names as they were added."""
        return list(self.commands)

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run; help and errors too are spelled for the terminal that there is."""
        spell_out()
        return super().main(*args, **kwargs)


@click.group(cls=_InOrder, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="anyday", message="AnyDay %(version)s")
@click.pass_context
def main(context: click.Context) -> None:
    """Bet play-money points on when something will happen.

    Start with “anyday demo” to look around, or with “anyday serve” for a crew of your own. The other commands work on a
    file (--db), through its server where one runs, or on a server anywhere (--server and --token).
    """
    refuse_optimised()
    context.ensure_object(World)


for _command in (
    serve, demo, show, ask, bet, bets, sell, collect, seal, unseal, stake, guess, forecast, note, comment, thank, feed, agree, withdraw, halt, resume,
    close, rule, void, correct, dispute, judge, vote, hand_over, accept, decline, duties, tally, record, tables, review, ledger,
    inbox, ack, channel, habits, me, grant, players, alarm, all_clear, invite, invitations, token, tokens, erase, crews, crew,
    verify, rebuild, backup, export, replay,
):  # fmt: skip
    main.add_command(_command)
