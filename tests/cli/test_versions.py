"""Which versions are installed."""

from importlib.metadata import version

from asynq.cli.versions import version_of


def test_a_version_is_the_distributions():
    assert version_of("msgspec") == version("msgspec")


def test_what_is_not_there_is_said_in_words():
    assert version_of("no-such-distribution") == "not installed"
