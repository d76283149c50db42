"""Any exchange of ccxt's: one adapter, for those that have no native one. Needs the extra `ccxt`.

`exchange` makes ccxt's object answer exactly: numbers as text, no retries, errors with the venue's own code.
`answers` says what an error means. `abilities` says what each exchange can do. `adapter` is what the kernel
calls. ccxt itself is imported at first use: it takes most of a second.
"""

from dita.venues.ccxt.adapter import CCXTAdapter

__all__ = ["CCXTAdapter"]
