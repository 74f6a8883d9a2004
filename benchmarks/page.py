"""Keeps figures in a page of the documentation between two marks."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def put(page: Path, figures: str) -> None:
    """Replace what stands between the marks.

    Raises:
        ValueError: the page has no such marks.
    """
    text = page.read_text()
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{page} needs {BEGIN} and {END}, for the figures to stand between them")
    page.write_text(f"{before}{begin}\n\n{figures.strip()}\n\n{end}{after}")
