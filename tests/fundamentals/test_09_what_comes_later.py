"""What this release does not have says so; nothing is silently ignored."""

import pytest

NOT_YET = "not in this release yet"


@pytest.mark.parametrize(
    "option",
    [
        {"max_retries": 3},
        {"autoretry_for": (OSError,)},
        {"rate_limit": "10/s"},
        {"time_limit": 60},
        {"soft_time_limit": 50},
        {"expires": 60},
        {"acks_late": False},
    ],
    ids=lambda option: next(iter(option)),
)
def test_options_of_tasks(app, option):
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.task(**option)(lambda: None)


@pytest.mark.parametrize(
    "option",
    [{"expires": 60}, {"link": ["sums.mul"]}, {"time_limit": 1}],
    ids=lambda option: next(iter(option)),
)
def test_options_of_calls(app, option):
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.send_task("sums.add", (4, 4), **option)


@pytest.mark.parametrize(
    "setting",
    [{"beat_schedule": {"sums": {"task": "sums.add", "schedule": 30}}}, {"task_time_limit": 60}],
    ids=lambda setting: next(iter(setting)),
)
def test_settings(app, setting):
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.conf.update(**setting)


def test_retrying_and_revoking(app):
    @app.task(bind=True)
    async def add(self, x, y): ...

    with pytest.raises(NotImplementedError, match=NOT_YET):
        add.retry()
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.AsyncResult("some-id").revoke()


def test_what_is_no_option_at_all_is_an_error_of_its_own(app):
    with pytest.raises(TypeError, match="did you mean 'queue'"):
        app.task(queu="feeds")(lambda: None)
