"""`make reliability`: asynq and its peers under the same faults, judged by the same ledger.

A run is one fault of one peer: a private Redis with an append-only file written at each command,
workers in processes of their own, and a ledger that is no part of any queue. Every peer is set up
as its own documentation advises for work that must not be lost; each says how, and where that is
written, in a module of its name.
"""
