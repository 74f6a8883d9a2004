"""`asynq multi`: many workers on this machine, in the background, each found by its pidfile."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from typing import Final

import click
from click.exceptions import Exit

from asynq.cli.errors import Misused
from asynq.cli.groups import app_group
from asynq.cli.multi_call import FLAGS, Call, command_line
from asynq.cli.render import say

SIGNALS: Final = {number.name.removeprefix("SIG"): number for number in signal.Signals}


class Worded(click.Command):
    """A command that reads its words by itself: options here may have selectors."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take all words as they are; `-h` shows the help."""
        if not ctx.resilient_parsing and any(word in ctx.help_option_names for word in args):
            say(ctx.get_help())
            ctx.exit()
        ctx.params["words"] = tuple(args)
        return []

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """What its help says that it takes."""
        return ["NODES… [OPTIONS OF `asynq worker`, as -c 4 or -c:1-3 4]"]


NODE_OPTIONS: Final = (
    click.Option(
        ["-n", "--hostname"],
        metavar="HOST",
        help="What follows the @ of names without one: this host's name.",
    ),
    click.Option(
        ["--range-prefix"], metavar="NAME", help="What the nodes of a number are called: asynq."
    ),
    click.Option(["--executable"], metavar="PATH", help="The Python that runs the workers."),
)
"""What `multi` itself takes, for the help: the words are read elsewhere."""


@app_group("Start and stop many workers.")
@click.option("--nosplash", is_flag=True, help="Do not say the version.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing but errors.")
@click.option("--verbose", is_flag=True, help="Show the commands that are run.")
@click.option("--no-color", is_flag=True, help="Plain text on a terminal, too.")
@click.pass_context
def multi(context: click.Context, /, **flags: bool) -> None:
    """Start and stop workers in the background.

    NODES are names (w1 w2@host), or how many (10: asynq1 to asynq10). Options are the worker's, for
    all nodes (-c 4) or for some, by position or by name (-c:1-3,5 4, -c:w1,w2 4). --pidfile and
    --logfile may have %n, the node's name. Say the same options again to restart or to stop.
    """
    context.meta[FLAGS] = [f"--{name.replace('_', '-')}" for name, on in flags.items() if on]


def _signal_in(words: Sequence[str], default: signal.Signals) -> tuple[signal.Signals, list[str]]:
    """The signal that is named among the words, and the others."""
    number, rest = default, []
    for word in words:
        name = word.removeprefix("-").removeprefix("SIG") if word.startswith("-") else ""
        if name in SIGNALS:
            number = SIGNALS[name]
        elif name.isdecimal() and int(name) in SIGNALS.values():
            number = signal.Signals(int(name))
        else:
            rest.append(word)
    return number, rest


def _command(name: str, summary: str) -> Callable[[Callable[..., None]], click.Command]:
    def make(function: Callable[..., None]) -> click.Command:
        @multi.command(
            name,
            cls=Worded,
            params=list(NODE_OPTIONS),
            short_help=summary,
            help=function.__doc__,
        )
        @click.pass_context
        def run(context: click.Context, words: Sequence[str]) -> None:
            function(context, words)

        return run

    return make


@_command("start", "Start workers in the background.")
def start(context: click.Context, words: Sequence[str]) -> None:
    """Start workers, and return when they take tasks, or have died: then with the reason.

    Exit code 73 when one runs already; else that of a worker that does not come up.
    """
    call = Call(context, words)
    call.check()
    raise Exit(call.cluster(make=True).start())


def _stop(context: click.Context, words: Sequence[str]) -> None:
    """Send SIGTERM, or another signal (-QUIT, -9), and return. What runs may end."""
    number, words = _signal_in(words, signal.SIGTERM)
    raise Exit(Call(context, words).cluster().stop(number))


def _stop_and_wait(context: click.Context, words: Sequence[str]) -> None:
    """Send SIGTERM, or another signal (-QUIT, -9), and wait until all have ended."""
    number, words = _signal_in(words, signal.SIGTERM)
    raise Exit(Call(context, words).cluster().stop_and_wait(number))


stop = _command("stop", "Tell workers to stop.")(_stop)
stopwait = _command("stopwait", "Stop workers, and wait for their end.")(_stop_and_wait)
stop_verify = _command("stop_verify", "The same as stopwait.")(_stop_and_wait)


@_command("restart", "Stop workers, wait, start them.")
def restart(context: click.Context, words: Sequence[str]) -> None:
    """Stop workers, and start each when it has ended, with the options that are said now."""
    number, words = _signal_in(words, signal.SIGTERM)
    call = Call(context, words)
    call.check()
    raise Exit(call.cluster(make=True).restart(number))


@_command("kill", "End workers at once.")
def kill(context: click.Context, words: Sequence[str]) -> None:
    """Send SIGKILL, and remove the pidfiles. What ran is run again by others, after a lease."""
    raise Exit(Call(context, words).cluster().kill())


@_command("show", "Show the commands that start them.")
def show(context: click.Context, words: Sequence[str]) -> None:
    """Show the commands that `start` would run, and start nothing."""
    say("\n".join(map(command_line, Call(context, words).placed())))


@_command("get", "Show the command that starts one of them.")
def get(context: click.Context, words: Sequence[str]) -> None:
    """Show the command of the node named first, among the nodes that follow.

    Exit code 1 when it is not among them.
    """
    if not words:
        raise Misused("asynq multi get: which node? Say its name first, then all as for start")
    wanted, *rest = words
    for node in Call(context, rest).placed():
        if wanted in (node.name, node.short):
            say(command_line(node))
            return
    raise Exit(1)


@_command("names", "Show the names of the nodes.")
def names(context: click.Context, words: Sequence[str]) -> None:
    """Show the names of the nodes."""
    say("\n".join(node.name for node in Call(context, words).nodes))


@_command("expand", "Show a text for each node.")
def expand(context: click.Context, words: Sequence[str]) -> None:
    """Show the text that comes first for each node, with %n, %h, %d and the like filled in."""
    if not words:
        raise Misused("asynq multi expand: expected a text, such as %n.pid, and then nodes")
    template, *rest = words
    say("\n".join(node.expand(template) for node in Call(context, rest).nodes))


@multi.command("help", short_help="Show this.")
@click.pass_context
def help_(context: click.Context, /) -> None:
    """Show what `asynq multi` can do."""
    say((context.parent or context).get_help())
