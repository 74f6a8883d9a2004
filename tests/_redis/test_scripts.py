from __future__ import annotations

from hashlib import sha1
from pathlib import Path

import pytest

import asynq
from asynq._redis.scripts import Script

LUA = sorted(Path(asynq.__file__).parent.rglob("*.lua"))


def test_a_script_is_its_parts_in_order(tmp_path: Path):
    first, second = tmp_path / "first.lua", tmp_path / "second.lua"
    first.write_text("local a = 1")
    second.write_text("return a")
    script = Script(first, second)
    assert script.text == b"local a = 1\nreturn a"
    assert script.digest == sha1(script.text).hexdigest().encode()
    assert script.name == "second"


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_a_script_states_its_contract_above_itself(path: Path):
    lines = path.read_text().splitlines()
    head = lines[: next(i for i, line in enumerate(lines) if line[:2] != "--")]
    assert len(head) >= 3
    if any("KEYS[" in line for line in lines[len(head) :]):  # else it is a part of others
        assert any("KEYS" in line for line in head)
        assert any("Returns" in line or "returns" in line for line in head)


@pytest.mark.parametrize("path", LUA, ids=lambda path: path.name)
def test_a_script_has_no_shebang_and_fits_the_page(path: Path):
    text = path.read_text()
    assert not text.startswith("#!")
    assert max(map(len, text.splitlines())) <= 100
