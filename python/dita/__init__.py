"""DITA, a trade execution kernel: every trade from intent to closed, and an exact account of the money."""

__version__ = "0.1.0"
