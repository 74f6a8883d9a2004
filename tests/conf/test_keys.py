"""Keys in the settings: read from everywhere, shown nowhere."""

import pytest

from asynq import Asynq
from asynq.conf import Settings
from asynq.exceptions import ImproperlyConfigured, SecurityError

SECRET = "not to be seen by anybody"
KEYS = {"k1": SECRET}
NAMES = ["message_keys", "encryption_keys"]


@pytest.mark.parametrize("name", NAMES)
def test_keys_may_stand_in_the_environment(name):
    variable = f"ASYNQ_{name.upper()}"
    for written in (f"k1:{SECRET}", f'{{"k1": "{SECRET}"}}'):
        conf = Settings({name: {"other": SECRET}}, {variable: written})
        assert conf[name].ids == ("k1",)


@pytest.mark.parametrize("name", NAMES)
def test_a_wrong_key_in_the_environment_is_an_error_without_the_secret(name):
    conf = Settings({}, {f"ASYNQ_{name.upper()}": "k1:short secret"})
    with pytest.raises(ImproperlyConfigured, match=f"^{name}: expected a dict from key ids"):
        conf[name]
    with pytest.raises(ImproperlyConfigured) as caught:
        conf[name]
    assert "short secret" not in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [7, ["a secret in a list"], {"k": "short secret"}, "secret"])
def test_a_wrong_key_is_an_error_without_the_secret(name, wrong):
    with pytest.raises(ImproperlyConfigured) as caught:
        Settings({name: wrong})
    assert "secret in" not in str(caught.value)
    assert "short secret" not in str(caught.value)


@pytest.mark.parametrize("censored", [True, False])
def test_no_way_of_showing_the_settings_shows_a_key(censored):
    conf = Settings(dict.fromkeys(NAMES, KEYS))
    shown = [
        conf.humanize(censored=censored),
        repr(conf.table(censored=censored)),
        repr(dict(conf)),
        repr(conf),
        str(conf.message_keys),
    ]
    assert not [text for text in shown if SECRET in text]


def test_an_app_without_keys_has_no_seal():
    assert Asynq("proj").seal is None


@pytest.mark.parametrize("name", NAMES)
def test_an_app_with_keys_has_a_seal_and_keeps_it_until_a_setting_changes(name):
    app = Asynq("proj", **{name: KEYS})
    assert app.seal is app.seal
    sealed = app.seal.seal(b"body", queue="default", id="1")
    app.conf.message_max_age = 60
    assert app.seal.open(sealed, queue="default", id="1") == b"body"


def test_the_seal_is_that_of_the_apps_namespace():
    sealed = Asynq("one", message_keys=KEYS).seal.seal(b"body", queue="default", id="1")
    shared = Asynq("two", message_keys=KEYS, namespace="one")
    assert shared.seal.open(sealed, queue="default", id="1") == b"body"
    with pytest.raises(SecurityError):
        Asynq("two", message_keys=KEYS).seal.open(sealed, queue="default", id="1")
