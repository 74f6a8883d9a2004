"""What the environment says, and what it may have meant to say."""

import warnings

import pytest

from asynq.conf import Settings
from asynq.conf.checking import SettingIgnored
from asynq.conf.environment import VARIABLES, settings_in, strangers_in
from asynq.exceptions import ImproperlyConfigured


@pytest.mark.parametrize(("text", "value"), [("1", True), ("True", True), ("0", False), ("", None)])
def test_a_switch_may_stand_in_the_environment(text, value):
    found = settings_in({"ASYNQ_MESSAGE_ACCEPT_UNSEALED": text})
    assert found == ({} if value is None else {"message_accept_unsealed": value})


def test_a_switch_that_is_neither_on_nor_off_is_an_error():
    conf = Settings({}, {"ASYNQ_MESSAGE_ACCEPT_UNSEALED": "maybe"})
    with pytest.raises(ImproperlyConfigured, match=r"^ASYNQ_MESSAGE_ACCEPT_UNSEALED: expected 1"):
        assert conf.broker_url


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("ASYNQ_BROKER", "did you mean ASYNQ_BROKER_URL?"),
        ("ASYNQ_BROKER_URI", "did you mean ASYNQ_BROKER_URL?"),
        ("ASYNQ_MESSAGE_KEY", "did you mean ASYNQ_MESSAGE_KEYS?"),
        ("ASYNQ_RESULT_BACKEND_URL", "did you mean ASYNQ_RESULT_BACKEND?"),
        ("ASYNQ_STATE_DIRECTORY", "did you mean ASYNQ_STATE_DIR?"),
        ("ASYNQ_TASK_ACKS_LATE", "task_acks_late belongs into the app's configuration"),
    ],
)
def test_a_variable_that_nobody_reads_is_spoken_of_once(variable, told):
    conf = Settings({}, {variable: "x"})
    with pytest.warns(SettingIgnored, match=f"{variable} is not read.*{told.rstrip('?')}"):
        assert conf.broker_url == "embedded://"
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        conf.timezone = "Europe/Vienna"
        assert conf.timezone


def test_variables_of_others_are_their_own():
    names = ["ASYNQ_COLOUR", "ASYNQ_SERVICE_HOST", "ASYNQ_PORT_6379_TCP", "BROKER_URL", *VARIABLES]
    assert not list(strangers_in(dict.fromkeys(names, "x")))
