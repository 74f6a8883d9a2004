"""Words after `asynq multi`: which are names, which are options, and for whom."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asynq.multi.words import Given, Option, UnknownOption, UnreadableWords, read

QUEUES = Option("--queues")
EVENTS = Option("--events", takes_value=False)
RELOAD = Option("--reload", takes_value=False)
KNOWN = {"-Q": QUEUES, "--queues": QUEUES, "-E": EVENTS, "--events": EVENTS, "-R": RELOAD}


@pytest.mark.parametrize(
    ("words", "spelling", "value", "selector"),
    [
        (("-Q", "a,b"), "-Q", "a,b", None),
        (("-Qa,b",), "-Q", "a,b", None),
        (("--queues", "a,b"), "--queues", "a,b", None),
        (("--queues=a,b",), "--queues", "a,b", None),
        (("--queues=a=b",), "--queues", "a=b", None),
        (("-Q:1-3", "a,b"), "-Q", "a,b", "1-3"),
        (("-Q:1-3=a,b",), "-Q", "a,b", "1-3"),
        (("--queues:w1,w2@h", "a"), "--queues", "a", "w1,w2@h"),
        (("--queues:1=a:b",), "--queues", "a:b", "1"),
        (("-Q", "-E"), "-Q", "-E", None),
    ],
    ids=str,
)
def test_an_option_with_its_value(words, spelling, value, selector):
    assert read(words, KNOWN).given == (Given(QUEUES, spelling, value, selector),)


def test_flags_may_stand_together_and_may_be_for_some():
    told = read(["w1", "-ER", "--events:w1", "w2"], KNOWN)
    assert told.names == ("w1", "w2")
    assert [(one.spelling, one.selector) for one in told.given] == [
        ("-E", None),
        ("-R", None),
        ("--events", "w1"),
    ]


def test_the_last_value_is_the_one_that_counts():
    told = read(["-Q", "a", "--queues=b", "-Q:1", "c"], KNOWN)
    assert told.value("--queues") == "c"
    assert told.value("--events") is None
    assert (told.has("--queues"), told.has("--events")) == (True, False)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("-Q",), "-Q needs a value"),
        (("--queues:1",), "--queues needs a value"),
        (("--events=yes",), "--events takes no value, and got 'yes'"),
        (("-E:1=yes",), "-E takes no value"),
        (("--", "x"), "nothing can stand behind `--`"),
    ],
    ids=str,
)
def test_what_can_not_be_read_is_refused(words, says):
    with pytest.raises(UnreadableWords, match=says):
        read(words, KNOWN)


def test_an_unknown_option_is_told_with_the_nearest():
    with pytest.raises(UnknownOption, match="no option --queue: did you mean --queues"):
        read(["--queue=a"], KNOWN)
    with pytest.raises(UnknownOption, match="`asynq worker -h` lists them") as caught:
        read(["-EZ"], KNOWN)
    assert caught.value.spelling == "-Z"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (Given(QUEUES, "-Q", "a b"), ["-Q", "a b"]),
        (Given(QUEUES, "--queues", "a", "1-3"), ["--queues=a"]),
        (Given(EVENTS, "-E", None, "2"), ["-E"]),
    ],
)
def test_a_worker_is_told_it_without_the_selector(given, words):
    assert given.words() == words


VALUES = st.text("-:=,%Q é", max_size=4)
"""What a reader of words might stumble over."""
OPTIONS = st.one_of(
    st.builds(Given, st.just(QUEUES), st.sampled_from(["-Q", "--queues"]), VALUES),
    st.builds(Given, st.just(EVENTS), st.sampled_from(["-E", "--events"])),
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(OPTIONS, max_size=4))
def test_what_a_worker_is_told_means_to_it_what_it_meant_here(options):
    words = [word for one in options for word in one.words()]
    assert read(words, KNOWN).given == tuple(options)
