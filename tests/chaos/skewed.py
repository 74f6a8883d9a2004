"""`python -m tests.chaos.skewed …`: `asynq …` on a machine whose clock is wrong by $CHAOS_SKEW
seconds. The monotonic clock is right, as on such machines."""

from __future__ import annotations

import os
import time

_right = time.time
_skew = float(os.environ["CHAOS_SKEW"])


def _wrong() -> float:
    return _right() + _skew


time.time = _wrong  # before asynq is imported, which takes it by its name

from asynq.cli.main import main  # noqa: E402

if __name__ == "__main__":
    main()
