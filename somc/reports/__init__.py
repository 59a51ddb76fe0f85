"""Figures of any period, folded from the journal's records."""
