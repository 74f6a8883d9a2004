"""The scripts of this adapter; each states its contract in its own file."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from asynq._redis.scripts import RECORD, Script

_HERE: Final = Path(__file__).parent
_FLOW: Final = _HERE / "flow.lua"
_KEEP: Final = _HERE / "keep.lua"
_ONCE: Final = _HERE / "once.lua"
_PUT_BACK: Final = _HERE / "putback.lua"
_RIPEN: Final = _HERE / "ripen.lua"
_SCHEDULE: Final = _HERE / "schedule.lua"
_SPENT: Final = _HERE / "spent.lua"

ANNOUNCE: Final = Script(_HERE / "announce.lua")
APPEND: Final = Script(_HERE / "append.lua")
BEAT: Final = Script(_HERE / "beat.lua")
CHANGE: Final = Script(_SCHEDULE, _HERE / "change.lua")
COLLECT: Final = Script(_HERE / "collect.lua")
COUNT: Final = Script(_HERE / "count.lua")
DECLARE: Final = Script(_SCHEDULE, _HERE / "declare.lua")
DEPTH: Final = Script(_HERE / "depth.lua")
DISCARD: Final = Script(_ONCE, _HERE / "discard.lua")
ENQUEUE: Final = Script(_HERE / "enqueue.lua")
EXHUME: Final = Script(_ONCE, _HERE / "exhume.lua")
FETCH: Final = Script(_HERE / "fetch.lua")
FIRE: Final = Script(_SCHEDULE, _FLOW, _KEEP, _HERE / "fire.lua")
FIRST: Final = Script(_HERE / "first.lua")
GONE: Final = Script(_HERE / "gone.lua")
KNOWN: Final = Script(_HERE / "known.lua")
LAST: Final = Script(_HERE / "last.lua")
LAUNCH: Final = Script(_FLOW, _KEEP, _HERE / "launch.lua")
LOOK: Final = Script(_SCHEDULE, _HERE / "look.lua")
MOVE: Final = Script(_RIPEN, _HERE / "move.lua")
OPEN: Final = Script(_HERE / "open.lua")
PENDING: Final = Script(_HERE / "pending.lua")
PURGE: Final = Script(_HERE / "purge.lua")
REAP: Final = Script(_SPENT, _PUT_BACK, _HERE / "reap.lua")
RELEASE: Final = Script(_SPENT, _PUT_BACK, _HERE / "release.lua")
RESCHEDULE: Final = Script(_HERE / "reschedule.lua")
RESIGN: Final = Script(_HERE / "resign.lua")
REVOKE: Final = Script(_HERE / "revoke.lua")
REVOKED: Final = Script(_HERE / "revoked.lua")
SAY: Final = Script(_HERE / "say.lua")
SETTLE: Final = Script(_SPENT, RECORD, _FLOW, _HERE / "settle.lua")
SHUNNED: Final = Script(_HERE / "shunned.lua")
UNPARK: Final = Script(_RIPEN, _HERE / "unpark.lua")
WAITING: Final = Script(_HERE / "waiting.lua")
WORKERS: Final = Script(_HERE / "workers.lua")
