"""The generated parts of docs/configuration.md.

To write them anew: ``python -m tests.conf.documentation``.
"""

import re
from itertools import groupby
from pathlib import Path

from asynq.conf.celery import INSTEAD, LATER, MEANINGLESS
from asynq.conf.declared import DECLARED

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
PART = re.compile(r"(<!-- (\w+): generated -->\n).*?(<!-- end -->)", re.DOTALL)


def cell(text):
    return text.replace("|", "\\|")


def default_of(setting):
    if setting.name == "result_backend":
        return "the broker's"
    return f"`{setting.default!r}`" if setting.default != {} else "`{}`"


def settings():
    yield "| setting | what it is for | what to write | default |"
    yield "|---|---|---|---|"
    for name, setting in DECLARED.items():
        written = cell(setting.kind.expected)
        yield f"| `{name}` | {cell(setting.doc)} | {written} | {cell(default_of(setting))} |"


def grouped(table, heads):
    yield heads
    yield "|---|---|"
    for group, names in groupby(table, table.get):
        listed = ", ".join(f"`{name}`" for name in names)
        yield f"| {cell(group[0].upper() + group[1:])} | {listed} |"


PARTS = {
    "settings": settings,
    "later": lambda: grouped(LATER, "| with | settings |"),
    "instead": lambda: grouped(INSTEAD, "| instead | settings |"),
    "meaningless": lambda: grouped(MEANINGLESS, "| why, and what to do | settings |"),
}


def rendered(page):
    """The page with its generated parts as the declarations have them now."""
    return PART.sub(lambda m: m[1] + "\n".join(PARTS[m[2]]()) + "\n" + m[3], page)


if __name__ == "__main__":
    PAGE.write_text(rendered(PAGE.read_text()))
