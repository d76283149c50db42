"""OKX swaps: the protocol without I/O, and the transport that native adapters share.

**Not proven over a wire**: `dita exchange` does not speak it. It is certified with scripted bytes in its wire
form, and real money is refused without `unproven=True`.
"""
