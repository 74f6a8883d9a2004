"""The app whose beats are set upon. Its settings come by the environment."""

import os

from asynq import Asynq

app = Asynq(os.environ.get("TEST_NAMESPACE", "beats"), task_default_queue="slots")

app.conf.beat_schedule = {
    f"every-second-{number}": {
        "task": "slots.take",
        "schedule": 1.0,
        "args": [number],
        "misfire": "all",
    }
    for number in range(3)
}
