"""The pages for people, and the snippets on them.

A snippet is a fenced block. What is to be done with it stands in comments right above it, which no
reader sees:

`<!-- file: proj/tasks.py -->`
    it is that file, in the page's own directory; not run, but imported and started by others.
`<!-- worker: app -->`
    before it, a worker of that app begins to run in this process.
`<!-- exits: 1 -->`
    its last command ends with that exit code, rather than 0.
`<!-- not run: why -->`
    it can't be run here. `tests.test_docs` lists all of these.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        ROOT / "README.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
    ]
)
INSTALLERS = ("git ", "make ", "pip ")
"""A console snippet that begins with one of these is not run either."""
LANGUAGES = {"python", "console", "text", "toml", "ini", "dockerfile", "yaml"}
MARKS = {"file", "worker", "exits", "not run"}

FENCE = re.compile(r"\s*```(.*)")
MARK = re.compile(r"<!-- ([a-z ]+?)(?:: (.*))? -->")


class Snippet(NamedTuple):
    """One fenced block of a page."""

    page: Path
    line: int
    """Of its fence; its first line of text is the one after."""
    language: str
    text: str
    marks: dict[str, str]

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def first(self) -> str:
        """Its first line: what the tests call it."""
        return self.text.partition("\n")[0]

    @property
    def runs(self) -> bool:
        """Is it run, or written as a file?"""
        return "not run" not in self.marks and not self.first.removeprefix("$ ").startswith(
            INSTALLERS
        )

    @property
    def commands(self) -> list[tuple[str, str]]:
        """What a console snippet says after `$`, each with the output it shows."""
        parts = re.split(r"^\$ ", self.text, flags=re.MULTILINE)[1:]
        pairs = [part.partition("\n") for part in parts]
        return [(command, output.strip()) for command, _, output in pairs]


def snippets_of(page: Path) -> list[Snippet]:
    """The snippets of a page, in order."""
    lines = page.read_text().splitlines()
    found: list[Snippet] = []
    marks: dict[str, str] = {}
    fence = None
    for number, line in enumerate(lines, start=1):
        match = FENCE.match(line)
        if fence is None and match is None:
            mark = MARK.fullmatch(line)
            if mark is not None:
                marks[mark[1]] = mark[2] or ""
            elif line.strip():
                marks = {}
        elif fence is None and match is not None:
            fence = (number, match[1])
        elif match is not None and fence is not None:
            begin, language = fence
            text = "\n".join(lines[begin : number - 1]) + "\n"
            found.append(Snippet(page, begin, language, text, marks))
            fence, marks = None, {}
    return found
