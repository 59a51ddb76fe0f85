"""Simulated people: arrivals from a file or at random, and agents that serve them."""
