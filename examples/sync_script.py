"""A program without a single `async`: `asynq.run` waits for whatever others would await.

In one terminal ``asynq -A examples.sync_script worker``, in another
``python -m examples.sync_script``.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import asynq

app = asynq.Asynq("sync-script")


@app.task(name="sync_script.square")
def square(number: int) -> int:
    time.sleep(0.05)
    return number * number


def ask(number: int) -> int:
    return asynq.run(square.delay(number).get(timeout=10))


def main() -> None:
    result = asynq.run(square.delay(12))
    print(f"sent {result.id}")
    print("12 squared is", asynq.run(result.get(timeout=10)))

    # From many threads too: all share one event loop and one connection.
    with ThreadPoolExecutor(8) as threads:
        print("the first ten squares:", list(threads.map(ask, range(10))))


if __name__ == "__main__":
    main()
