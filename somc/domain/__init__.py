"""What a hall is and how it changes, without effects.

`decide(state, command, now)` says what a command means: events, or a refusal. `evolve(state, event)`
is the only writer of the state. Nothing here reads a clock, a file or a socket.
"""
