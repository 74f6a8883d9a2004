"""Which files have changed."""

import os

import pytest

from asynq.worker.sources import Sources


@pytest.fixture
def write(tmp_path):
    def write(path, text=""):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    return write


def test_nothing_changes_by_itself(tmp_path, write):
    write("a.py")
    sources = Sources(tmp_path)
    assert sources.changed() == []


def test_a_file_written_made_or_gone_is_told_once(tmp_path, write):
    a, b = write("a.py", "1"), write("deep/down/b.py")
    sources = Sources(tmp_path)
    write("a.py", "22")
    b.unlink()
    c = write("c.py")
    assert sources.changed() == sorted([a, b, c])
    assert sources.changed() == []


def test_a_change_of_the_same_length_is_seen_by_its_time(tmp_path, write):
    a = write("a.py", "1")
    sources = Sources(tmp_path)
    about = a.stat()
    write("a.py", "2")
    os.utime(a, ns=(about.st_atime_ns, about.st_mtime_ns + 1))
    assert sources.changed() == [a]


@pytest.mark.parametrize(
    "path", ["a.txt", ".git/a.py", "venv/lib/a.py", "__pycache__/a.py", "node_modules/x/a.py"]
)
def test_other_files_do_not_count(tmp_path, write, path):
    write("venv/pyvenv.cfg")
    sources = Sources(tmp_path)
    write(path)
    assert sources.changed() == []
