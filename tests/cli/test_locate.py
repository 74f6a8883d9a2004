"""From `-A proj` to the app."""

import pytest

from asynq.cli.errors import Broken
from asynq.cli.locate import find_app
from asynq.exceptions import ImproperlyConfigured

MAKE = "from asynq import Asynq\n{name} = Asynq('{main}')\n"


def made(name="app", main="found"):
    return MAKE.format(name=name, main=main)


@pytest.mark.parametrize("name", ["app", "asynq", "celery", "anything"])
def test_the_app_of_a_module_has_a_known_name_or_is_the_only_one(project, name):
    project.write("proj.py", made(name))
    assert find_app("proj").main == "found"


def test_app_comes_before_asynq_and_asynq_before_celery(project):
    project.write("one.py", made("celery", "no") + made("app") + made("asynq", "no"))
    project.write("two.py", made("celery", "no") + made("asynq"))
    assert find_app("one").main == find_app("two").main == "found"


@pytest.mark.parametrize("submodule", ["asynq", "app", "celery"])
def test_a_package_has_it_in_a_submodule(project, submodule):
    project.write("proj/__init__.py", "")
    project.write(f"proj/{submodule}.py", made())
    assert find_app("proj").main == "found"
    assert find_app(f"proj.{submodule}").main == "found"


def test_a_submodules_app_comes_before_one_of_another_name_in_the_package(project):
    project.write("proj/__init__.py", made("one", "no") + made("two", "no"))
    project.write("proj/celery.py", made())
    assert find_app("proj").main == "found"


def test_the_django_layout_is_found(project):
    project.write("proj/__init__.py", "from proj.asynq import app as asynq_app\n")
    project.write("proj/asynq.py", made())
    assert find_app("proj").main == "found"


def test_after_a_colon_stands_exactly_which(project):
    project.write("proj.py", made("app", "no") + made("api"))
    project.write("deep/__init__.py", "")
    project.write(
        "deep/mod.py", "class Holder:\n    from asynq import Asynq\n    a = Asynq('in')\n"
    )
    assert find_app("proj:api").main == "found"
    assert find_app("deep.mod:Holder.a").main == "in"


def test_one_app_by_two_names_is_one(project):
    project.write("proj.py", made("one") + "two = one\n")
    assert find_app("proj").main == "found"


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nothing", "no module 'nothing' for -A nothing, seen from"),
        ("proj.nothing", "no module 'proj.nothing' for -A"),
        ("proj:nothing", "module 'proj' has no attribute 'nothing'"),
        ("proj:number", "-A proj:number is a int, expected an Asynq app"),
        ("proj:make", "-A proj:make is a function, expected an Asynq app"),
        ("empty", "no app in module 'empty': expected `app = Asynq(…)` there or in empty.asynq"),
        ("several", "module 'several' holds 2 apps: say which, -A several:NAME"),
        (":app", "expected the name of a module"),
    ],
)
def test_what_can_not_be_found_is_said(project, name, says):
    project.write("proj.py", made() + "number = 1\ndef make(): ...\n")
    project.write("empty.py", "")
    project.write("several.py", made("one") + made("two"))
    with pytest.raises(ImproperlyConfigured) as error:
        find_app(name)
    assert says in str(error.value)


@pytest.mark.parametrize(
    ("name", "right"),
    [
        ("proj.py", "proj"),
        ("proj.py:api", "proj:api"),
        ("./proj.py", "proj"),
        ("deep/proj.py:api", "deep.proj:api"),
    ],
)
def test_a_file_is_not_imported_but_refused_with_the_modules_name(project, name, right):
    project.write("proj.py", "raise SystemExit('it ran')\n")
    with pytest.raises(ImproperlyConfigured) as error:
        find_app(name)
    assert str(error.value) == (
        f"-A {name}: that is a file; name the module, as `import` knows it: -A {right}"
    )


def test_a_file_elsewhere_is_refused_without_a_guess(project):
    with pytest.raises(ImproperlyConfigured, match="expected the name of a module"):
        find_app("/srv/my-proj.py")


def test_what_a_module_needs_and_does_not_find_is_not_taken_for_the_module(project):
    project.write("proj/__init__.py", "import no_such_thing\n")
    for name in ("proj", "proj.app", "proj:app"):
        with pytest.raises(Broken, match="ModuleNotFoundError: No module named 'no_such_thing'"):
            find_app(name)


def test_without_a_name_the_environment_tells_it_then_pyproject(project, monkeypatch):
    project.write("pyproject.toml", '[tool.asynq]\napp = "by_file"\n')
    project.write("by_file.py", made(main="file"))
    project.write("by_env.py", made(main="env"))
    project.write("by_name.py", made(main="name"))
    assert find_app(None).main == "file"
    monkeypatch.setenv("ASYNQ_APP", "by_env")
    assert find_app(None).main == "env"
    assert find_app("by_name").main == "name"


@pytest.mark.parametrize("text", [None, "", "[tool.ruff]\n", "[tool]\nasynq = 3\n"])
def test_without_any_name_it_says_how_to_name_one(project, text):
    if text is not None:
        project.write("pyproject.toml", text)
    with pytest.raises(ImproperlyConfigured, match="which app\\? Say -A MODULE"):
        find_app(None)


@pytest.mark.parametrize("text", ["[tool", '[tool.asynq]\napp = ["a"]\n'])
def test_a_pyproject_that_can_not_be_read_is_said(project, text):
    project.write("pyproject.toml", text)
    with pytest.raises(ImproperlyConfigured, match=r"pyproject\.toml"):
        find_app(None)
