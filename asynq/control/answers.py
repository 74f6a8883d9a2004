"""What workers have answered, and who has not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class DuplicateNodenameWarning(UserWarning):
    """Several workers have the same node name, so their answers can't be told apart."""


class Answers(dict[str, Any]):
    """The answers by node name, as Celery gives them, and beside them who has not answered.

    A worker is in one of three places: here, with its answer (``[]`` where it does nothing); in
    `silent`; or in `down`. One that was stopped has said goodbye, and is in none.
    """

    def __init__(
        self,
        answers: Mapping[str, Any] = {},
        *,
        silent: Mapping[str, float] = {},
        down: Mapping[str, float | None] = {},
    ) -> None:
        super().__init__(answers)
        self.silent = dict(silent)
        """The workers that live by their heartbeat and did not answer in time, each with the age of
        its last heartbeat, in seconds: their event loop is blocked, say."""
        self.down = dict(down)
        """The workers whose heartbeat is over and that never said goodbye, each with the age of the
        last one, in seconds, for an hour; None: a node that was asked by its name, and of which the
        server has not heard within an hour."""

    def __repr__(self) -> str:
        more = "".join(
            f", {name}={value!r}"
            for name, value in (("silent", self.silent), ("down", self.down))
            if value
        )
        return f"Answers({dict(self)!r}{more})"
