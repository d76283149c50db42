"""Trading at a venue: what is checked before, and strategies on its live market."""
