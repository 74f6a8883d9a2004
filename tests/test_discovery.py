import sys

import pytest

from asynq.discovery import Discovery, import_named
from asynq.exceptions import ImproperlyConfigured


@pytest.fixture
def package(tmp_path, monkeypatch, namespace):
    """Makes packages of files; each has a name no other test uses."""
    monkeypatch.syspath_prepend(tmp_path)
    prefix = namespace.replace("-", "_")

    def make(**files):
        home = tmp_path / prefix
        home.mkdir()
        for name, text in {"__init__": "", **files}.items():
            (home / f"{name}.py").write_text(text)
        return prefix

    yield make
    for name in [name for name in sys.modules if name.startswith(prefix)]:
        del sys.modules[name]


def test_the_tasks_of_packages_are_imported_when_they_are_wanted(package):
    name = package(tasks="x = 1")
    discovery = Discovery()
    discovery.want([name], "tasks")
    assert f"{name}.tasks" not in sys.modules
    discovery.run()
    assert f"{name}.tasks" in sys.modules


def test_they_can_be_imported_at_once(package):
    name = package(jobs="")
    Discovery().want(lambda: [name], "jobs", now=True)
    assert f"{name}.jobs" in sys.modules


def test_a_package_without_tasks_is_passed_over(package):
    Discovery().want([package(), "no_such_package_at_all"], "tasks", now=True)


def test_an_error_inside_tasks_is_not(package):
    name = package(tasks="import no_such_module_at_all")
    with pytest.raises(ModuleNotFoundError, match="no_such_module_at_all"):
        Discovery().want([name], "tasks", now=True)


def test_without_a_related_name_the_packages_themselves_are_imported(package):
    name = package()
    Discovery().want([name], None, now=True)
    assert name in sys.modules
    with pytest.raises(ModuleNotFoundError):
        Discovery().want(["no_such_package_at_all"], None, now=True)


def test_a_named_module_that_is_not_there_is_an_error_that_names_the_setting(package):
    name = package(tasks="")
    import_named([f"{name}.tasks"], "include")
    with pytest.raises(ImproperlyConfigured, match=rf"include names '{name}.tsks', and there is"):
        import_named([f"{name}.tsks"], "include")
