"""Rigs of the adapters that DITA brings: on the practice exchanges, or in memory with the same bytes."""
