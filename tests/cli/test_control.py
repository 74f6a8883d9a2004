"""`asynq control revoke`."""

import asyncio

import pytest


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


def test_it_says_what_it_needs(project):
    assert project.run("-A", "shop", "control", "revoke").code == 2
