"""Every snippet in the README, in docs/ and in examples/ runs, and shows what it says it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import OURS
from tests.pages import LANGUAGES, MARKS, PAGES, ROOT, snippets_of

SECONDS = 90

NOT_RUN = {
    ("README.md", "$ git clone … asynq && cd asynq"),
    ("README.md", "$ pip install 'asynq-tasks[embedded]'"),
    ("docs/architecture.md", "$ make check            # format, lint, types, import rules"),
    ("docs/embedded-server.md", "$ pip install 'asynq-tasks[embedded]'"),
    ("docs/events.md", "$ asynq -A proj events --camera cameras:Counter --frequency 2"),
    ("docs/fastapi.md", "$ uvicorn service:api"),
    (
        "docs/guarantees.md",
        '$ make chaos ARGS="--seconds 600 --server redis --seed 179736 '
        '--without chain chord mixed mortal"',
    ),
    (
        "docs/guarantees.md",
        '$ make chaos ARGS="--seconds 420 --server redis --seed 7001 --rate 6"',
    ),
    (
        "docs/guarantees.md",
        '$ make soak ARGS="--seconds 3600 --server redis --seed 726867"',
    ),
    ("docs/live-screen.md", "$ asynq -A proj events"),
    ("docs/live-screen.md", "$ pip install 'asynq-tasks[screen]'"),
    ("docs/monitoring.md", "$ pip install 'asynq-tasks[prometheus,opentelemetry]'"),
    ("docs/performance.md", "$ make bench QUICK=1                  # a look: below 3 minutes"),
    (
        "docs/performance.md",
        "$ python -m benchmarks.canvas                           "
        "# all: some 20 minutes, if nothing else runs",
    ),
    (
        "docs/performance.md",
        "$ python -m benchmarks.profile            "
        "# function by function, script by script, bytes each way",
    ),
    ("docs/security.md", 'pip install "asynq-tasks[encryption]"'),
    ("docs/web.md", "$ pip install 'asynq-tasks[web]'"),
    ("docs/web.md", "$ asynq -A proj worker -E"),
}
"""The snippets that can't be run here, by their first line."""

ALL = [snippet for page in PAGES for snippet in snippets_of(page)]


def named(page):
    return str(page.relative_to(ROOT))


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_does_what_it_says(page, directory):
    environment = {k: v for k, v in os.environ.items() if not k.startswith((*OURS, "COV_"))}
    environment |= {
        "ASYNQ_STATE_DIR": str(directory / "state"),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
        "NO_COLOR": "1",
        "COLUMNS": "100",
    }
    place = directory / "page"
    place.mkdir()
    played = subprocess.run(
        [sys.executable, "-W", "error", "-m", "tests.play", named(page), str(place)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert played.returncode == 0, played.stderr
    assert "Exception ignored" not in played.stderr
    assert "never awaited" not in played.stderr


def test_what_is_not_run_is_known_by_name():
    assert {(named(snippet.page), snippet.first) for snippet in ALL if not snippet.runs} == NOT_RUN


def test_every_snippet_says_what_it_is():
    unknown = [s.place for s in ALL if s.language not in LANGUAGES or not s.marks.keys() <= MARKS]
    assert unknown == []


def test_no_fence_is_left_open():
    odd = [named(page) for page in PAGES if len(re.findall(r"^\s*```", page.read_text(), re.M)) % 2]
    assert odd == []


def test_every_page_is_in_the_index():
    index = (ROOT / "docs" / "README.md").read_text()
    pages = {str(page.relative_to(ROOT / "docs")) for page in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages - {"README.md"} if f"]({page})" not in index} == set()


def anchors(page):
    titles = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_links_lead_somewhere(page):
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if target.startswith("http"):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        if not found.exists() or (anchor and anchor not in anchors(found)):
            broken.append(target)
    assert broken == []
