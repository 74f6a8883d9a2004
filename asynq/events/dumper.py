"""Events as lines, in Celery's form: what ``asynq events --dump`` prints."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from asynq._printable import printable
from asynq._time import from_timestamp
from asynq.events.event import Event

KNOWN: Final = 4095
"""Tasks whose calls are remembered, to be shown with later events."""
WORDS: Final = {
    "worker-offline": "shutdown",
    "worker-online": "started",
    "worker-heartbeat": "heartbeat",
}
_BEFORE: Final = frozenset({"type", "hostname", "timestamp", "uuid", "name", "args", "kwargs"})


class Dumper:
    """Makes lines of events, and remembers what the tasks in them were called with."""

    def __init__(self) -> None:
        self._calls: OrderedDict[str, str] = OrderedDict()

    def line(self, event: Event) -> str:
        """One event as one line, safe to print."""
        kind = str(event["type"]).lower()
        moment = from_timestamp(float(event["timestamp"]))
        words = WORDS.get(kind, kind.replace("-", " "))
        about = f"{self._call(event)} " if kind.startswith("task-") else ""
        known = _BEFORE if about else {"type", "hostname", "timestamp"}
        fields = ", ".join(f"{key}={event[key]}" for key in sorted(event) if key not in known)
        colon = ":" if about or fields else ""
        # Tracebacks have lines, which stay in this one.
        text = f"{event.get('hostname')} [{moment}] {words}{colon} {about}{fields}"
        return printable(text.rstrip().replace("\n", "\\n"))

    def _call(self, event: Event) -> str:
        uuid = str(event.get("uuid"))
        if "args" in event:
            call = f"{event.get('name')}({uuid}) args={event['args']} kwargs={event.get('kwargs')}"
            self._calls[uuid] = call
            if len(self._calls) > KNOWN:
                self._calls.popitem(last=False)
            return call
        return self._calls.get(uuid) or f"{event.get('name') or ''}({uuid})"
