"""What the benchmarks count of a server: its own figures, and every command."""

import redis

from benchmarks.counts import Counts, Watch, counts, entries, size


def test_what_happened_between_two_moments_is_their_difference(own_server):
    server = own_server(tcp=True)
    before = counts(server)
    server.command("SET", "key", "x" * 100_000)
    spent = counts(server) - before
    assert spent.bytes_in > 100_000
    assert spent.memory > 100_000
    assert 0 < spent.bytes_out < 100_000
    assert spent.commands >= 2
    assert spent.cpu >= 0


def test_counts_are_taken_away_one_by_one():
    assert Counts(3.0, 30, 300, 3000, 1) - Counts(1.0, 10, 100, 1000, 1) == Counts(
        2.0, 20, 200, 2000, 0
    )


def test_commands_of_clients_and_of_scripts_are_told_apart(own_server):
    server = own_server(tcp=True)
    with redis.Redis.from_url(server.url) as client, Watch(server) as watch:
        client.eval("redis.call('SET', 'a', 1) return redis.call('GET', 'a')", 0)
        with client.pipeline(transaction=True) as pipeline:
            pipeline.set("b", 1).get("b").execute()
    # EVAL, MULTI, SET, GET, EXEC, and what a client says of itself when it connects.
    assert watch.sent >= 5
    assert watch.scripted == 2


def test_a_watch_counts_only_while_it_is_open(own_server):
    server = own_server(tcp=True)
    server.command("SET", "a", 1)
    with Watch(server) as watch:
        server.command("SET", "a", 2)
    server.command("SET", "a", 3)
    assert (watch.sent, watch.scripted) == (1, 0)


def test_results_are_found_as_keys_or_in_a_hash(own_server):
    server = own_server(tcp=True)
    server.command("MSET", *[word for number in range(60) for word in (f"result:{number}", 1)])
    assert entries(server) == 60
    server.command("FLUSHALL")
    server.command("HSET", "results", *[str(number) for number in range(40)])
    assert entries(server) >= 20


def test_the_bytes_of_a_result_are_those_of_a_key(own_server):
    server = own_server(tcp=True)
    assert size(server) is None
    for number in range(100):
        server.command("SET", f"result:{number:03}", "x" * 100)
    assert 100 < size(server) < 250
