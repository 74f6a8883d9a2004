"""`asynq control revoke`."""

import asyncio

import pytest

from asynq.wire.rules import Rules


def revoked(app, *ids):
    async def look():
        async with app:
            return dict(await app.broker.revoked(ids))

    return asyncio.run(look())


@pytest.mark.parametrize(
    "words", [("-A", "shop", "control"), ("control", "-A", "shop")], ids=" ".join
)
def test_a_task_is_revoked(project, words):
    assert project.run(*words, "revoke", "a") == (0, "Revoked 1 task.\n", "")
    assert revoked(project.app, "a", "b") == {"a": False}


def test_several_are_revoked_and_ended(project):
    ran = project.run("-A", "shop", "control", "revoke", "a", "b", "--terminate")
    assert ran == (0, "Revoked 2 tasks.\n", "")
    assert revoked(project.app, "a", "b") == {"a": True, "b": True}


def test_a_worker_that_starts_later_leaves_it(project):
    id = project.run("-A", "shop", "call", "shop.greet").out.strip()
    project.run("-A", "shop", "control", "revoke", id)
    with project.worker():
        project.run("-A", "shop", "result", "--wait", id)
    ran = project.run("-A", "shop", "result", id)
    assert ran == (1, "REVOKED: TaskRevokedError: revoked\n", "")


def test_tasks_are_revoked_by_their_headers(project):
    words = ("-A", "shop", "control", "revoke_by_stamped_headers", "customer=a=b", "job=7", "job=8")
    ran = project.run(*words, "--terminate")
    assert ran == (0, "Revoked all tasks with customer=a=b or job=7 or job=8.\n", "")

    async def kept():
        async with project.app:
            return Rules.read(await project.app.broker.rules()).stamps

    (rule,) = asyncio.run(kept())
    assert rule.headers == {"customer": ("a=b",), "job": ("7", "8")}
    assert rule.terminate


def test_it_says_what_it_needs(project):
    assert project.run("-A", "shop", "control", "revoke").code == 2
    stamps = ("-A", "shop", "control", "revoke_by_stamped_headers")
    assert project.run(*stamps).err == (
        "Error: expected asynq control revoke_by_stamped_headers HEADER=VALUE…: which tasks?\n"
    )
    assert "expected HEADER=VALUE, got 'acme'" in project.run(*stamps, "acme").err
    assert "leave --destination out" in project.run(*stamps, "a=b", "-d", "x").err
