"""What was done, and by whom: a line of the log for the operator, a sentence for who did it."""

from __future__ import annotations

import hmac
import logging
from collections.abc import Mapping
from typing import Final

from starlette.requests import Request

from asynq._printable import printable
from asynq.web.guard import form_token

logger = logging.getLogger("asynq.web")

LONGEST: Final = 300
"""Characters of a value in the log."""


def audit(action: str, *, user: str, address: str, outcome: str, **about: str) -> None:
    """A line of who did what: ``retry id=… user=ada address=10.0.0.7: done``."""
    told: Mapping[str, str] = {**about, "user": user, "address": address}
    words = " ".join(f"{name}={printable(value, LONGEST)}" for name, value in told.items() if value)
    logger.info("%s %s: %s", action, words, printable(outcome, LONGEST))


# What is told on the next page travels in its URL, sealed with the browser's own secret: no link of
# somebody else's can have the page say something.


def telling(text: str, secret: str) -> dict[str, str]:
    """What is to be told on the next page, as parameters of its URL."""
    return {"told": text, "seal": form_token(secret, f"told: {text}")}


def told_of(request: Request, secret: str) -> str:
    """What is to be told on this page; empty: nothing, or it is not from us."""
    text, seal = (request.query_params.get(name, "") for name in ("told", "seal"))
    right = form_token(secret, f"told: {text}")
    return text if text and hmac.compare_digest(right.encode(), seal.encode()) else ""
