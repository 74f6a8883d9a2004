"""What every adapter must do, as tests: subclass, say how to connect, run pytest.

The suites are written for pytest-asyncio in auto mode. Their waiting is bounded by `patience`;
they never sleep to synchronise.
"""
