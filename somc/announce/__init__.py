"""Calls made visible and audible: wording, boards, slips, and the announcer that follows the journal."""
