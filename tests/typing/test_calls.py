"""What `calls.py` says of itself is what the type checkers find."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

CALLS = Path(__file__).with_name("calls.py")
ROOT = CALLS.parent.parent.parent

COMMANDS = {
    "mypy": ["-m", "mypy", "--strict", "--no-error-summary", "--no-pretty"],
    "pyright": ["-m", "pyright", "--pythonpath", sys.executable],
}


@pytest.mark.parametrize("checker", sorted(COMMANDS))
def test_wrong_calls_are_errors_and_right_ones_are_not(checker):
    command = [sys.executable, *COMMANDS[checker], str(CALLS)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, cwd=ROOT)
    found = re.findall(r"calls\.py:(\d+):(?:\d+)?\D*?error", run.stdout)
    lines = CALLS.read_text().splitlines()
    wrong = [number for number, line in enumerate(lines, 1) if line.endswith("# wrong")]
    assert sorted({int(number) for number in found}) == wrong, run.stdout
