"""Lua scripts, kept in files beside who uses them."""

from __future__ import annotations

from hashlib import sha1
from pathlib import Path
from typing import Final


class Script:
    """A script and the name the server knows it by.

    Args:
        files: Parts of the text, in order: a function that several scripts share, then the script.
    """

    __slots__ = ("digest", "name", "text")

    def __init__(self, *files: Path) -> None:
        self.name = files[-1].stem
        self.text = b"\n".join(file.read_bytes() for file in files)
        self.digest = sha1(self.text, usedforsecurity=False).hexdigest().encode()

    def __repr__(self) -> str:
        return f"<Script {self.name}>"


HERE = Path(__file__).parent
RECORD = HERE / "record.lua"
"""The part that stores a record and wakes who waits for it: `keep_record`."""
PROBE: Final = Script(HERE / "probe.lua")
"""Tells which commands may not be run here."""
