"""Where the program `asynq` begins.

`asynq ping --local --namespace …`, which is what probes run, is answered without loading the rest
of asynq; everything else, and whatever looks unusual, is the command line's.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

TYPE_CHECKING = False
if TYPE_CHECKING:  # `typing` itself is a third of what a probe costs
    from collections.abc import Sequence
    from typing import NoReturn

_VALUES = {"--namespace": "namespace", "--timeout": "timeout", "-t": "timeout"}


def main() -> NoReturn:
    """Run the command line and exit."""
    code = _probed(sys.argv[1:])
    if code is None:
        import_module("asynq.cli.main").main()
    sys.exit(code)


def _probed(words: Sequence[str]) -> int | None:
    """The exit code of a probe; None: it is another command, or must be looked at closely."""
    if words[:1] != ["ping"] or "--local" not in words:
        return None
    said = {"namespace": os.environ.get("ASYNQ_NAMESPACE", ""), "timeout": "2"}
    rest = iter(words[1:])
    for word in rest:
        name, equals, value = word.partition("=")
        if name in _VALUES:
            said[_VALUES[name]] = value if equals else next(rest, "")
        elif word not in ("--local", "--ready"):
            return None
    try:
        timeout = float(said["timeout"])
    except ValueError:
        return None
    if not said["namespace"] or not timeout >= 0.001:
        return None
    probing = import_module("asynq.cli.probing")
    code: int | None = probing.probe(said["namespace"], timeout=timeout, ready="--ready" in words)
    return code
