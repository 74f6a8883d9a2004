"""The live screen: `asynq events`, a cluster in a terminal (`pip install 'asynq-tasks[screen]'`).

`program` is the screen, with one view in it a file: `overview`, `tasks`, `workers`, `queues`;
`detail` is one task, opened. `keys` lists what can be pressed, `acting` does what is asked.
"""

from __future__ import annotations

from asynq.monitor.screen.running import show as show
