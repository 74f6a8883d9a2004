"""`make chaos`: a random nemesis over a mixed load, on each server, and the table at the end.

    python -m tests.chaos --seconds 600 --server both --seed 7

Exits with 1 unless nothing was lost, nothing was completed twice, no innocent task became a dead
letter, every worker that was not killed lives, and nothing is left behind on the server.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import uvloop

from tests.chaos import load, nemesis
from tests.chaos.campaign import Campaign, Outcome, Plan
from tests.chaos.report import FLOW_COLUMNS, cells, flow_cells, markdown, story
from tests.servers import KINDS


def main(words: Sequence[str] | None = None) -> int:
    """Run the campaigns; the exit code."""
    asked = _parser().parse_args(words)
    kinds = sorted(KINDS) if asked.server == "both" else [asked.server]
    outcomes = []
    for kind in kinds:
        plan = Plan(
            kind=kind,
            seconds=asked.seconds,
            seed=asked.seed,
            workers=asked.workers,
            rate=asked.rate,
            fsync=asked.fsync,
            only=set(load.SHARES).difference(asked.without),
            faults=asked.faults,
        )
        outcomes.append(_carry_out(plan))
    print()
    print(markdown([cells(outcome) for outcome in outcomes]), flush=True)
    print()
    print(markdown(list(map(flow_cells, outcomes)), FLOW_COLUMNS), flush=True)
    return int(any(outcome.faults for outcome in outcomes))


def _carry_out(plan: Plan) -> Outcome:
    directory = Path(tempfile.mkdtemp(prefix="aq-chaos-"))
    print(f"{plan.kind}: {plan.seconds:.0f} s, seed {plan.seed}, in {directory}", flush=True)
    campaign = Campaign(plan, directory, say=lambda text: print(f"  {text}", flush=True))
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        outcome = runner.run(campaign.run())
    for line in story(outcome):
        print(f"  {line}", flush=True)
    if outcome.faults:
        print(f"  the ledger and all logs are kept in {directory}", flush=True)
    else:
        shutil.rmtree(directory, ignore_errors=True)
    return outcome


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="of faults, on each server")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--server", choices=[*sorted(KINDS), "both"], default="both")
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--rate", type=float, default=25.0, help="tasks a second")
    parser.add_argument("--fsync", choices=["always", "everysec"], default="always")
    parser.add_argument(
        "--without", nargs="*", choices=sorted(load.SHARES), default=(), help="kinds of tasks"
    )
    parser.add_argument("--faults", nargs="*", choices=sorted(nemesis.SHARES), default=None)
    return parser


if __name__ == "__main__":
    sys.exit(main())
