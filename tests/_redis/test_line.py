from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from asynq._redis.client import Server
from asynq._redis.errors import Refused
from asynq._redis.line import Line, closed_on_error
from tests.servers import PrivateServer, ServerFactory


@pytest.fixture
def ends() -> Iterator[tuple[Line, socket.socket]]:
    ours, theirs = socket.socketpair()
    line = Line(ours, timeout=0.2)
    yield line, theirs
    line.close()
    theirs.close()


def test_a_reply_comes_back_as_it_is(url: str):
    line = Server(url).connect_blocking(5.0)
    assert line.ask("PING") == b"PONG"
    assert line.ask("ECHO", b"x" * 500_000) == b"x" * 500_000
    line.close()


def test_a_refusal_is_raised_and_among_several_replies_returned(url: str):
    line = Server(url).connect_blocking(5.0)
    with pytest.raises(Refused, match="unknown command") as caught:
        line.ask("NONSENSE")
    assert caught.value.kind == "ERR"
    first, second = line.ask_all([("NONSENSE",), ("PING",)])
    assert isinstance(first, Refused)
    assert second == b"PONG"
    line.close()


def test_it_begins_in_its_database_and_as_its_user(own_server: ServerFactory):
    private = own_server(config={"requirepass": "geheim"})
    url = f"unix://:geheim@{private.socket_path}?db=3"
    line = Server(url).connect_blocking(5.0)
    line.ask("SET", "key", "value")
    line.close()
    line = Server(url.replace("db=3", "db=0")).connect_blocking(5.0)
    assert line.ask("GET", "key") is None
    line.close()


def test_a_wrong_password_is_the_servers_word(own_server: ServerFactory):
    private = own_server(config={"requirepass": "geheim"})
    with pytest.raises(Refused, match="WRONGPASS"):
        Server(f"unix://:falsch@{private.socket_path}").connect_blocking(5.0)


def test_a_server_that_says_nothing_is_given_up(ends: tuple[Line, socket.socket]):
    line, _ = ends
    with pytest.raises(TimeoutError):
        line.ask("PING")


def test_a_server_that_closes_in_the_middle_of_a_reply_is_lost(ends: tuple[Line, socket.socket]):
    line, theirs = ends

    def half_a_reply() -> None:
        theirs.recv(100)
        theirs.sendall(b"$10\r\nhalf")
        theirs.close()

    thread = threading.Thread(target=half_a_reply)
    thread.start()
    with pytest.raises(ConnectionError, match="closed"):
        line.ask("PING")
    thread.join()


def test_a_reply_may_come_in_pieces(ends: tuple[Line, socket.socket]):
    line, theirs = ends

    def in_pieces() -> None:
        theirs.recv(100)
        for piece in (b"*2\r\n$2\r\n", b"ab\r\n:", b"7\r\n"):
            theirs.sendall(piece)

    thread = threading.Thread(target=in_pieces)
    thread.start()
    assert line.ask("PING") == [b"ab", 7]
    thread.join()


def test_a_socket_is_closed_only_where_something_went_wrong(server: PrivateServer):
    sock = socket.socket(socket.AF_UNIX)
    with closed_on_error(sock):
        sock.connect(str(server.socket_path))
    assert sock.fileno() >= 0
    with pytest.raises(ValueError, match="wrong"), closed_on_error(sock):
        raise ValueError("wrong")
    assert sock.fileno() == -1
