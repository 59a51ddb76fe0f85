"""Fan-out: one message, encoded and framed once, to everybody who is to have it."""
