"""Which versions are installed."""

import asynq
from asynq.cli.versions import own_version, version_of


def test_our_own_is_the_packages():
    assert own_version() == asynq.__version__


def test_what_is_not_there_is_said_in_words():
    assert version_of("no-such-distribution") == "not installed"
