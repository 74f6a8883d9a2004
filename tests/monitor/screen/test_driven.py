"""The live screen, driven by its keys, over a real server and a real worker."""

import pytest

from asynq import Asynq, Worker, chain
from asynq.monitor import Cluster
from asynq.monitor.screen.program import Monitor
from tests.monitor.screen.conftest import driving
from tests.waiting import until


async def ended(screen, result, state="SUCCESS"):
    """Wait until the screen has heard of that."""
    tasks = screen.monitor.cluster.state.tasks
    await until(lambda: result.id in tasks and tasks[result.id].state == state)


# The views


async def test_the_overview_tells_what_is_done_and_what_fails(app, screen):
    async with Worker(app, hostname="w@here"):
        await ended(screen, await app.send_task("shop.add", (1, 2)))
        await ended(screen, await app.send_task("shop.fail"), "FAILURE")
        await screen.sees("1 Overview", "1 worker ", "Done a second", "Run time",
                          "Waiting in queues",
                          "SUCCESS", "50%", "LookupError('nobody")  # fmt: skip
        await screen.press("enter")
        await screen.sees("shop.fail", "Traceback", "LookupError: nobody knows")


async def test_the_tasks_are_listed_the_newest_first(app, screen):
    async with Worker(app, hostname="w@here"):
        first = await app.send_task("shop.add", (1, 2))
        await ended(screen, first)
        second = await app.send_task("shop.fail")
        await ended(screen, second, "FAILURE")
    await screen.press("2")
    shown = await screen.sees("UUID", "TASK", "WORKER", "TIME", "STATE", first.id[-12:])
    lines = [line for line in shown.splitlines() if "shop." in line][:2]
    assert [(second.id[-12:] in lines[0]), (first.id[-12:] in lines[1])] == [True, True]
    assert ["FAILURE" in lines[0], "SUCCESS" in lines[1]] == [True, True]
    assert "w@here" in lines[0]


async def test_new_tasks_come_in_by_themselves_until_somebody_goes_down(app, screen):
    await screen.press("2")
    await screen.sees("No task was told of yet.")
    async with Worker(app):
        for number in range(3):
            result = await app.send_task("shop.add", (number,))
            await ended(screen, result)
            await screen.sees(result.id[-12:])
        await screen.press("j")
        await screen.sees("g: newest")
        later = await app.send_task("shop.add")
        await ended(screen, later)
        assert later.id[-12:] not in await screen.sees("1 newer: g")
        await screen.press("g")
        await screen.sees(later.id[-12:])


async def test_workers_are_listed_and_lead_to_their_tasks(app, screen):
    async with Worker(app, hostname="w@here"):
        await ended(screen, await app.send_task("shop.add"))
        await screen.press("3")
        await screen.sees("NODE", "PROCESSED", "w@here", "ONLINE", "s ago")
        await screen.press("enter")
        await screen.sees("2 Tasks", "worker w@here", "shop.add")
    await screen.press("3")
    await screen.sees("w@here", "OFFLINE")


async def test_queues_are_listed_and_lead_to_their_tasks(app, screen):
    await app.send_task("shop.add", queue="images")
    await screen.press("4")
    await until(lambda: [queue.ready for queue in screen.monitor.cluster.queues] == [0, 1])
    await screen.sees("QUEUE", "READY", "DELAYED", "RUNNING", "OLDEST", "DEAD", "no worker")

    def ready():
        return [line.split()[1:2] for line in screen.shown.splitlines()[2:4]]

    await until(lambda: ready() == [["0"], ["1"]])
    await screen.press("j", "enter")
    await screen.sees("queue images", "None matches.")


async def test_tab_goes_round(screen):
    for view in ("tasks", "workers", "queues", "overview"):
        await screen.press("tab")
        assert screen.monitor.view == view
    await screen.press("shift+tab")
    assert screen.monitor.view == "queues"


async def test_it_can_be_used_with_a_mouse(app, screen):
    async with Worker(app):
        for number in range(2):
            await ended(screen, await app.send_task("shop.add", (number,)))
    await screen.click("#place-tasks")
    await screen.sees("SUCCESS")
    await screen.click("#task-table", offset=(5, 2))
    assert screen.monitor.subject.args == "(0,)"
    await screen.click("#task-table", offset=(5, 2))
    await screen.sees("Call", "(0,)")


# Searching, filters


async def test_a_search_shows_what_matches_while_it_is_typed(app, screen):
    async with Worker(app):
        for name in ("shop.add", "shop.fail", "shop.add"):
            result = await app.send_task(name)
            await ended(screen, result, "FAILURE" if name == "shop.fail" else "SUCCESS")
    await screen.press("2", "slash")
    await screen.type("nobody")
    assert "shop.add" not in await screen.sees("nobody", "1 of 3", "shop.fail")
    await screen.type(" ever")
    await screen.sees("None matches.")
    await screen.press("escape")
    await screen.sees("shop.add", "shop.fail")


async def test_an_id_that_was_not_told_of_is_asked_for_on_the_server(app, screen):
    result = await app.send_task("shop.add", countdown=3600)
    await screen.press("2", "slash")
    await screen.type(result.id)
    await screen.sees("Enter asks the server")
    await screen.press("enter")
    await screen.sees("PENDING", "Events do not tell of this task")


@pytest.mark.parametrize(("key", "word"), [("s", "FAILURE"), ("n", "shop.fail")])
async def test_tasks_are_filtered_by_what_is_chosen(app, screen, key, word):
    async with Worker(app):
        await ended(screen, await app.send_task("shop.add"))
        await ended(screen, await app.send_task("shop.fail"), "FAILURE")
    await screen.press("2", key)
    await screen.sees("All", word)
    await screen.press("j", "enter")
    if word not in screen.shown.splitlines()[1]:  # the other of the two
        await screen.press(key, "j", "enter")
    shown = await screen.sees(f" {word}", "1 of 2")
    assert "SUCCESS" not in shown
    await screen.press("escape")
    await screen.sees("SUCCESS")


# One task


async def test_a_task_is_opened_with_all_there_is_of_it(app, screen):
    add = app.tasks["shop.add"]
    async with Worker(app, hostname="w@here"):
        result = await chain(add.s(1, 2), add.s(3))()
        await ended(screen, result)
    await screen.press("2", "enter")
    shown = await screen.sees("Call", "Result", "6", "Times", "received", "succeeded", "w@here")
    assert result.id in shown
    await screen.press("G")
    await screen.sees("Workflow", "chain", "└─ shop.add  SUCCESS")
    await screen.press("q")
    await screen.sees("UUID")


async def test_its_result_and_its_traceback_are_a_key_away(app, screen):
    async with Worker(app):
        await ended(screen, await app.send_task("shop.fail"), "FAILURE")
    await screen.press("2", "t")
    await screen.sees("Traceback", "LookupError: nobody knows")
    await screen.press("escape", "r")
    await screen.sees("Error", "nobody knows")
    await screen.press("g", "t", "j", "k", "G")
    await screen.sees("Times")


async def test_it_is_kept_up_to_date_while_it_runs(app, screen):
    async with Worker(app):
        result = await app.send_task("shop.wait")
        await ended(screen, result, "STARTED")
        await screen.press("2", "enter")
        await screen.sees("STARTED", result.id)
        await app.control.revoke(result.id, terminate=True)
        await screen.sees("REVOKED")


# What keys do


async def test_a_task_is_revoked_after_a_question(app, screen):
    async with Worker(app):
        result = await app.send_task("shop.wait")
        await ended(screen, result, "STARTED")
        await screen.press("2", "c")
        await screen.sees("Revoke this task?", result.id, "y Revoke", "t Terminate it too")
        await screen.press("n")
        await screen.sees_not("Revoke this task?")
        await screen.press("c", "t")
        await ended(screen, result, "REVOKED")
        assert screen.told == ["Revoked, and ended where it runs."]


async def test_who_presses_enter_without_reading_revokes_nothing(app, screen):
    async with Worker(app):
        result = await app.send_task("shop.wait")
        await ended(screen, result, "STARTED")
        await screen.press("2", "c")
        await screen.sees("Revoke this task?")
        await screen.press("enter")
        await screen.sees_not("Revoke this task?")
        assert screen.told == []  # whatever is done is told
        assert screen.monitor.cluster.state.tasks[result.id].state == "STARTED"
        await app.control.terminate(result.id)


async def test_a_task_is_run_again(app, screen):
    async with Worker(app):
        await ended(screen, await app.send_task("shop.add", (7,)))
        await screen.press("2", "a")
        await screen.sees("Run it again?")
        await screen.press("y")
        await until(lambda: len(screen.monitor.cluster.state.tasks) == 2)
        await until(lambda: screen.told)
        assert screen.told[0].startswith("Called again, as ")


async def test_what_can_not_be_done_is_said(app, screen):
    async with Worker(app):
        result = await app.send_task("shop.wait")
        await ended(screen, result, "STARTED")
        await screen.press("2", "a", "y")
        await until(lambda: screen.told)
        assert "nothing to retry" in screen.told[0]
        await app.control.terminate(result.id)


async def test_a_queue_is_paused_resumed_and_limited(app, screen):
    async def queue(name):
        return next(each for each in await app.queues.list() if each.name == name)

    await screen.press("4")
    await screen.sees("images")
    await screen.press("j", "p")
    await screen.sees("Pause this queue?", "images")
    await screen.press("y")
    await screen.sees("paused")
    assert (await queue("images")).paused
    await screen.press("p")
    await screen.sees_not("paused")
    await screen.press("l")
    await screen.type("3")
    await screen.press("enter")
    await screen.sees("at most 3")
    assert (await queue("images")).limit == 3
    await screen.press("l", "backspace")
    await screen.type("many")
    await screen.press("enter")
    await until(lambda: "Expected a number from 1, got 'many'." in screen.told)


async def test_all_tasks_of_a_name_are_paused_and_resumed(app, screen):
    async with Worker(app):
        await ended(screen, await app.send_task("shop.add"))
    await screen.press("2", "p")
    await screen.sees("Pause all tasks of this name?", "shop.add")
    await screen.press("y")
    await until(lambda: screen.monitor.cluster.paused_tasks == {"shop.add"})
    await screen.press("4")
    await screen.sees("Paused tasks: shop.add")
    await screen.press("2", "p")
    await until(lambda: not screen.monitor.cluster.paused_tasks)


async def test_the_keys_are_told(screen):
    await screen.press("question_mark")
    await screen.sees("Keys", "Everywhere", "the next of these")
    await screen.press("escape")
    await screen.sees("1 Overview")


# What is not as it should be


async def test_workers_that_tell_nothing_are_named_with_the_cure(app, screen):
    async with Worker(app, hostname="w@here", task_events=False):
        await screen.sees("No worker tells events", "start them with -E")
        await screen.press("3")
        await screen.sees("w@here", "NO EVENTS")


async def test_a_server_that_is_away_is_said_and_waited_for(own_server, namespace):
    server = own_server()
    async with (
        Asynq(namespace, broker=server.url, set_as_current=False) as app,
        driving(Monitor(Cluster(app, every=0.05))) as screen,
    ):
        await screen.monitor.cluster.loaded.wait()
        await screen.sees("Done a second")
        server.kill()
        await screen.sees("The server is away, trying again")
        server.start()
        await screen.sees_not("The server is away")


async def test_a_beat_finds_no_screen_before_and_after(app):
    monitor = Monitor(Cluster(app))
    monitor._beat()
    async with driving(monitor):
        monitor._beat()
    monitor._beat()
