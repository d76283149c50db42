"""Scripted venues in the wire forms that `dita exchange` does not speak: OKX's and BingX's."""
