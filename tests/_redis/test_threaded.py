from __future__ import annotations

import pytest

from asynq._redis.client import Server
from asynq._redis.keys import Keys
from asynq._redis.threaded import Threaded
from asynq.brokers.redis.scripts import DEPTH
from asynq.exceptions import OperationalError
from tests.servers import PrivateServer, ServerFactory

KEYS = Keys("client")
DEPTH_KEYS = (KEYS.delayed("q"), *KEYS.lanes("q"))


def test_a_thread_runs_scripts_the_server_has_forgotten(url: str, server: PrivateServer):
    connection = Threaded(Server(url), timeout=5.0)
    for _ in range(2):
        assert connection.run_all(DEPTH, [(DEPTH_KEYS, ()), (DEPTH_KEYS, ())]) == [0, 0]
        server.command("SCRIPT", "FLUSH")
    connection.close()


def test_a_thread_is_told_what_is_wrong_and_comes_back(own_server: ServerFactory):
    private = own_server()
    connection = Threaded(Server(private.url), timeout=1.0)
    assert connection.run_all(DEPTH, [(DEPTH_KEYS, ())]) == [0]
    private.kill()
    with pytest.raises(OperationalError, match="can't reach"):
        connection.run_all(DEPTH, [(DEPTH_KEYS, ())])
    private.start()
    assert connection.run_all(DEPTH, [(DEPTH_KEYS, ())]) == [0]
    private.command("SET", KEYS.delayed("q"), "not a zset")
    with pytest.raises(OperationalError, match="another program uses these keys"):
        connection.run_all(DEPTH, [(DEPTH_KEYS, ())])
    connection.close()
