"""The page about settings says what the declarations say."""

from asynq.conf.declared import DECLARED
from tests.conf.documentation import PAGE, PART, PARTS, rendered


def test_the_page_is_as_the_declarations_are():
    page = PAGE.read_text()
    assert [part[1] for part in PART.findall(page)] == list(PARTS)
    assert page == rendered(page), "say: python -m tests.conf.documentation"


def test_every_setting_stands_in_the_table():
    lines = PAGE.read_text().splitlines()
    assert [name for name in DECLARED if sum(f"| `{name}` |" in line for line in lines) != 1] == []
