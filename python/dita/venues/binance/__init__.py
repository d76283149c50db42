"""Binance USD-M futures: the protocol without I/O, and the transport that carries it.

`reading`, `requests`, `failures`, `news` and `budget` know no network; `transport` does, and `adapter` is
what the kernel calls.
"""
