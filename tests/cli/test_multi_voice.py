"""What `asynq multi` says."""

from asynq.cli.multi_voice import Aloud


def voice(**options):
    return Aloud(**{"quiet": False, "verbose": False, "color": False, "splash": False, **options})


def test_waiting_is_one_line_that_grows(capsys):
    says = voice()
    says.waiting([7, 8])
    says.dot()
    says.dot()
    says.node("w1@h", "DOWN")
    says.waiting([8])
    says.node("w2@h", "DOWN")
    assert capsys.readouterr().out.splitlines() == [
        "> Waiting for 2 nodes -> 7, 8..",
        "\t> w1@h: DOWN",
        "> Waiting for 1 node -> 8",
        "\t> w2@h: DOWN",
    ]


def test_a_failure_is_an_error_too_even_when_quiet(capsys):
    voice().failure("w1@h", "broken")
    assert capsys.readouterr() == ("\t> w1@h: FAILED\n", "Error: w1@h: broken\n")
    quiet = voice(quiet=True, splash=True)
    quiet.heading("Starting")
    quiet.waiting([1])
    quiet.dot()
    quiet.failure("w1@h", "broken")
    assert capsys.readouterr() == ("", "Error: w1@h: broken\n")


def test_commands_are_shown_when_asked_for_as_they_can_be_typed(capsys):
    voice().command(["a", "b c"])
    voice(verbose=True).command(["a", "b c"])
    assert capsys.readouterr().out == "\t+ a 'b c'\n"
