"""The keys that are told are those that are bound, and each does something."""

import re

import pytest
from textual.binding import Binding

from asynq.monitor.screen import keys
from asynq.monitor.screen.detail import DetailScreen
from asynq.monitor.screen.program import Monitor
from asynq.monitor.screen.queues import QueuesView
from asynq.monitor.screen.table import Table
from asynq.monitor.screen.tasks import TasksView
from tests.monitor.screen.conftest import driving
from tests.monitor.screen.sample import SampleMonitor, cluster
from tests.test_house import ROOT
from tests.waiting import until

BOUND = {
    Monitor: (keys.EVERYWHERE,),
    Table: (keys.LIST,),
    TasksView: (keys.FILTERS, keys.TASK),
    QueuesView: (keys.QUEUE,),
    DetailScreen: (keys.DETAIL, keys.TASK),
}


def documented():
    """The tables of the page: by heading, the keys and what they do."""
    page = (ROOT / "docs" / "live-screen.md").read_text()
    found = {}
    for heading, table in re.findall(r"^\*\*(.+)\*\*\n\n((?:\|.*\n)+)", page, re.MULTILINE):
        rows = re.findall(r"^\| (`.+?) \| (.+?) \|$", table, re.MULTILINE)
        found[heading] = [(shown.replace("`", ""), about) for shown, about in rows]
    return found


def test_the_page_lists_the_keys():
    listed = {
        heading: [(key.shown, key.about) for key in group] for heading, group in keys.GROUPS.items()
    }
    assert documented() == listed


@pytest.mark.parametrize("place", BOUND, ids=lambda place: place.__name__)
def test_the_keys_that_are_told_are_bound(place):
    told = [(key.keys, key.action) for group in BOUND[place] for key in group]
    bound = [(each.key, each.action) for each in place.BINDINGS if isinstance(each, Binding)]
    assert bound == told


@pytest.mark.parametrize("place", BOUND, ids=lambda place: place.__name__)
def test_every_key_does_something(place):
    for group in BOUND[place]:
        for key in group:
            where, _, name = key.action.partition("(")[0].rpartition(".")
            assert hasattr(Monitor if where == "app" else place, f"action_{name}"), key


async def test_the_help_tells_them_and_the_footer_the_most_important():
    async with driving(SampleMonitor(cluster()), size=(100, 90)) as screen:
        await screen.press("question_mark")
        shown = await screen.sees("Keys")
        for group in keys.GROUPS.values():
            for key in group:
                assert f"{key.shown:<12}{key.about}" in shown
        await screen.press("escape", "2")
        await screen.sees(
            "Enter Open / Search s State n Name c Revoke a Again p Pause ? Help q Quit"
        )


class Control:
    """In the place of `app.control`: remembers what is said."""

    def __init__(self):
        self.said = []

    async def rate_limit(self, task_name, rate):
        self.said.append((task_name, rate))

    async def enable_events(self):
        self.said.append("enable_events")


async def test_what_remote_control_does_has_keys(monkeypatch):
    monitor = SampleMonitor(cluster())
    control = Control()
    monkeypatch.setattr(monitor.cluster.app, "control", control)
    async with driving(monitor) as screen:
        await screen.press("2", "l")
        await screen.sees("Limit the rate", "10/s")
        await screen.type("5/m")
        await screen.press("enter", "E")
        await until(lambda: len(screen.told) == 2)
    assert control.said == [("shop.orders.charge", "5/m"), "enable_events"]
