"""What holds for queues and tasks, as it is kept."""

from asynq.wire.rules import Rules


def test_what_is_kept_is_read():
    kept = {
        "queue-paused:images": "1",
        "queue-limit:reports": "3",
        "queue-limit:a:b": "12",
        "task-paused:proj.add": "1",
    }
    assert Rules.read(kept) == Rules(
        paused=frozenset({"images"}),
        limits={"reports": 3, "a:b": 12},
        paused_tasks=frozenset({"proj.add"}),
    )


def test_nothing_kept_is_no_rule():
    assert Rules.read({}) == Rules()


def test_what_a_later_release_writes_is_passed_over():
    assert Rules.read({"queue-shape:a": "round", "queue-limit:b": "many", "x": ""}) == Rules()
