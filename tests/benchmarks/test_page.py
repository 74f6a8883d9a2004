"""A page of the documentation that keeps figures between two marks."""

import pytest

from benchmarks import page


def test_the_page_keeps_what_stands_around_the_figures(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"# Before\n\n{page.BEGIN}\nold\n{page.END}\n\nAfter\n")
    page.put(path, "new\n")
    page.put(path, "newer\n")
    assert path.read_text() == f"# Before\n\n{page.BEGIN}\n\nnewer\n\n{page.END}\n\nAfter\n"


def test_a_page_without_marks_is_refused(tmp_path):
    path = tmp_path / "page.md"
    path.write_text("# Before\n")
    with pytest.raises(ValueError, match="figures"):
        page.put(path, "new")
    assert path.read_text() == "# Before\n"
