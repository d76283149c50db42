"""The journal's schema, version by version: SQL files, applied in the order of their numbers."""
