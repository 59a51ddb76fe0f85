"""Who sent this request: a bearer token, or the cookie of a page.

Settled from the bare headers, so that HTTP and the WebSocket's handshake share it.
"""

from __future__ import annotations

from http.cookies import CookieError, SimpleCookie
from typing import Protocol

import msgspec

from somc.journal.entry import Token
from somc.journal.journal import Journal
from somc.runtime.hall import Hall
from somc.server.access import PAGES, Admission, Principal, find, may, principal_of
from somc.server.problems import Problem, problem

__all__ = [
    "COOKIE_PREFIX",
    "Caller",
    "Headers",
    "admission_of",
    "asker_of",
    "caller_of",
    "changer_of",
    "cookie_of",
]

COOKIE_PREFIX = "somc-"
SESSIONS = PAGES
"""Names of cookies after the prefix; the session of the index is the administration's."""

SESSIONS_OF_PAGE = {
    "policy": ("policy", "admin", "monitor"),
    "second": ("second", "display", "counter"),
    "admin": ("admin", "policy", "monitor"),
    "promise": ("promise", "monitor", "policy", "admin"),
}
"""Pages that the same person opens from another one: whoever is signed in there need not do so again."""

BEARERS = ("api", "file")
"""Kinds of tokens that programs carry in a header."""

NO_ROLES = frozenset[str]()

NOT_SIGNED_IN = "send 'Authorization: Bearer TOKEN', or open a sign-in link in this browser"


class Caller(msgspec.Struct, frozen=True):
    """Who was let in, and whether it came by cookie (then a change needs the header `X-SOMC`)."""

    admission: Admission
    by_cookie: bool

    @property
    def principal(self) -> Principal:
        return self.admission.principal


class Headers(Protocol):
    """A request's headers, by names in lower case."""

    def get(self, name: str, /) -> str | None: ...


def asker_of(hall: Hall, headers: Headers, roles: frozenset[str] = NO_ROLES) -> Caller | Problem:
    """Whose request this is; of several sessions of one browser the first that has one of `roles`."""
    return caller_of(
        hall.journal,
        hall.state.hall.org,
        hall.now(),
        headers.get("authorization"),
        headers.get("cookie"),
        headers.get("x-somc"),
        roles,
    )


def changer_of(hall: Hall, headers: Headers, roles: frozenset[str] = NO_ROLES) -> Principal | Problem:
    """Whose request this is, if it may change anything: a cookie alone is not enough."""
    admission = admission_of(hall, headers, roles)
    return admission if isinstance(admission, Problem) else admission.principal


def admission_of(hall: Hall, headers: Headers, roles: frozenset[str] = NO_ROLES) -> Admission | Problem:
    """The same with the token that it came by."""
    caller = asker_of(hall, headers, roles)
    if isinstance(caller, Problem):
        return caller
    if caller.by_cookie and headers.get("x-somc") is None:
        return problem(403, "no_x_somc", "a request by cookie must carry the header X-SOMC")
    return caller.admission


def caller_of(
    journal: Journal,
    org: str,
    now: int,
    authorization: str | None,
    cookies: str | None,
    page: str | None,
    roles: frozenset[str] = NO_ROLES,
) -> Caller | Problem:
    """Who asks, or a problem document of status 401 or 403. `page` is the value of `X-SOMC`.

    A page that is none of SOMC's has no session of its own: who may see it is who is signed in to one that
    has one of its `roles`.
    """
    if authorization is not None:
        kind, _, secret = authorization.partition(" ")
        token = find(journal, secret.strip(), BEARERS, now) if kind.lower() == "bearer" else None
        if token is None:
            return problem(401, "bad_token", "the bearer token is unknown or has expired")
        return _inside(Caller(admission_by(token), False), org)
    sessions = [find(journal, secret, ("cookie",), now) for secret in cookie_of(cookies, page)]
    good = [_inside(Caller(admission_by(token), True), org) for token in sessions if token is not None]
    for caller in good:
        if roles and isinstance(caller, Caller) and may(caller.principal, roles):
            return caller
    if good:
        return good[0]
    return problem(401, "not_signed_in", NOT_SIGNED_IN)


def cookie_of(cookies: str | None, page: str | None) -> list[str]:
    """The session secrets of a request, to be tried in order: those that its page may use, or, if it names
    no page, all of them."""
    if not cookies:
        return []
    try:
        jar = SimpleCookie(cookies)
    except CookieError:
        return []
    names = SESSIONS_OF_PAGE.get(page or "", (page,) if page in SESSIONS else SESSIONS)
    return [jar[COOKIE_PREFIX + name].value for name in names if COOKIE_PREFIX + name in jar]


def admission_by(token: Token) -> Admission:
    return Admission(principal_of(token), token.digest)


def _inside(caller: Caller, org: str) -> Caller | Problem:
    if caller.principal.covers(org):
        return caller
    return problem(403, "other_hall", f"{caller.principal.by} has rights in {caller.principal.scope} only")
