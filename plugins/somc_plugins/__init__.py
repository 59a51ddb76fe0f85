"""Bundled plugins: each uses the public hooks and nothing else, as a vendor's plugin does."""
