"""`python -m asynq` is `asynq`."""

from __future__ import annotations

from asynq.cli.entry import main

if __name__ == "__main__":
    main()
