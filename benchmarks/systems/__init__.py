"""The systems that are compared, a module each; imported under that system's own interpreter.

A module has the tasks `noop`, `nap` (50 ms) and `work` (a plain `def`), each of which counts
itself at its end, and a `producer`; see `benchmarks.producer`. It reads `BENCH_URL`, and
`BENCH_SLOTS` where its worker has no option for that.
"""
