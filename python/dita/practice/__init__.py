"""Exchanges to practise on: the simulated venue behind HTTP and WebSocket, in the formats of real venues.

What `dita exchange` runs. A program that speaks to the venue trades here without a key and without money, by
a change of its base address alone.
"""
