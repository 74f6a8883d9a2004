"""The player of the pages notices what is not so."""

import sys

import pytest

from tests.pages import ROOT, snippets_of
from tests.play import ClaimError, Play


@pytest.fixture
def play(directory, monkeypatch):
    """Plays a page with this text."""
    monkeypatch.delitem(sys.modules, "proj", raising=False)
    monkeypatch.setattr("tests.pages.ROOT", directory)

    def play(text):
        page = directory / "page.md"
        page.write_text(text)
        Play(page, directory).all()

    yield play
    sys.modules.pop("proj", None)


@pytest.mark.parametrize(
    "line",
    [
        "1 + 1  # 2",
        "x = 4  # 4",
        "print(3)  # 3",
        "await asyncio.sleep(0, 'slept')  # 'slept'",
        "int('x')  # ValueError: invalid literal",
        "int('x')  # ValueError",
        "1 + 1  # is two",
    ],
)
def test_what_is_so_passes(play, line):
    play(f"```python\nimport asyncio\n{line}\n```\n")


@pytest.mark.parametrize(
    "line",
    [
        "1 + 1  # 3",
        "x = 4  # 5",
        "print(3)  # 4",
        "KeyError(1)  # KeyError(2)",
        "int('x')  # ValueError: something else",
        "int('1')  # ValueError: invalid literal",
    ],
)
def test_a_false_claim_fails(play, line):
    with pytest.raises(ClaimError):
        play(f"```python\n{line}\n```\n")


def test_an_error_that_is_not_announced_fails(play):
    with pytest.raises(ZeroDivisionError):
        play("```python\n1 / 0\n```\n")


def test_commands_are_held_to_their_output_and_exit_code(play):
    play("```console\n$ echo one two three\none … three\n```\n")
    play("<!-- exits: 3 -->\n```console\n$ exit 3\n```\n")
    with pytest.raises(ClaimError, match="prints"):
        play("```console\n$ echo one two three\none … four\n```\n")
    with pytest.raises(ClaimError, match="exit code 3"):
        play("```console\n$ exit 3\n```\n")


def test_a_file_is_there_for_the_snippets_after_it(play):
    play(
        "<!-- file: said/words.txt -->\n```text\nhello\n```\n\n"
        "```console\n$ cat said/words.txt\nhello\n```\n"
    )


def test_what_is_marked_so_is_not_run(play):
    play("<!-- not run: it would fail -->\n```python\n1 / 0\n```\n")


def test_marks_count_only_right_above_a_snippet(directory):
    page = directory / "page.md"
    page.write_text("<!-- file: a.py -->\n\nwords between\n\n```python\n```\n")
    assert snippets_of(page)[0].marks == {}


def test_the_readme_has_snippets():
    assert len(snippets_of(ROOT / "README.md")) >= 6
