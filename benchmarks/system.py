"""What must be known of a system to measure it: how to install it, and how to start a worker."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

SYSTEMS = Path(__file__).parent / "systems"


@dataclass(frozen=True)
class System:
    """One task queue, in one of its settings.

    Args:
        name: what the tables call it.
        distributions: whose versions to print.
        install: what pip installs; nothing where it runs in this environment.
        worker: what follows `python -m` to start a worker. `{slots}` is how many tasks it may run
            at a time in each process, `{processes}` how many processes, `{url}` the server. One
            that has no word for processes is started that often.
        module: the module of `benchmarks.systems` that sets it up, where that is not its name.
        home: the environment it runs in, where that is not named as the module.
        environment: what the module is told, for its producer and for its worker.
        besides: what it is told more, by the name of the workload.
        slots: tasks at a time in a process, as many as drain no-op tasks best.
        stores_results: is there a result to wait for?
        cannot: names of workloads that it has no way to take, and so is not asked for.
        only: names of the only workloads that it is asked for; all of them where there is none.
        drain: no-op tasks that one process drains in about 2 s.
        naps: sleeps of 50 ms that it drains in about 2 s, on 500 slots.
    """

    name: str
    distributions: tuple[str, ...]
    install: tuple[str, ...]
    worker: tuple[str, ...]
    module: str = ""
    home: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    besides: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    slots: int = 100
    stores_results: bool = True
    cannot: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    drain: int = 2_000
    naps: int = 2_000

    def __post_init__(self) -> None:
        object.__setattr__(self, "module", self.module or self.name)
        object.__setattr__(self, "home", self.home or self.module)

    @property
    def configuration(self) -> str:
        """How it is set up, and which page advises so."""
        return ast.get_docstring(ast.parse((SYSTEMS / f"{self.module}.py").read_text())) or ""

    def takes(self, workload: str) -> bool:
        """Is it asked for that workload?"""
        return workload in self.only if self.only else workload not in self.cannot

    def told(self, workload: str) -> System:
        """The same, with what it is told for that workload."""
        more = self.besides.get(workload, {})
        return replace(self, environment={**self.environment, **more})

    def starts(self, processes: int) -> int:
        """How many workers to start, to have that many processes."""
        return 1 if any("{processes}" in word for word in self.worker) else processes

    def command(self, *, slots: int, processes: int, url: str) -> list[str]:
        """What follows the interpreter to start a worker."""
        values = {"slots": slots, "processes": processes, "url": url}
        return ["-m", *(word.format(**values) for word in self.worker)]
