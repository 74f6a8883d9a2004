"""A scene, played under each meter in turn."""

import asyncio
import json
from dataclasses import asdict

import pytest

from benchmarks.profile.measuring import profile
from benchmarks.profile.scenes import SCENES
from benchmarks.server import private_server

COUNT = 1_000


@pytest.fixture(scope="module")
def url():
    with private_server() as (url, _):
        yield url


@pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.name != "running-one"])
def test_a_scene_is_told_in_functions_and_in_scripts(scene, url):
    found = profile(scene, url, rounds=1, count=COUNT, loop=asyncio.new_event_loop)
    assert found.microseconds > 0
    rooms = {room.name: room.microseconds for room in found.rooms}
    assert sum(rooms.values()) == pytest.approx(found.microseconds, rel=0.01)
    sent = {command.name for command in found.redis.sent}
    wanted = {"running": "settle.lua"}.get(scene.name, "enqueue.lua")
    assert wanted in sent
    assert found.redis.bytes_sent > 0
    assert json.dumps(asdict(found))


def test_each_task_is_one_function_call_of_the_user(url):
    [scene] = [scene for scene in SCENES if scene.name == "running"]
    found = profile(scene, url, rounds=1, count=COUNT, loop=None)
    [noop] = [cost for cost in found.functions if cost.name.endswith("noop")]
    assert noop.calls == pytest.approx(1, rel=0.01)
    assert noop.room == "the user's task"
