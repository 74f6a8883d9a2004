"""Markup can't be made to say what it was not meant to."""

import pytest

from asynq.web.markup import Markup, h, link, text


def test_what_is_put_in_is_text_unless_it_is_markup():
    assert h("b", "<i>", Markup("<i>"), 3, None, ["a", ("&",)]) == "<b>&lt;i&gt;<i>3a&amp;</b>"
    assert h("a", "x", href="tasks?a=b&c=d", title="\"'>") == (
        '<a href="tasks?a=b&amp;c=d" title="&quot;&#x27;&gt;">x</a>'
    )
    assert text("a\x00b\x1b\u202e") == "a\\u0000b\\u001b\\u202e"


def test_attributes_are_named_as_python_can_name_them():
    assert (
        h("p", class_="x", data_live=True, hidden=False, id=None) == '<p class="x" data-live></p>'
    )
    assert h("svg", h("rect", x=1), viewBox="0 0 1 1") == (
        '<svg viewBox="0 0 1 1"><rect x="1"/></svg>'
    )


@pytest.mark.parametrize(
    "attributes",
    [{"onclick": "x"}, {"ONCLICK": "x"}, {"style": "x"}, {"srcdoc": "x"}, {"formaction": "x"},
     {"a b": "x"}, {'"': "x"}],
)  # fmt: skip
def test_what_could_run_something_can_not_be_written(attributes):
    with pytest.raises(ValueError, match="no attribute"):
        h("a", **attributes)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://evil.example", "//evil.example", " javascript:x",
            "java\nscript:x", "\\\\evil", "data:text/html,x"]
)  # fmt: skip
@pytest.mark.parametrize("name", ["href", "src", "action"])
def test_links_lead_nowhere_else(name, url):
    with pytest.raises(ValueError, match="expected a relative URL"):
        h("a", **{name: url})


def test_links_hold_whatever_is_asked_for():
    assert link("task", id="a/b?c=d&e#f") == "task?id=a%2Fb%3Fc%3Dd%26e%23f"
    assert link("", span="5 min", text=None, state="") == "./?span=5+min"
    assert link("") == "./"
    h("a", href=link("task", id="javascript:alert(1)"))
