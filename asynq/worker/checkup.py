"""Agent of one moment: tells the log, when a worker starts, what may go wrong with its server.

In the background, so a slow answer keeps no task waiting, and once: the same look, with all that it
finds, is `asynq doctor`.
"""

from __future__ import annotations

import logging
from typing import Final

from asynq.brokers.base import Broker
from asynq.exceptions import AsynqError
from asynq.worker.state import WorkerState

logger = logging.getLogger("asynq.worker")

TOPICS: Final = {
    **dict.fromkeys(("server", "eviction", "persistence", "role", "permissions"), logging.WARNING),
    "support": logging.INFO,  # a matter of years, and not of this start
}
"""What is worth a line in a log, with how loud a warning is. The rest changes from hour to hour, or
is a matter of taste."""


async def check_up(broker: Broker, state: WorkerState) -> None:
    """Wait for the broker's first answer, look at the server, say what is wrong."""
    await state.reached.wait()
    try:
        findings = await broker.diagnose()
    except (AsynqError, NotImplementedError) as error:
        logger.debug("Could not look at the server: %s", error)
        return
    for finding in findings:
        if finding.level != "ok" and finding.topic in TOPICS:
            level = logging.ERROR if finding.level == "error" else TOPICS[finding.topic]
            advice = f" → {finding.advice}" if finding.advice else ""
            logger.log(level, "Broker, %s: %s%s", finding.topic, finding.text, advice)
