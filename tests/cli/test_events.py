"""`asynq events`: what workers tell, line by line."""

import json
import re

import pytest


@pytest.fixture
def history(project):
    """The events of one worker, which has run one task."""
    with project.worker(task_events=True, hostname="w@here"):
        assert project.run("-A", "shop", "call", "shop.add", "-a", "[4, 4]", "--wait").code == 0


def test_a_dump_has_celerys_lines(project, history):
    ran = project.run("-A", "shop", "events", "--dump", "--from", "beginning", "--limit", "4")
    assert (ran.code, ran.err) == (0, "")
    first, started, received, running, succeeded = ran.out.splitlines()
    assert first == "-> evdump: starting capture..."
    stamp = r"w@here \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00\]"
    call = r"shop\.add\([0-9a-f-]{36}\) args=\(4, 4\) kwargs=\{\}"
    assert re.fullmatch(rf"{stamp} started: active=0, clock=\d+, freq=2\.0, .*", started)
    assert re.fullmatch(rf"{stamp} task received: {call} clock=\d+, eta=None, .*", received)
    assert re.fullmatch(rf"{stamp} task started: {call} clock=\d+, .*", running)
    assert re.fullmatch(rf"{stamp} task succeeded: {call} .* result=8, .*", succeeded)


def test_for_programs_it_is_one_json_object_a_line(project, history):
    ran = project.run("-A", "shop", "events", "--json", "--from", "3600", "--limit", "4")
    told = [json.loads(line) for line in ran.out.splitlines()]
    assert [each["type"] for each in told] == [
        "worker-online",
        "task-received",
        "task-started",
        "task-succeeded",
    ]
    assert (told[-1]["name"], told[-1]["result"]) == ("shop.add", "8")


def test_only_some_types_can_be_asked_for(project, history):
    words = ("--from", "beginning", "-t", "task-succeeded", "-t", "worker-offline", "--limit", "2")
    ran = project.run("-A", "shop", "events", "--json", *words)
    told = [json.loads(line)["type"] for line in ran.out.splitlines()]
    assert told == ["task-succeeded", "worker-offline"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--dump", "--from", "yesterday"), "--from yesterday: expected beginning, a number of"),
        (("-c", "shop:app"), "--camera shop:app: expected a class derived from"),
        (("-c", "shop:add"), "--camera shop:add: expected a class derived from"),
    ],
)
def test_what_makes_no_sense_ends_with_2(project, words, says):
    ran = project.run("-A", "shop", "events", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Error: {says}")


def test_a_camera_that_is_not_there_ends_with_78(project):
    ran = project.run("-A", "shop", "events", "-c", "shop:Nothing")
    assert ran.code == 78
    assert "can't import the camera shop:Nothing" in ran.err


CAMERA = """
from asynq.events.snapshot import Polaroid


class Camera(Polaroid):
    def on_shutter(self, state):
        print("seen", state.count_by_state(), self.freq)
        raise KeyboardInterrupt
"""


def test_a_camera_takes_pictures(project, history):
    project.write("cameras.py", CAMERA)
    ran = project.run("-A", "shop", "events", "-c", "cameras.Camera", "-F", "0.5")
    assert ran.out.startswith("seen {'SUCCESS': 1} 0.5\n")
    assert ran.code == 130
