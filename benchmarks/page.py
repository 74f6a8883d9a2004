"""Keeps figures in a page of the documentation between two marks."""

from __future__ import annotations

from pathlib import Path

BEGIN, END = "<!-- figures -->", "<!-- /figures -->"


def put(page: Path, figures: str, name: str = "figures") -> None:
    """Replace what stands between the marks.

    Args:
        page: Where they are.
        figures: What stands there then.
        name: Which marks, as a page may have the figures of several commands.

    Raises:
        ValueError: the page has no such marks.
    """
    opening, closing = f"<!-- {name} -->", f"<!-- /{name} -->"
    text = page.read_text()
    before, begin, rest = text.partition(opening)
    _, end, after = rest.partition(closing)
    if not begin or not end:
        needed = f"{opening} and {closing}"
        raise ValueError(f"{page} needs {needed}, for the figures to stand between them")
    page.write_text(f"{before}{begin}\n\n{figures.strip()}\n\n{end}{after}")
