"""How many live feeds may open in a second.

After a restart every screen comes back at once, and a handshake with its snapshot costs a thousand times what
a message does: the counters' commands would wait behind them. So handshakes come in at a steady rate.
"""

from __future__ import annotations

import trio

__all__ = ["Turnstile"]


class Turnstile:
    """Lets `rate_per_s` through, `burst` at once after a rest; refuses who would wait over `patience_s`."""

    def __init__(self, *, rate_per_s: float = 400.0, burst: int = 200, patience_s: float = 5.0) -> None:
        self._each_s = 1 / rate_per_s
        self._head_start_s = (burst - 1) / rate_per_s
        self._patience_s = patience_s
        self._next_s = -float("inf")
        """When the next one would come in if there were no head start."""

    async def pass_through(self) -> bool:
        """Wait for its turn. False if that is too far away."""
        now_s = trio.current_time()
        turn_s = max(self._next_s, now_s)
        wait_s = turn_s - self._head_start_s - now_s
        if wait_s > self._patience_s:
            await trio.lowlevel.checkpoint()
            return False
        self._next_s = turn_s + self._each_s
        await trio.sleep(max(0.0, wait_s))
        return True
