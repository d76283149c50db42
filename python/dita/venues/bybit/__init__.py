"""Bybit v5 linear perpetuals: the protocol without I/O, and the transport that carries it.

`requests`, `failures`, `news`, `markets` and `budget` know no network; `adapter` is what the kernel calls.
"""
