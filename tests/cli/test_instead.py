"""What people who know Celery's command line may say, and what they are told."""

import pytest


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("worker", "-P", "prefork"), "asynq worker -P: there is no prefork pool"),
        (("worker", "--pool=gevent"), "asynq worker --pool: there is no prefork pool"),
        (("worker", "-O", "fair"), "asynq worker -O: tasks go to who is free"),
        (("beat", "-s", "file"), "asynq beat -s: what is known of periodic tasks is on the server"),
        (("worker", "-B", "-s", "file"), "asynq worker -s: what is known of periodic tasks is on"),
        (("worker", "--without-gossip"), "asynq worker --without-gossip: workers do not talk"),
        (("revoke", "some-id"), "asynq revoke: say control revoke ID…"),
        (("terminate", "KILL", "x"), "asynq terminate: say control revoke ID… --terminate"),
        (("control", "terminate", "KILL", "x"), "asynq control terminate: say revoke ID…"),
        (
            ("control", "terminate_by_stamped_headers", "KILL", "a=b"),
            "asynq control terminate_by_stamped_headers: say revoke_by_stamped_headers HEADER=",
        ),
        (("control", "election"), "asynq control election: workers here elect nobody"),
        (("worker", "--statedb", "x"), "asynq worker --statedb: the server remembers"),
        (("call", "x", "--routing-key", "a"), "asynq call --routing-key: it is AMQP's"),
    ],
    ids=lambda part: " ".join(part) if isinstance(part, tuple) else "",
)
def test_what_has_no_meaning_here_is_said_with_what_to_do(project, words, says):
    ran = project.run("-A", "shop", *words)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err.startswith(f"Error: {says}")
    assert ran.err.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    [("call", "shop.add", "--without-gossip"), ("list", "-B"), ("result", "-O")],
    ids=" ".join,
)
def test_all_else_gets_the_parsers_own_answer(project, words):
    ran = project.run("-A", "shop", *words)
    assert ran.code == 2
    assert ran.err.startswith("Usage: ")


def test_the_value_of_an_option_is_no_option(project):
    ran = project.run("-A", "shop", "call", "shop.greet", "-Q", "--exchange")
    assert ran.code == 0
