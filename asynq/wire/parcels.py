"""What goes into a broker: parcels, and workflows of which it keeps the parcels until their turn.

Values only: what a broker does with them is said in `asynq.brokers.base`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct


class Parcel(Struct, frozen=True, kw_only=True):
    """One message on its way to a queue."""

    id: str
    queue: str
    body: bytes
    priority: int = 0
    """0 to 9, 9 is the most urgent; the broker rounds to a level it has."""
    delay: float = 0.0
    """Seconds to hold it back, counted on the broker's clock."""
    due: float | None = None
    """Unix time (seconds) not to deliver it before; stands over `delay`."""


class Step(Struct, frozen=True, kw_only=True):
    """A message that is kept until its step begins."""

    parcel: Parcel
    """`delay` counts from when it begins."""
    wants_input: bool = False


class Join(Struct, frozen=True, kw_only=True):
    """Where the values of several steps meet."""

    size: int
    start: Sequence[tuple[int, int]] = ()
    """Steps that begin when all are there."""
    join: tuple[int, int] | None = None
    """The join that this one is a value of, and the place there: a reference to it."""
    over: bool = False
    """The workflow is over then."""


class Workflow(Struct, frozen=True, kw_only=True):
    """A workflow, or some of it, as a broker keeps it."""

    id: str
    steps: Mapping[int, Step] = {}
    joins: Mapping[int, Join] = {}
    notes: Mapping[str, bytes] = {}
    """What the broker keeps without knowing what it says."""
    ttl: float
    """Seconds to keep it without anything happening in it."""
    kept: float
    """Seconds to keep it when it is over."""


class Known(Struct, frozen=True, kw_only=True):
    """A workflow that a broker keeps."""

    id: str
    began: float
    """When it was launched: Unix time, seconds."""
    idle: float
    """Seconds since something happened in it, or since it was over."""
    over: str
    """How it ended; empty: it goes on."""


class Advance(Struct, frozen=True, kw_only=True):
    """What the end of a delivery does in a workflow that the broker keeps (see `Workflows`).

    Nothing, where that workflow is not there any more.
    """

    workflow: str
    input: bytes = b""
    """What is appended to the messages of the steps that begin, and kept as the value of a join."""
    start: Sequence[tuple[int, int]] = ()
    """Steps that begin: the first and the last of those whose numbers follow each other. One that
    has begun, or is not there, is passed over."""
    join: tuple[int, int] | None = None
    """The join that has a value more, and the place there. A place is filled once; with the last,
    what the join leads to begins."""
    grow: tuple[int, Sequence[tuple[int, str]]] | None = None
    """A join that gets more places, before anything else happens: their numbers, and the ids of the
    tasks whose values they wait for."""
    once: tuple[str, Parcel | None] | None = None
    """A mark, and what is published if that has not been made before."""
    over: str = ""
    """The workflow is over, and how it ended; it is kept for its own time from now on."""


class Page(Struct, frozen=True):
    """One entry of an event log."""

    place: str
    """Where it stands: what `EventLog.read` goes on from."""
    body: bytes
