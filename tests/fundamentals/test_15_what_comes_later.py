"""What this release does not have says so; nothing is silently ignored."""

import pytest

NOT_YET = "not in this release yet"


@pytest.mark.parametrize(
    "option",
    [
        {"compression": "gzip"},
    ],
    ids=lambda option: next(iter(option)),
)
def test_options_of_tasks(app, option):
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.task(**option)(lambda: None)


@pytest.mark.parametrize(
    "option",
    [{"compression": "gzip"}, {"retry_policy": {}}],
    ids=lambda option: next(iter(option)),
)
def test_options_of_calls(app, option):
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.send_task("sums.add", (4, 4), **option)


@pytest.mark.parametrize(
    "setting",
    [{"task_annotations": {"*": {"rate_limit": "10/s"}}}],
    ids=lambda setting: next(iter(setting)),
)
def test_settings(app, setting):
    with pytest.raises(NotImplementedError, match=NOT_YET):
        app.conf.update(**setting)


def test_what_is_no_option_at_all_is_an_error_of_its_own(app):
    with pytest.raises(TypeError, match="did you mean 'queue'"):
        app.task(queu="feeds")(lambda: None)
