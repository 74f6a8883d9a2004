"""What all groups of commands have in common."""

import pytest

LOOKS = [("dead", "list"), ("schedule", "list"), ("workflow", "list"), ("queues", "--over", 0)]


@pytest.mark.parametrize(("group", "words"), [(group, words) for group, *words in LOOKS])
def test_the_name_after_the_group_stands_over_the_one_before(project, group, words):
    assert project.run("-A", "nothing", group, "-A", "shop", *words).code == 0


@pytest.mark.parametrize(("group", "words"), [(group, words) for group, *words in LOOKS])
def test_the_name_before_the_group_is_known_to_its_commands(project, group, words):
    assert project.run("-A", "shop", group, *words).code == 0
    assert project.run("-A", "nothing", group, *words).code != 0


def test_the_name_after_the_command_stands_over_the_groups(project):
    assert project.run("dead", "-A", "nothing", "list", "-A", "shop").code == 0


def test_help_lists_commands_in_the_order_in_which_they_were_made(project):
    listed = project.run("dead", "--help").out.partition("Commands:\n")[2]
    assert [line.split()[0] for line in listed.splitlines()] == ["list", "show", "retry", "purge"]
