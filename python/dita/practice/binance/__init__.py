"""The simulated venue in Binance USD-M's wire format, as of November 2026."""
