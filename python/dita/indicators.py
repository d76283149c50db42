"""Indicators, one value or one bar at a time, in Rust.

They take floats (`bar.close_float`, `quote.bid_float`) and give floats: they are opinions, and no money. Each
has `update(...)`, which returns the new value or None before there is one, and `value`, `ready`, `count` and
`reset()`. A value that is not finite is refused by name (`InvalidInput`), and changes nothing; so is a length
outside of 1 to 100,000.
"""

from dita._kernel import Atr, Bollinger, Deviation, Donchian, Ema, Rsi, Sma, Vwap

__all__ = ["Atr", "Bollinger", "Deviation", "Donchian", "Ema", "Rsi", "Sma", "Vwap"]
