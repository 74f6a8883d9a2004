"""The remote commands that every worker knows: one small function each.

`looking` and `telling` hold those that only look, `steering` those that change something. A
function gets the `Panel`, which is the worker's state for commands, and what was said, by name;
what it returns is the answer. To add one, write it with `@inspect_command` or `@control_command`
in one of these modules; there is nothing else to do.
"""

from asynq.worker.commands import looking, steering, telling

__all__ = ["looking", "steering", "telling"]
