"""`agent://HOST:PORT/DEVICE?token-file=FILE`: a device that is plugged into another PC.

    agent   SOMC-AGENT/1 <nonce>
    host    <device> <nonce> <proof>      proof = HMAC-SHA256(token, "host" agent's nonce, host's nonce,
    device) agent   OK <proof>                    the same with "agent": it, too, knows the token
            NO <words>                    and the connection is closed

After OK the connection carries the device's bytes, nothing else.

What must stay true
- The token never stands on the wire, and a recorded handshake is worth nothing later.
- Neither the bytes that follow nor their order are protected: on a network that is not the hall's own, the
  connection belongs into a tunnel (SSH, WireGuard, stunnel).
- Every line is bounded in length and in time, before anybody is known.
"""

from __future__ import annotations

import errno
import hashlib
import hmac
import re
import secrets
from pathlib import Path

import trio

from somc_hal.links.tcp import open_tcp

__all__ = ["DEVICE_NAME", "GREETING", "HANDSHAKE_S", "ProofStream", "open_agent", "proof", "read_token"]

GREETING = "SOMC-AGENT/1"
HANDSHAKE_S = 5.0
LINE_BYTES = 512
DEVICE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_HEX = re.compile(r"[0-9a-f]{64}")


def proof(token: str, who: str, agent_nonce: str, host_nonce: str, device: str) -> str:
    """That `who` ("host" or "agent") knows the token, for these nonces and this device."""
    words = "\n".join((GREETING, who, agent_nonce, host_nonce, device))
    return hmac.new(token.encode(), words.encode(), hashlib.sha256).hexdigest()


def read_token(path: Path) -> str:
    """The token in a file. `OSError` if it cannot be read or is shorter than 16 characters."""
    token = path.read_text(encoding="utf-8").strip()
    if len(token) < 16:
        raise OSError(errno.EINVAL, f"{path}: a token has at least 16 characters")
    return token


class ProofStream:
    """Lines of a handshake over a stream, read byte by byte so that none of what follows is taken."""

    def __init__(self, stream: trio.abc.Stream) -> None:
        self._stream = stream

    async def say(self, *words: str) -> None:
        await self._stream.send_all((" ".join(words) + "\n").encode())

    async def hear(self) -> list[str]:
        """The words of one line. `OSError` (EPROTO) if it is too long or no text, or the peer went away."""
        line = bytearray()
        while not line.endswith(b"\n"):
            byte = await self._stream.receive_some(1)
            if not byte or len(line) >= LINE_BYTES:
                raise OSError(errno.EPROTO, "the handshake with the agent broke off")
            line += byte
        try:
            return line.decode("utf-8").split()
        except UnicodeDecodeError:
            raise OSError(errno.EPROTO, "the handshake is no text") from None


async def open_agent(
    host: str, port: int, device: str, token_file: Path, *, silence_s: int
) -> trio.abc.Stream:
    """Connect to `device` of the agent at `host`. Raises `OSError`: ENODEV if the agent has no such device or
    cannot open it now, EACCES if one of both does not know the token."""
    token = await trio.to_thread.run_sync(read_token, token_file)
    stream = await open_tcp(host, port, silence_s=silence_s)
    try:
        with trio.fail_after(HANDSHAKE_S):
            await _shaken(ProofStream(stream), token, device)
    except trio.TooSlowError:
        await trio.aclose_forcefully(stream)
        raise OSError(errno.ETIMEDOUT, f"the agent at {host}:{port} does not speak") from None
    except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
        await trio.aclose_forcefully(stream)
        raise OSError(errno.ECONNRESET, f"the agent at {host}:{port} went away: {error}") from error
    except BaseException:
        await trio.aclose_forcefully(stream)
        raise
    return stream


async def _shaken(lines: ProofStream, token: str, device: str) -> None:
    greeting = await lines.hear()
    if len(greeting) != 2 or greeting[0] != GREETING or not _HEX.fullmatch(greeting[1]):
        raise OSError(errno.EPROTO, "who answers there is no agent of this version")
    nonce = secrets.token_hex(32)
    await lines.say(device, nonce, proof(token, "host", greeting[1], nonce, device))
    answer = await lines.hear()
    if answer[:1] == ["NO"]:
        words = " ".join(answer[1:]) or "refused"
        raise OSError(errno.EACCES if "token" in words else errno.ENODEV, f"the agent says: {words}")
    expected = proof(token, "agent", greeting[1], nonce, device)
    if (
        answer[:1] != ["OK"]
        or len(answer) != 2
        or not hmac.compare_digest(answer[1].encode(), expected.encode())
    ):
        raise OSError(errno.EACCES, "who answers there does not know the token")
