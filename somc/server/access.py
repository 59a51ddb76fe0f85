"""Who may do what: roles, principals, secrets and the sessions of browsers.

What must stay true
- A secret is random, shown once, and known to the store by its SHA-256 only.
- A principal may act inside its scope, a path of the organisation; `admin` may do all.
- A browser's session is a cookie of its own per page, so that a kiosk and a counter page in one browser
  keep their own rights. A request that relies on a cookie and changes something must carry the header
  `X-SOMC`, which no foreign site can send (no cross-origin requests are allowed).
"""

from __future__ import annotations

import hashlib
import os
import secrets
from pathlib import Path

import msgspec
import trio

from somc.errors import UsageError
from somc.journal.entry import Token
from somc.journal.journal import Journal
from somc.runtime.hall import Hall

__all__ = [
    "PAGES",
    "PAGE_OF_ROLE",
    "ROLES",
    "Admission",
    "Principal",
    "WsTickets",
    "admin_token",
    "digest_of",
    "keep_file_token",
    "may",
    "new_secret",
    "still_good",
]

ROLES = ("floor", "kiosk", "display", "agent", "manager", "admin", "device", "channel", "centre")

PAGE_OF_ROLE = {
    "kiosk": "kiosk",
    "display": "display",
    "agent": "counter",
    "manager": "monitor",
    "floor": "monitor",
    "admin": "admin",
}
"""The page to which a sign-in link of a role leads; of the others, to the index."""

PAGES = ("kiosk", "display", "counter", "second", "monitor", "policy", "promise", "admin")
"""The pages that somebody signs in to, each with a session of its own; the index needs none."""

LINK_LIFE_MS = 24 * 3600 * 1000
"""A sign-in link that nobody used is void after a day."""

SESSION_LIFE_MS = 30 * 24 * 3600 * 1000
"""A page stays signed in for 30 days: a display must come back by itself after a weekend's power cut."""

WS_TICKET_LIFE_S = 30
"""Seconds between asking for a WebSocket ticket and using it."""


class Principal(msgspec.Struct, frozen=True):
    """Who asks: `subject` (a person, a page, a program), what it may be, and where."""

    subject: str
    roles: tuple[str, ...]
    scope: str = ""

    @property
    def by(self) -> str:
        """As records name it: the first role and the subject."""
        return f"{self.roles[0]}:{self.subject}"

    def covers(self, org: str) -> bool:
        """Whether the hall at `org` is inside the scope."""
        return self.scope == "" or org == self.scope or org.startswith(f"{self.scope}/")


class Admission(msgspec.Struct, frozen=True):
    """Who was let in, and the digest of the token that it came by: it may stay while that is good."""

    principal: Principal
    token: bytes


def may(principal: Principal, roles: frozenset[str]) -> bool:
    """Whether one of its roles is among `roles`; `admin` always may."""
    return "admin" in principal.roles or not roles.isdisjoint(principal.roles)


def new_secret() -> str:
    """A secret of 256 random bits, safe in URLs and headers."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> bytes:
    """What the store knows of a secret. SHA-256 is enough: the secret is random, not chosen."""
    return hashlib.sha256(secret.encode()).digest()


def principal_of(token: Token) -> Principal:
    return Principal(token.subject, token.roles, token.scope)


def page_of(roles: tuple[str, ...]) -> str:
    """The page that these roles look at first."""
    return PAGE_OF_ROLE.get(roles[0], "")


async def issue(journal: Journal, principal: Principal, kind: str, expires_at: int | None) -> str:
    """A new secret for `principal`, on disk when it is returned. `UsageError` for an unknown role."""
    for role in principal.roles:
        if role not in ROLES:
            raise UsageError(f"there is no role '{role}'; allowed: {', '.join(ROLES)}")
    secret = new_secret()
    token = Token(digest_of(secret), principal.subject, principal.roles, principal.scope, expires_at, kind)
    await journal.put_token(token)
    return secret


def until(hall: Hall, life_ms: int) -> int:
    """When something given out now ends: `life_ms` of real time, also where the hall's time runs faster."""
    return hall.now() + int(life_ms * hall.clock.speed)


def find(journal: Journal, secret: str, kinds: tuple[str, ...], now: int) -> Token | None:
    """The token of a secret, if it is one of `kinds` and still good."""
    token = journal.token(digest_of(secret))
    if token is None or token.kind not in kinds:
        return None
    if token.expires_at is not None and token.expires_at <= now:
        return None
    return token


def still_good(journal: Journal, digest: bytes, now: int) -> bool:
    """Whether whoever came in by this token may stay."""
    token = journal.token(digest)
    return token is not None and (token.expires_at is None or token.expires_at > now)


def admin_token(path: Path) -> Token:
    """The admin API token kept in `path`, which is made (mode 0600) if it is missing.

    `UsageError` if the file is empty or others may read it.
    """
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(path, "x", opener=_private) as file:
            file.write(new_secret() + "\n")
    if path.stat().st_mode & 0o077:
        raise UsageError(f"{path} holds an admin token but others may read it: chmod 600 {path}")
    secret = path.read_text().strip()
    if len(secret) < 20:
        raise UsageError(f"{path} holds no token of at least 20 characters: remove it to have one made")
    return Token(digest_of(secret), "admin", ("admin",), "", None, "file")


async def keep_file_token(journal: Journal, token: Token | None) -> None:
    """Let the token of the file be good from now on, and no file's token of an earlier start."""
    for old in journal.tokens("file"):
        if token is None or old.digest != token.digest:
            await journal.drop_token(old.digest)
    if token is not None:
        await journal.put_token(token)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


class WsTickets:
    """One-time tickets with which a browser opens its WebSocket: it cannot set headers there.

    They live in memory for `WS_TICKET_LIFE_S` (of the machine's time, not the hall's, which may run
    faster); after a restart the page asks for a new one.
    """

    MOST = 10_000
    """More than so many unused tickets are somebody's flood: the oldest go."""

    def __init__(self) -> None:
        self._open: dict[str, tuple[Admission, float]] = {}

    def issue(self, admission: Admission) -> str:
        now_s = trio.current_time()
        self._open = {t: (a, until) for t, (a, until) in self._open.items() if until > now_s}
        while len(self._open) >= self.MOST:
            self._open.pop(next(iter(self._open)))
        ticket = new_secret()
        self._open[ticket] = (admission, now_s + WS_TICKET_LIFE_S)
        return ticket

    def redeem(self, ticket: str) -> Admission | None:
        """Whose ticket this is; it is gone after the first use."""
        admission, until = self._open.pop(ticket, (None, 0.0))
        return admission if until > trio.current_time() else None
