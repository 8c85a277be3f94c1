"""Requests on their way into Django: a page is one hop to a thread, what streams does so, what waits needs no thread."""

import asyncio
import threading
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from django.conf import LazySettings, settings
from django.contrib.auth.models import User
from django.core.signals import request_finished, request_started
from django.db import connection
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.urls import path

from dashboard.handler import PageHandler

seen: list[Any] = []


def page(request: HttpRequest) -> HttpResponse:
    seen.append((threading.current_thread(), User.objects.count(), connection.connection is not None))
    response = HttpResponse(f"{request.method} {request.body.decode()}")
    response.set_cookie("colour", "blue")
    return response


def stream(request: HttpRequest) -> HttpResponseBase:
    def pieces() -> Iterator[str]:
        for number in range(3):
            seen.append((number, threading.current_thread()))
            yield f"{number},"
        User.objects.count()

    response = StreamingHttpResponse(pieces(), content_type="text/plain")
    response.set_cookie("colour", "blue")
    return response


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


async def waiting(request: HttpRequest) -> HttpResponse:
    return HttpResponse(threading.current_thread().name)


def endless(request: HttpRequest) -> HttpResponseBase:
    def pieces() -> Iterator[str]:
        try:
            for number in count():
                seen.append(number)
                yield f"{number},"
        finally:
            seen.append("ended")

    return StreamingHttpResponse(pieces(), content_type="text/plain")


urlpatterns = [
    path("page/", page),
    path("stream/", stream),
    path("endless/", endless),
    path("broken/", broken),
    path("waiting/", waiting),
]


@pytest.fixture
def handler(settings: LazySettings, transactional_db: None) -> PageHandler:
    settings.ROOT_URLCONF = __name__
    settings.MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
    seen.clear()
    return PageHandler()


async def ask(handler: PageHandler, path: str, body: bytes = b"", root_path: str = "") -> list[dict[str, Any]]:
    """What is sent, from the head to the last piece."""
    scope = {
        "type": "http",
        "method": "POST" if body else "GET",
        "path": path,
        "root_path": root_path,
        "query_string": b"",
        "headers": [(b"host", b"testserver"), (b"content-length", str(len(body)).encode())],
    }
    caller = ApplicationCommunicator(handler, scope)
    await caller.send_input({"type": "http.request", "body": body})
    sent = []
    while True:
        sent.append(await caller.receive_output(5))
        if sent[-1]["type"] == "http.response.body" and not sent[-1].get("more_body"):
            await caller.wait(5)
            return sent


async def test_a_page_is_made_in_one_thread_of_the_pool(handler: PageHandler) -> None:
    threads: list[threading.Thread] = []

    def note(**kwargs: Any) -> None:
        threads.append(threading.current_thread())

    request_started.connect(note)
    request_finished.connect(note)
    try:
        head, body = await ask(handler, "/page/", b"hello")
    finally:
        request_started.disconnect(note)
        request_finished.disconnect(note)
    assert head["status"] == 200
    assert (b"Set-Cookie", b"colour=blue; Path=/") in head["headers"]
    assert body["body"] == b"POST hello"
    ((thread, _, _),) = seen
    assert threads == [thread, thread]
    assert thread.name.startswith("page")


async def test_its_database_connection_ends_with_it_and_its_thread_is_used_again(
    handler: PageHandler, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(settings.DATABASES["default"], "CONN_MAX_AGE", 0)  # as with PostgreSQL
    for _ in range(10):
        await ask(handler, "/page/")
    assert len({thread for thread, _, _ in seen}) <= 3
    assert all(is_open for _, _, is_open in seen)
    look = asyncio.get_running_loop().run_in_executor
    assert {await look(handler._threads, lambda: connection.connection) for _ in range(10)} == {None}


async def test_what_streams_is_sent_a_piece_at_a_time(handler: PageHandler) -> None:
    head, *pieces = await ask(handler, "/stream/")
    assert (b"Set-Cookie", b"colour=blue; Path=/") in head["headers"]
    assert [piece["body"] for piece in pieces[:-1]] == [b"0,", b"1,", b"2,"]
    assert len({thread for _, thread in seen}) == 1


async def test_a_piece_is_made_when_the_one_before_is_sent(handler: PageHandler) -> None:
    made_when_sent = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request"}

    async def send(message: dict[str, Any]) -> None:
        made_when_sent.append(len(seen))

    scope = {
        "type": "http",
        "method": "GET",
        "path": "/stream/",
        "query_string": b"",
        "headers": [(b"host", b"testserver")],
    }
    await handler(scope, receive, send)
    assert made_when_sent == [0, 1, 2, 3, 3]


@pytest.mark.parametrize("end", ["they go", "they go and take nothing more", "the server stops"])
async def test_what_streams_ends_with_whoever_wanted_it(handler: PageHandler, end: str) -> None:
    has_gone, has_begun = asyncio.Event(), asyncio.Event()
    messages = iter([{"type": "http.request"}])

    async def receive() -> dict[str, Any]:
        for message in messages:
            return message
        await has_gone.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if len(seen) > 2:
            has_begun.set()
            if end == "they go and take nothing more":
                await asyncio.Event().wait()

    headers = [(b"host", b"testserver")]
    scope = {"type": "http", "method": "GET", "path": "/endless/", "query_string": b"", "headers": headers}
    request = asyncio.create_task(handler(scope, receive, send))
    async with asyncio.timeout(10):
        await has_begun.wait()
        if end == "the server stops":
            request.cancel()
        else:
            has_gone.set()
        await asyncio.wait([request])
        await asyncio.to_thread(handler._threads.shutdown)
    assert seen[-1] == "ended"


async def test_what_waits_has_no_thread_of_the_pool(handler: PageHandler) -> None:
    _, body = await ask(handler, "/waiting/")
    assert body["body"] == threading.current_thread().name.encode()


async def test_a_bug_is_an_answer_and_the_thread_goes_on(handler: PageHandler) -> None:
    head, _ = await ask(handler, "/broken/")
    assert head["status"] == 500
    head, _ = await ask(handler, "/page/")
    assert head["status"] == 200


async def test_below_a_path_of_its_own(handler: PageHandler) -> None:
    head, _ = await ask(handler, "/callboard/page/", root_path="/callboard")
    assert head["status"] == 200


async def test_nobody_is_answered_who_has_gone(handler: PageHandler) -> None:
    async def receive() -> dict[str, Any]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    await handler({"type": "http", "method": "GET", "path": "/page/", "headers": []}, receive, send)
    assert not seen
