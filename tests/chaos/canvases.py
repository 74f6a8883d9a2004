"""The workflows that are sent under fire, and what must come of each.

Every step has a role, which says how it may end (`checks`), and the whole has a value, unless it
fails. Steps add up, so that a step too many or too few shows in the value.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple, cast

from asynq import Asynq, chain, chord, group
from asynq.canvas.plan import Plan
from asynq.canvas.tree import Leaf
from asynq.canvas.workflow import WorkflowCall
from asynq.exceptions import OperationalError
from asynq.result.handle import AsyncResult
from tests.chaos.announcing import announce_every_step
from tests.chaos.ledger import Ledger
from tests.chaos.trail import want

ROLE: Final = "chaos-role"
"""The header that has a step's role."""


class Drawn(NamedTuple):
    """A workflow, not sent yet."""

    kind: str
    canvas: Any
    value: int | None = None
    """Of all of it; None: it fails, or may."""


class Artist:
    """Draws workflows.

    Args:
        app: Has the tasks by their names.
        rng: Decides.
    """

    def __init__(self, app: Asynq, rng: random.Random) -> None:
        self._app = app
        self._rng = rng

    def call(self, task: str, *args: object, role: str = "step", **options: Any) -> Any:
        """One step: `call("plus", 1)`."""
        name = f"tests.chaos.tasks.{task}"
        return self._app.signature(name, args, headers={ROLE: role}, **options)

    def chain(self, length: int = 50) -> Drawn:
        """One and one and one …"""
        steps = [self.call("plus", 0), *(self.call("plus") for _ in range(length - 1))]
        return Drawn("chain", chain(steps), length)

    def chord(self, size: int = 500) -> Drawn:
        """The sum of the numbers up to its size."""
        members = [self.call("plus", number) for number in range(size)]
        return Drawn("chord", chord(members, self.call("total", role="body")), _up_to(size))

    def any_mixed(self) -> Drawn:
        """One of those below."""
        draw = self._rng.choice(
            (
                *(self.chain_of_chords, self.chord_of_chains, self.group_of_chords),
                *(self.failing_chain, self.failing_chord, self.half_failing_chord),
                *(self.revoked_member, self.replaced, self.retrying),
            )
        )
        return draw()

    def chain_of_chords(self) -> Drawn:
        """Two chords in a row, with an errback that nobody needs."""
        steps: list[Any] = [self.call("plus", 0)]
        for size in (4, 3):
            steps.append(group(self.call("plus") for _ in range(size)))
            steps.append(self.call("total", role="body"))
        whole = chain(steps).on_error(self.call("told", role="idle"))
        return Drawn("chain of chords", whole, 3 * (4 * 2 + 1))

    def chord_of_chains(self) -> Drawn:
        """Five chains of three."""
        chains = [self.call("plus", 0) | self.call("plus") | self.call("plus") for _ in range(5)]
        return Drawn("chord of chains", chord(chains, self.call("total", role="body")), 15)

    def group_of_chords(self) -> Drawn:
        """A group of which each member is a chord, and what comes after all of them."""
        chords = [
            chord(
                [self.call("plus", number) for number in range(4)], self.call("total", role="body")
            )
            for _ in range(3)
        ]
        return Drawn("group of chords", group(chords) | self.call("total", role="body"), 30)

    def failing_chain(self) -> Drawn:
        """The third step fails: two never run, and the errback runs once."""
        steps = [self.call("plus", 0), self.call("plus"), self.call("failing", role="failing")]
        steps += [self.call("plus", role="unrun"), self.call("plus", role="unrun")]
        return Drawn("failing chain", chain(steps).on_error(self.call("told", role="errback")))

    def failing_chord(self) -> Drawn:
        """Three members fail, one of them in a chain: the errback runs once, and no body."""
        members: list[Any] = [self.call("plus", number) for number in range(5)]
        members += [self.call("failing", role="failing") for _ in range(2)]
        members.append(self.call("failing", role="failing") | self.call("plus", role="unrun"))
        self._rng.shuffle(members)
        whole = chord(members, self.call("total", role="unrun")) | self.call("plus", role="unrun")
        return Drawn("failing chord", whole.on_error(self.call("told", role="errback")))

    def half_failing_chord(self) -> Drawn:
        """Members fail, and the body is called all the same."""
        members = [self.call("plus", number) for number in range(5)]
        members += [self.call("failing", role="failing") for _ in range(2)]
        self._rng.shuffle(members)
        how = self._rng.choice(("collect", "ignore"))
        body = self.call("survivors", role="body")
        return Drawn("half-failing chord", chord(group(members, errors=how), body), _up_to(5))

    def revoked_member(self) -> Drawn:
        """A member is revoked: it runs and all goes well, or it does not and the body fails."""
        members = [self.call("plus", number) for number in range(5)]
        members.append(self.call("plus", 5, role="revocable", countdown=self._rng.uniform(3, 6)))
        whole = chord(members, self.call("total", role="behind")) | self.call("plus", role="behind")
        errback = self.call("told", role="errback?")
        return Drawn("revoked member", whole.on_error(errback), _up_to(6) + 1)

    def replaced(self) -> Drawn:
        """A step in whose place there is a chain, or a chord."""
        how = self._rng.choice(("chain", "chord"))
        steps = [self.call("plus", 0), self.call("becoming", how), self.call("plus")]
        members = [chain(steps), chain(step.clone() for step in steps)]
        return Drawn("replaced", chord(members, self.call("total", role="body")), 10)

    def retrying(self) -> Drawn:
        """Steps that fail before they succeed."""
        members = [self.call("unsteady", 0, times) for times in (0, 1, 2)]
        body = self.call("total", role="body")
        return Drawn("retrying", chord(members, body) | self.call("unsteady", 1), 4)

    def mortal(self) -> Drawn:
        """A member, and the body, kill the workers that run them, after their last line."""
        members = [self.call("mortal", 0), self.call("plus", 0)]
        body = self.call("total", role="body")
        return Drawn("mortal", chord(members, body) | self.call("mortal"), 3)


class Flight(NamedTuple):
    """A workflow that was sent."""

    id: str
    result: AsyncResult[Any]
    roles: dict[str, list[str]]
    """Role to the ids of steps."""


async def send(app: Asynq, ledger: Ledger, drawn: Drawn) -> Flight:
    """Send a workflow, and note all of it.

    Raises:
        OperationalError: as the call; it is noted that perhaps it was sent.
    """
    announce_every_step()
    want(app)
    call = drawn.canvas.apply_async()
    assert isinstance(call, WorkflowCall)
    plan = call._plan
    roles: dict[str, list[str]] = {}
    for leaf in plan.leaves:
        role = cast("str", leaf.options["headers"][ROLE])
        roles.setdefault(role, []).append(plan.id_of(leaf))
    ledger.note_all(_lines(plan, roles, drawn.value))
    try:
        result = await call
    except OperationalError:
        ledger.note("W", plan.id, drawn.kind.replace(" ", "-"), "perhaps")
        raise
    ledger.note("W", plan.id, drawn.kind.replace(" ", "-"), "sent")
    return Flight(plan.id, result, roles)


def _lines(
    plan: Plan, roles: dict[str, list[str]], value: int | None
) -> Iterator[Sequence[object]]:
    for role, ids in roles.items():
        for id in ids:
            yield "N", id, plan.id, role
    end = plan.root.last()
    if value is not None and isinstance(end, Leaf):
        yield "V", plan.id_of(end), json.dumps(value)


def _up_to(number: int) -> int:
    return number * (number + 1) // 2
