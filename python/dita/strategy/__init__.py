"""Strategies: they look at a market and say what to hold; the kernel does the rest."""

from dita.strategy.crossover import Crossover, Stance

__all__ = ["Crossover", "Stance"]
