"""What the SMS plugins share: texts and their parts, frames, one session over a dialect, the channel, the
simulated gateway. No plugin by itself."""
