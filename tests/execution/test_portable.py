"""Jobs and outcomes as bytes: whatever is in them, they arrive or say why not."""

import sys
from types import ModuleType

import pytest

from asynq.exceptions import EncodeError, Reject
from asynq.execution.outcome import (
    Failed,
    Ignored,
    Interrupted,
    Rejected,
    Retrying,
    Revoked,
    Success,
)
from asynq.execution.portable import answer_of, job_of, outcome_of, place_of, refusal_of
from asynq.request import Request
from asynq.wire.failures import Failure
from tests.execution import calls
from tests.execution.calls import app

REQUEST = Request(id="id-1", task="some.task")


def home_and_back(outcome):
    return outcome_of(answer_of(outcome, Request(task="some.task")), REQUEST)


def of(error):
    return {"error": error, "failure": Failure.of(error)}


@pytest.mark.parametrize(
    "outcome",
    [
        Success({"a": [1, 2]}),
        Ignored("for a reason"),
        Revoked("terminated"),
        Interrupted("its lease was lost", lost=True),
    ],
)
def test_an_outcome_without_errors_comes_as_it_is(outcome):
    assert home_and_back(outcome) == outcome


@pytest.mark.parametrize(
    "outcome",
    [
        Failed(**of(KeyError("k")), expected=True),
        Retrying(**of(KeyError("k")), delay=3.0, changes={"args": (1,)}),
        Rejected(**of(Reject("not here")), requeue=True),
    ],
)
def test_an_error_is_built_again_from_its_failure(outcome):
    arrived = home_and_back(outcome)
    assert type(arrived) is type(outcome)
    assert type(arrived.error) is type(outcome.error)
    for field in set(outcome.__struct_fields__) - {"error"}:
        assert getattr(arrived, field) == getattr(outcome, field)


def test_an_outcome_within_an_outcome_arrives_too():
    again = Retrying(**of(KeyError("k")), delay=3.0)
    arrived = home_and_back(Success(1, again))
    assert (arrived.value, arrived.again.delay) == (1, 3.0)
    assert isinstance(arrived.again.error, KeyError)


class Look(Success, frozen=True):
    """An outcome's double."""


def test_a_value_may_be_an_outcome_itself():
    assert home_and_back(Success(Ignored("as a value"))) == Success(Ignored("as a value"))
    assert home_and_back(Success(Look(1))) == Success(Look(1))


def test_that_the_run_has_stored_a_state_of_its_own_is_known_here():
    request = Request(task="some.task")
    outcome_of(answer_of(Success(1), Request(task="some.task")), request)
    assert not request.reported
    outcome_of(answer_of(Success(1), Request(task="some.task", reported=True)), request)
    assert request.reported


def test_a_job_that_could_not_be_read_names_the_reason():
    with pytest.raises(EncodeError, match="ImportError: no module of that name") as caught:
        outcome_of(refusal_of(ImportError("no module of that name")), REQUEST)
    assert isinstance(caught.value.__cause__, ImportError)


def test_a_task_that_no_module_holds_is_refused_before_it_is_sent():
    @app.task(name="held.by.nobody")
    def local():
        pass

    with pytest.raises(EncodeError, match="top level of an importable module"):
        job_of(local, REQUEST, (), {})
    assert job_of(calls.add, REQUEST, (), {})


def test_a_thing_is_found_by_a_variable_that_holds_it():
    module = ModuleType("asynq_test_module")
    module.thing = thing = object()
    assert place_of(thing) is None
    sys.modules["asynq_test_module"] = module
    try:
        assert place_of(thing) == place_of(thing) == "asynq_test_module:thing"
        module.thing = None
        assert place_of(thing) is None
    finally:
        del sys.modules["asynq_test_module"]


class Pretender:
    """As a cffi library: it stands among the modules, calls itself one, and is none."""

    @property
    def __class__(self):
        return ModuleType


def test_what_only_says_that_it_is_a_module_is_passed_over(monkeypatch):
    monkeypatch.setitem(sys.modules, "asynq_test_pretender", Pretender())
    assert isinstance(sys.modules["asynq_test_pretender"], ModuleType)
    assert place_of(object()) is None
