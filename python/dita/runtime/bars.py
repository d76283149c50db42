"""Longer bars from shorter ones, by the player's own rule, and the names of their lengths."""

from dita._kernel import BarBuilder, interval_ns, interval_text

__all__ = ["BarBuilder", "interval_ns", "interval_text"]
