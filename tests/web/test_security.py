"""Each promise of the page's, and what would be if it did not hold."""

import asyncio
import base64
import logging

import pytest

from asynq.exceptions import ImproperlyConfigured
from asynq.web import Web
from asynq.web.actions import ACTIONS
from asynq.web.guard import Hosts, is_loopback
from asynq.web.pages import PAGES
from asynq.web.site import Site
from tests.waiting import until
from tests.web.conftest import BASE, HOSTILE, SAME, Reading, Visitor, visiting

TOKEN = "a-token-that-is-long-enough"
PATHS = [name for name, _ in PAGES]


@pytest.fixture(autouse=True)
def _at_once(monkeypatch):
    async def no_time(self):
        pass

    monkeypatch.setattr(Site, "slow_down", no_time)


# Looking changes nothing, and nothing can be done unless that was said


async def test_by_default_a_page_can_only_be_looked_at(app, visitor):
    page = await visitor.get("queues")
    assert "<form" not in page.text.replace('<form method="get"', "")
    for action in ACTIONS:
        answer = await visitor.do(action, form_token="", queue="default", id="x")
        assert (answer.status_code, "read-only" in answer.text) == (403, True)
    assert not (await app.queues.list())[0].paused


async def test_nothing_is_done_by_looking(app, operator):
    await app.send_task("proj.add", (1,))
    for action in ACTIONS:
        answer = await operator.get(f"do/{action}?queue=default&id=x")
        assert answer.status_code == 405
    assert [queue.paused for queue in await app.queues.list()] == [False, False]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
async def test_other_methods_are_refused(operator, method):
    assert (await operator.request(method, "queues")).status_code == 405


# Forms of others


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec-fetch-site": "same-origin"}, 303),
        ({"origin": "http://localhost:5555"}, 303),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"sec-fetch-site": "none"}, 403),
        ({"sec-fetch-site": "cross-site", "origin": "http://localhost:5555"}, 403),
        ({"origin": "http://localhost:6666"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
async def test_only_a_form_of_our_own_is_taken(app, operator, headers, status, caplog):
    answer = await operator.do("pause", headers=headers, queue="images")
    assert answer.status_code == status
    paused = [queue.name for queue in await app.queues.list() if queue.paused]
    assert paused == (["images"] if status == 303 else [])
    refused = "Refused POST /do/pause of 10.1.2.3: Only a form of this page may do that"
    assert (refused in caplog.text) is (status == 403)


async def test_a_form_must_have_its_pages_token(app, operator):
    right = await operator.token()
    for wrong in (None, "", "0" * 64, right[:-1], right + "0", "ü"):
        assert (await operator.do("pause", queue="images", form_token=wrong)).status_code == 403
    operator.cookies.clear()
    assert (await operator.do("pause", queue="images", form_token=right)).status_code == 403
    assert not any(queue.paused for queue in await app.queues.list())


async def test_the_token_of_one_browser_is_of_no_use_to_another(app, operator):
    async with Visitor(operator.page) as other:
        theirs = await other.token()
    assert (await operator.do("pause", queue="images", form_token=theirs)).status_code == 403


async def test_what_is_no_form_or_too_large_is_refused(operator):
    token = await operator.token()
    answer = await operator.post("do/pause", json={"form_token": token}, headers=SAME)
    assert answer.status_code == 415
    answer = await operator.do("pause", queue="x" * 100_000)
    assert answer.status_code == 413
    form = {"content-type": "application/x-www-form-urlencoded", **SAME}
    assert (await operator.post("do/pause", content=b"\xff", headers=form)).status_code == 400
    many = b"&".join(b"a=b" for _ in range(200))
    assert (await operator.post("do/pause", content=many, headers=form)).status_code == 400


async def test_a_form_leads_back_to_a_page_of_ours_alone(operator):
    for back in ("https://evil.example/", "//evil.example", "../../x", "tasks/../x", "\r\nset: x"):
        answer = await operator.do("pause", queue="images", back=back)
        assert answer.headers["location"].startswith("../?told=")
    answer = await operator.do("pause", queue="images", back="tasks?queue=images")
    assert answer.headers["location"].startswith("../tasks?queue=images&told=")


async def test_no_link_can_have_a_page_say_something(operator):
    said = "Call 555-1234 for support"
    assert said not in (await operator.get("", params={"told": said})).text
    assert said not in (await operator.get("", params={"told": said, "seal": "0" * 64})).text


# Names and sites


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:5555", 200),
        ("127.0.0.1", 200),
        ("[::1]:5555", 200),
        ("LOCALHOST", 200),
        ("tasks.example.com", 200),
        ("evil.example", 421),
        ("localhost.evil.example", 421),
        ("evil.example:5555", 421),
        ("localhost@evil.example", 421),
        ("10.0.0.1", 421),
        ("", 421),
        ("[", 421),
    ],
)
async def test_a_page_answers_under_its_own_names_alone(app, host, status):
    async with visiting(app, hosts=["tasks.example.com"]) as visitor:
        assert (await visitor.get("", headers={"host": host})).status_code == status


def test_where_all_addresses_are_listened_at_numbers_are_names_too():
    for address in ("0.0.0.0", "::", "[::]"):
        hosts = Hosts(address, ["example.com"])
        assert [*map(hosts.has, ("10.1.2.3:80", "[fd00::1]", "example.com", "evil.example"))] == [
            True, True, True, False,
        ]  # fmt: skip
    assert not Hosts("10.0.0.1").has("10.0.0.2")
    assert Hosts("10.0.0.1").has("10.0.0.1:5555")


@pytest.mark.parametrize(
    ("address", "is_it"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True),
     ("0.0.0.0", False), ("::", False), ("10.0.0.1", False), ("localhost.example", False)],
)  # fmt: skip
def test_what_is_reached_from_elsewhere_is_known(address, is_it):
    assert is_loopback(address) is is_it


async def test_every_answer_says_what_browsers_may_do(operator):
    paths = [*PATHS, "live", "login", "api/tasks", "nothing/here", "do/pause", "static/none"]
    operator.page.end()  # so that the stream of news does not last
    for path in paths:
        answer = await operator.get(path)
        csp = answer.headers["content-security-policy"]
        assert csp.startswith("default-src 'self';")
        assert "frame-ancestors 'none'" in csp
        assert "unsafe" not in csp
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert not [name for name in answer.headers if name.startswith("access-control")]


async def test_other_sites_are_told_nothing(operator):
    answer = await operator.get("api/tasks", headers={"origin": "http://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["cross-origin-resource-policy"] == "same-origin"


async def test_pages_have_no_script_and_no_style_in_them(app, worker, operator):
    await app.send_task("proj.add", (1, 2))
    for path in PATHS:
        reading = Reading((await operator.get(path, params={"id": "x"})).text)
        assert reading.tags.isdisjoint({"style", "base", "iframe", "object", "embed"})
        assert [name for name in reading.attributes if name.startswith("on")] == []
        assert "style" not in reading.attributes
        for script in reading.all("script"):
            assert script["src"].startswith("static/")


# What others have sent


async def test_whatever_is_sent_is_shown_as_text(app, worker, operator):
    result = await app.send_task("proj.fail", (HOSTILE,), {}, queue="images")
    letter = await app.send_task("proj.put_aside", (HOSTILE,), task_id=f"id {HOSTILE[:55]}")
    unknown = await app.send_task("proj.add", (HOSTILE, HOSTILE), task_id='"><img src=x>')
    await operator.seen(result.id, "FAILURE")
    await operator.seen(letter.id, "REJECTED")
    await operator.seen(unknown.id, "SUCCESS")
    worker_of_theirs = {"type": "worker-online", "hostname": HOSTILE, "sw_ident": HOSTILE,
                        "loadavg": [HOSTILE], "pid": HOSTILE, "active": HOSTILE}  # fmt: skip
    operator.cluster.state.event(worker_of_theirs)
    operator.cluster.state.event(
        {"type": "task-received", "uuid": HOSTILE, "name": HOSTILE, "queue": HOSTILE,
         "hostname": HOSTILE, "eta": HOSTILE, "root_id": HOSTILE, "parent_id": HOSTILE}
    )  # fmt: skip
    pages = [*PATHS, *(f"task?id={each}" for each in (result.id, letter.id, unknown.id))]
    texts = [(await operator.get(path)).text for path in pages]
    texts.append((await operator.get("task", params={"id": HOSTILE})).text)
    texts.append((await operator.get("workflow", params={"id": HOSTILE})).text)
    asked = dict.fromkeys(("text", "state", "name", "worker", "queue", "span", "offset"), HOSTILE)
    texts.append((await operator.get("tasks", params={**asked, "offset": "0"})).text)
    texts += [(await operator.get(path, params=asked)).text for path in PATHS]
    assert sum("&lt;script&gt;alert(1)" in text for text in texts) > 8
    for text in texts:
        reading = Reading(text)
        assert all(script.keys() == {"src", "defer"} for script in reading.all("script"))
        assert {image["src"][:14] for image in reading.all("img")} <= {"static/symbol."}
        assert [name for name in reading.attributes if name.startswith("on")] == []
        for name, value in [pair for _, some in reading.elements for pair in some.items()]:
            assert name == "value" or "\u202e" not in (value or "")
        assert "\u202e" not in "".join(reading.texts)
        for link in reading.all("a"):
            assert ":" not in link["href"].partition("?")[0]


async def test_parameters_of_any_name_are_harmless(operator):
    for name in ("path", "self", "request", "told", "a" * 5000, "\x00", HOSTILE):
        assert (await operator.get("tasks", params={name: "1"})).status_code == 200


async def test_half_a_character_does_not_break_a_page(operator):
    operator.cluster.state.event({"type": "task-received", "uuid": "u\ud800", "name": "n\udfff"})
    assert (await operator.get("tasks")).status_code == 200
    assert (await operator.get("api/tasks")).status_code == 200


# What tasks are called with


async def test_arguments_and_results_are_hidden_by_default(app, worker, visitor):
    result = await app.send_task("proj.add", ("s3cret-", "value"))
    await visitor.seen(result.id, "SUCCESS")
    paths = ["", "tasks", f"task?id={result.id}", "api/tasks", f"api/tasks/{result.id}"]
    for path in paths:
        text = (await visitor.get(path)).text
        assert "s3cret" not in text
        assert "value'" not in text
    async with visiting(app, show_arguments=True) as trusted:
        await trusted.seen(result.id, "SUCCESS")
        for path in paths[1:]:
            assert "s3cret" in (await trusted.get(path)).text


async def test_what_is_hidden_can_not_be_found_out_by_searching(app, worker, visitor):
    result = await app.send_task("proj.add", ("s3cret-", "value"))
    await visitor.seen(result.id, "SUCCESS")
    for text in ("s3cret", "value", "s3cret-value"):
        for path in ("tasks", "api/tasks"):
            assert result.id not in (await visitor.get(path, params={"text": text})).text
    assert result.id in (await visitor.get("tasks", params={"text": "proj.add"})).text


# Who is let in


async def test_without_the_token_nothing_is_shown(app):
    async with visiting(app, token=TOKEN, writable=True) as visitor:
        for path in PATHS:
            answer = await visitor.get(path)
            assert (answer.status_code, answer.headers["location"]) == (303, "login")
        for path in ("live", "api/tasks", "api/tasks/x"):
            assert (await visitor.get(path)).status_code == 401
        assert (await visitor.get("some/deep/path")).headers["location"] == "../../login"
        answer = await visitor.post("do/pause", data={"queue": "images"}, headers=SAME)
        assert answer.status_code == 401
        assert (await visitor.get("login")).status_code == 200


async def test_whoever_has_the_token_is_let_in_until_they_log_out(app, caplog):
    async with visiting(app, token=TOKEN, writable=True) as visitor:
        form = {"form_token": await visitor.token("login"), "token": TOKEN}
        with caplog.at_level(logging.INFO, "asynq.web"):
            wrong = await visitor.post("login", data={**form, "token": "no"}, headers=SAME)
            answer = await visitor.post("login", data=form, headers=SAME)
        assert (wrong.status_code, "That was not it" in wrong.text) == (403, True)
        assert "wrong token" in caplog.text
        assert TOKEN not in caplog.text
        [cookie] = [c for c in answer.headers.get_list("set-cookie") if "session" in c]
        assert cookie.startswith("asynq_session_5555=")
        assert "HttpOnly" in cookie
        assert "SameSite=strict" in cookie
        assert "Path" not in cookie
        assert TOKEN not in cookie
        assert (await visitor.follow(answer)).status_code == 200
        assert (await visitor.do("pause", queue="images")).status_code == 303
        session = visitor.cookies["asynq_session_5555"]
        out = {"form_token": await visitor.token()}
        await visitor.post("logout", data=out, headers=SAME)
        visitor.cookies.set("asynq_session_5555", session)
        assert (await visitor.get("queues")).status_code == 303


async def test_over_https_cookies_go_nowhere_else(app):
    async with visiting(app, "https://localhost:5555/", token=TOKEN) as visitor:
        form = {"form_token": await visitor.token("login"), "token": TOKEN}
        answer = await visitor.post("login", data=form, headers=SAME)
        assert "Secure" in answer.headers["set-cookie"]


async def test_logging_in_needs_a_form_of_our_own_too(app):
    async with visiting(app, token=TOKEN) as visitor:
        form = {"form_token": await visitor.token("login"), "token": TOKEN}
        answer = await visitor.post("login", data=form, headers={"sec-fetch-site": "cross-site"})
        assert answer.status_code == 403
        answer = await visitor.post("login", data={"token": TOKEN}, headers=SAME)
        assert answer.status_code == 403


async def test_a_wrong_token_takes_its_time(app, monkeypatch):
    waits = []

    async def waited(self):
        waits.append(1)

    monkeypatch.setattr(Site, "slow_down", waited)
    async with visiting(app, token=TOKEN) as visitor:
        form = {"form_token": await visitor.token("login"), "token": "x"}
        await visitor.post("login", data=form, headers=SAME)
    assert waits == [1]


async def test_a_program_shows_the_token_as_a_bearer(app):
    async with visiting(app, token=TOKEN) as visitor:
        for shown, status in ((TOKEN, 200), ("no", 401), ("", 401), (TOKEN[:-1], 401)):
            headers = {"authorization": f"Bearer {shown}"}
            assert (await visitor.get("api/tasks", headers=headers)).status_code == status


async def test_a_password_is_asked_for_as_http_has_it(app):
    def basic(pair):
        return {"authorization": "Basic " + base64.b64encode(pair.encode()).decode()}

    async with visiting(app, basic="ada:päss") as visitor:
        answer = await visitor.get("")
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert (await visitor.get("", headers=basic("ada:päss"))).status_code == 200
        for wrong in ("ada:", "bob:päss", "ada:päss2", "ada"):
            assert (await visitor.get("", headers=basic(wrong))).status_code == 401
        assert (await visitor.get("", headers={"authorization": "Basic ?"})).status_code == 401


async def test_a_link_from_elsewhere_leads_to_the_page_and_not_to_the_form(app):
    async with visiting(app, token=TOKEN) as visitor:
        answer = await visitor.get("tasks", headers={"sec-fetch-site": "cross-site"})
        assert (answer.status_code, "http-equiv=refresh" in answer.text) == (200, True)
        assert app.main not in answer.text
        assert (await visitor.get("tasks", headers=SAME)).headers["location"] == "login"


@pytest.mark.parametrize(
    "options", [{"token": "short"}, {"token": ""}, {"basic": "ada"}, {"basic": "ada:"},
                {"basic": ":x"}, {"hosts": "example.com"}]
)  # fmt: skip
def test_a_token_or_a_password_that_protects_nothing_is_refused(app, options):
    with pytest.raises(ImproperlyConfigured, match=r"web: (token|basic|hosts): expected"):
        Web(app, **options)


# What was done


async def test_what_is_done_is_told_in_the_log(app, operator, caplog):
    with caplog.at_level(logging.INFO, "asynq.web"):
        await operator.do("pause", queue="images")
        await operator.do("limit", queue="images\nfake line", limit="3")
    done, failed = caplog.messages
    assert done == "pause queue=images user=- address=10.1.2.3: done"
    assert failed.startswith("limit queue=images\\u000afake line limit=3 user=- address=10.1.2.3:")
    assert "failed, QueueNotFound" in failed


async def test_the_log_knows_whom_the_app_around_it_knows(app, operator, caplog):
    class User:
        display_name = "ada"

    async def around(scope, receive, send):
        await operator.page({**scope, "user": User()}, receive, send)

    async with Visitor(around) as visitor:
        with caplog.at_level(logging.INFO, "asynq.web"):
            await visitor.do("resume", queue="images")
    assert "user=ada" in caplog.text


async def test_websockets_are_refused(operator):
    sent = []

    async def send(message):
        sent.append(message)

    await operator.page({"type": "websocket", "path": "/"}, None, send)
    assert sent == [{"type": "websocket.close", "code": 1008}]


async def test_streams_end_when_the_page_is_about_to(app):
    async with visiting(app) as visitor:
        asking = asyncio.create_task(visitor.get("live"))
        await until(lambda: visitor.page._site._followed)
        await asyncio.sleep(0)
        visitor.page.end()
        async with asyncio.timeout(2):
            answer = await asking
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert "retry:" in answer.text


def test_base_is_loopback():
    assert BASE.startswith("http://localhost")
