"""Options that several commands take.

Those of `Common` are said before the command's name; `-A` may stand after it as well.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import click

from asynq.app import Asynq
from asynq.cli.errors import Misused, importing
from asynq.cli.locate import find_app
from asynq.cli.loop import run
from asynq.conf.environment import VARIABLES
from asynq.exceptions import ImproperlyConfigured

Function = TypeVar("Function", bound=Callable[..., Any])


def with_options(*options: Callable[[Any], Any]) -> Callable[[Function], Function]:
    """Have a command take these, in this order."""

    def decorate(function: Function) -> Function:
        for option in reversed(options):
            function = option(function)
        return function

    return decorate


_app_option = partial(
    click.option,
    "-A",
    "--app",
    metavar="MODULE[:NAME]",
    help="Where the app is. Also: ASYNQ_APP.",
)
app_option = _app_option()
broker_option = click.option("-b", "--broker", metavar="URL", help="Use this broker instead.")
backend_option = click.option(
    "--result-backend", metavar="URL", help="Use this result backend instead."
)
workdir_option = click.option(
    "--workdir",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Change to this directory first.",
)
json_option = click.option("-j", "--json", is_flag=True, help="Print JSON, for programs.")


class Common:
    """What was said before the command's name; found at `context.obj`."""

    def __init__(
        self,
        app: str | None = None,
        broker: str | None = None,
        backend: str | None = None,
        workdir: Path | None = None,
    ) -> None:
        self.app = app
        self._has_broker, self._has_backend = broker is not None, backend is not None
        # Through the environment, which stands over the app's own settings, and which the
        # processes that a command starts inherit.
        if broker is not None:
            os.environ["ASYNQ_BROKER_URL"] = broker
        if backend is not None:
            os.environ["ASYNQ_RESULT_BACKEND"] = backend
        if workdir is not None:
            try:
                os.chdir(workdir)
            except OSError as error:
                raise Misused(f"--workdir {workdir}: {error.strerror}") from None

    def open(self, app: str | None = None) -> Asynq:
        """The app, by what the command itself was told or by what came before it.

        Raises:
            ImproperlyConfigured, Broken: as `find_app`; or the broker or the result backend is none
                that is known here.
        """
        found = find_app(app or self.app)
        run(self._check(found))
        return found

    def open_with_tasks(self, app: str | None = None) -> Asynq:
        """The app, with all its modules imported; raises as `open` does."""
        found = self.open(app)
        with importing("the app's modules"):
            found.import_modules()
        return found

    async def _check(self, app: Asynq) -> None:
        """Make the connections, which connects to nothing, so that the wrong one is named.

        The broker first: the result backend is by default of the same URL, and asked for first.
        """
        _ = app.conf.broker_url  # another setting that is wrong is not the URL's fault
        async with app:
            with _blaming("broker_url", "--broker" if self._has_broker else None):
                _ = app.broker
            with _blaming("result_backend", "--result-backend" if self._has_backend else None):
                _ = app.backend


@contextmanager
def _blaming(setting: str, option: str | None) -> Iterator[None]:
    try:
        yield
    except ImproperlyConfigured as error:
        variables = [name for name, known in VARIABLES.items() if known == setting]
        origin = option or next(filter(os.environ.get, variables), setting)
        raise ImproperlyConfigured(f"{origin}: {error}") from None


def common(context: click.Context) -> Common:
    """The options given before the command's name."""
    return context.ensure_object(Common)


def _keep_app(context: click.Context, _: click.Parameter, app: str | None) -> None:
    if app is not None:
        common(context).app = app


app_of_group = _app_option(expose_value=False, callback=_keep_app)
"""`-A` of a group: kept for its command, which may be told another."""
