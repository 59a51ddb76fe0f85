"""Outgoing and incoming messages (短信): wording, the outbox's dispatcher, channels, triggers, replies."""
