"""Names, selectors and what each node is told: nothing is started here."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from asynq.multi.nodes import Node, Unfit, check_apart, expand_names, make_nodes, select
from asynq.multi.words import Given, Option, read

KNOWN = {
    "-Q": Option("--queues"),
    "--queues": Option("--queues"),
    "-c": Option("--concurrency"),
    "-A": Option("--app", leads=True),
    "--pidfile": Option("--pidfile"),
    "-E": Option("--events", takes_value=False),
}
FOUR = ("a@h", "b@h", "c@h", "d@other")


def nodes(line):
    return make_nodes(read(line.split(), KNOWN), "vm")


def values(line, option):
    return [node.value(option) for node in nodes(line)]


# Names


def test_a_number_alone_is_a_range():
    assert expand_names(["3"], "vm") == ["asynq1@vm", "asynq2@vm", "asynq3@vm"]
    assert expand_names(["2"], "vm", prefix="w") == ["w1@vm", "w2@vm"]


def test_names_may_have_a_host_of_their_own():
    assert expand_names(["w1", "w2@box", "7"], "vm") == ["w1@vm", "w2@box", "7@vm"]


@pytest.mark.parametrize(
    ("names", "says"),
    [
        ([], "which nodes"),
        (["0"], "0 nodes can't be started: expected 1 to 1000"),
        (["1001"], "1001 nodes can't be started"),
        (["w1", "w1@vm"], "w1@vm is named twice"),
        (["a/b"], "no node name"),
        (["a%p"], "no node name"),
        (["a@"], "no node name"),
        (["a@b@c"], "no node name"),
    ],
    ids=str,
)
def test_what_is_no_name_is_refused(names, says):
    with pytest.raises(Unfit, match=says):
        expand_names(names, "vm")


# Selectors


@pytest.mark.parametrize(
    ("selector", "places"),
    [
        ("1", [0]),
        ("4", [3]),
        ("1-3", [0, 1, 2]),
        ("2-2", [1]),
        ("4,1", [0, 3]),
        ("1-2,2-3, 4", [0, 1, 2, 3]),
        ("a", [0]),
        ("b,d", [1, 3]),
        ("d@other,1", [0, 3]),
    ],
)
def test_a_selector_means_nodes_by_position_and_by_name(selector, places):
    assert select(selector, FOUR) == places


@pytest.mark.parametrize("selector", ["0", "5", "0-2", "3-5", "3-1", "e", "a@other", "", "1,", "-"])
def test_a_selector_that_fits_no_node_is_refused(selector):
    with pytest.raises(Unfit, match=r"no node .* for the selector"):
        select(selector, FOUR)


def test_a_name_that_looks_like_a_position_or_a_range_is_a_name():
    names = ("2@h", "1@h", "1-2@h")
    assert select("1", names) == [1]
    assert select("1-2", names) == [2]
    assert select("3", names) == [2]


def test_one_name_on_two_hosts_means_both():
    assert select("w", ("w@a", "v@a", "w@b")) == [0, 2]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_a_list_of_ranges_means_what_is_in_any_of_them(data):
    count = data.draw(st.integers(1, 60))
    positions = st.integers(1, count)
    ranges = data.draw(
        st.lists(st.tuples(positions, positions).map(sorted), min_size=1, max_size=5)
    )
    selector = ",".join(f"{a}-{b}" if a != b else str(a) for a, b in ranges)
    names = [f"n{number}@h" for number in range(1, count + 1)]
    expected = {place for a, b in ranges for place in range(a - 1, b)}
    assert select(selector, names) == sorted(expected)


# Together


def test_the_line_of_the_page():
    line = "10 -A proj -l INFO -Q:1-3 images,video -Q:4,5 data -Q default".replace("-l INFO ", "")
    assert values(line, "--queues") == ["images,video"] * 3 + ["data"] * 2 + ["default"] * 5
    assert values(line, "--app") == ["proj"] * 10


def test_what_is_said_without_a_selector_is_for_the_rest_wherever_it_stands():
    for line in ("a b -c:a 3 -c 1", "a b -c 1 -c:a 3"):
        assert values(line, "--concurrency") == ["3", "1"]
    assert values("a b -c:a 3", "--concurrency") == ["3", None]


def test_all_spellings_of_an_option_are_one_and_the_last_word_counts():
    assert values("a b -Q x --queues:2=y", "--queues") == ["x", "y"]
    assert values("3 -Q:1-3 x -Q:2 y", "--queues") == ["x", "y", "x"]


def test_a_flag_may_be_for_some():
    told = [[one.spelling for one in node.options] for node in nodes("a b -E:b")]
    assert told == [[], ["-E"]]


def test_a_command_has_the_apps_options_first_and_the_name_last():
    (node,) = nodes("w1 -Q x -A proj -E")
    assert node.command(["asynq"], "--detach") == [
        *("asynq", "-A", "proj", "worker", "--detach", "-Q", "x", "-E", "-n", "w1@vm"),
    ]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("%n.pid", "w1.pid"),
        ("%N-%h-%p-%d", "w1-w1@box-w1@box-box"),
        ("%n%I.log", "w1%I.log"),
        ("%i", "%i"),
        ("100%%n", "100%%n"),
        ("%(asctime)s %", "%(asctime)s %"),
    ],
)
def test_what_a_node_is_called_can_be_part_of_what_it_is_told(template, text):
    node = Node("w1@box", (Given(Option("--pidfile"), "--pidfile", template),))
    assert node.value("--pidfile") == text
    assert node.command([])[1] == f"--pidfile={text}"


def test_a_node_is_taught_only_what_it_was_not_told():
    (node,) = nodes("w1 -Q x")
    taught = node.taught(Given(KNOWN["-Q"], "-Q", "y"), Given(KNOWN["-c"], "-c", "4"))
    assert (taught.value("--queues"), taught.value("--concurrency")) == ("x", "4")
    assert taught.without("--queues").value("--queues") is None


def test_two_nodes_can_not_have_one_pidfile():
    check_apart({"a@h": "/run/a.pid", "b@h": "/run/b.pid"})
    with pytest.raises(Unfit, match=r"a@h and a@i would share the pidfile /run/a\.pid"):
        check_apart({"a@h": "/run/a.pid", "a@i": "/run/a.pid"})
