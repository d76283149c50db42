"""Bybit v5 linear perpetuals, as an exchange to practise on."""
