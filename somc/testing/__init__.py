"""Public tools for tests: a simulated day of the real runtime, and given-when-then for the domain."""
