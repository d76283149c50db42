"""Strategies: they look at a market and say what to do; the kernel does the rest."""

from dita.strategy.base import Params, Strategy, StrategyContext
from dita.strategy.crossover import Crossover, Stance
from dita.strategy.errors import NotRunning, StrategyError, StrategyTimeout, TooManyIntents, WarmingUp
from dita.strategy.views import Bar, Book, OwnFill, Position, QuoteTick, TradeTick

__all__ = [
    "Bar",
    "Book",
    "Crossover",
    "NotRunning",
    "OwnFill",
    "Params",
    "Position",
    "QuoteTick",
    "Stance",
    "Strategy",
    "StrategyContext",
    "StrategyError",
    "StrategyTimeout",
    "TooManyIntents",
    "TradeTick",
    "WarmingUp",
]
