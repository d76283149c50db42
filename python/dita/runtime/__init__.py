"""Strategies at work: callbacks, actions and events. The same in a backtest, on paper and live."""

from dita.runtime.actor import Actor, ActorState
from dita.runtime.bars import BarBuilder, interval_ns
from dita.runtime.loading import load_params, load_strategy

__all__ = [
    "Actor",
    "ActorState",
    "BarBuilder",
    "interval_ns",
    "load_params",
    "load_strategy",
]
