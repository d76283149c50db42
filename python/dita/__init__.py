"""DITA: a trade execution kernel."""
