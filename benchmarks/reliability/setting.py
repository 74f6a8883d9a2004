"""What a run tells the processes it starts, by their environment."""

from __future__ import annotations

import os

URL = os.environ.get("RELIABILITY_URL", "redis://127.0.0.1:6379/0")
"""The server; for some workers, through a wire that loses replies."""

LEASE = float(os.environ.get("RELIABILITY_LEASE", "5"))
"""Seconds after which a silent worker's tasks should run elsewhere, where the peer can be told."""

SLOTS = 4
"""Tasks at a time in each worker."""
