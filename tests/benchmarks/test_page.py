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


def test_a_page_may_have_the_figures_of_several_commands(tmp_path):
    path = tmp_path / "page.md"
    path.write_text(f"{page.BEGIN}\nold\n{page.END}\n<!-- more -->\nold\n<!-- /more -->\n")
    page.put(path, "new", "more")
    expected = f"{page.BEGIN}\nold\n{page.END}\n<!-- more -->\n\nnew\n\n<!-- /more -->\n"
    assert path.read_text() == expected
