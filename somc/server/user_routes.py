"""Who may enter: API tokens, sign-in links and sessions of browsers; and taking such a right back.

What must stay true: administrators only; a secret is never shown again, its id is the first digits of its
SHA-256; every right given or taken back is a record (`access.granted`, `access.revoked`).
"""

from __future__ import annotations

from typing import Any

from quart import Response

from somc.domain import commands as c
from somc.domain.refusals import Refusal
from somc.journal.entry import Token
from somc.runtime.hall import Hall
from somc.server.access import Principal, digest_of
from somc.server.edge import Edge
from somc.server.problems import Problem, problem

__all__ = ["add_user_routes", "note_grant", "revoke", "token_id"]

KINDS = ("api", "link", "cookie", "file")
ID_DIGITS = 12


def token_id(digest: bytes) -> str:
    """What names a secret without saying it."""
    return digest.hex()[:ID_DIGITS]


async def note_grant(
    hall: Hall, by: Principal, secret: str, kind: str, new: Principal, until: int | None
) -> None:
    """The record of a right that `by` gives to `new`."""
    command = c.GrantAccess(
        by=by.by,
        token=token_id(digest_of(secret)),
        kind=kind,
        subject=new.subject,
        roles=new.roles,
        scope=new.scope,
        expires_at=until,
    )
    outcome = await hall.submit(command, _nothing)
    assert not isinstance(outcome, Refusal), "noting a right is never refused"


async def revoke(hall: Hall, by: Principal, digest: bytes) -> None:
    """Take a right back, with its record; one that there is not is no error."""
    token = hall.journal.token(digest)
    # The right first: should the machine stop in between, it is gone and only the note is missing.
    await hall.journal.drop_token(digest)
    if token is None:
        return
    command = c.RevokeAccess(by=by.by, token=token_id(digest), subject=token.subject)
    outcome = await hall.submit(command, _nothing)
    assert not isinstance(outcome, Refusal), "noting a right is never refused"


def _nothing(state: Any, events: Any, now: int) -> None:
    return None


def add_user_routes(edge: Edge) -> None:
    """Adds them to the framework's application."""
    hall, quart = edge.hall, edge.quart

    def admin() -> Principal | Problem:
        principal = edge.changer()
        if isinstance(principal, Problem) or "admin" in principal.roles:
            return principal
        return problem(403, "no_right", f"{principal.by} may not see who has rights; allowed: admin")

    def tokens() -> list[Token]:
        now = hall.now()
        return [
            token
            for kind in KINDS
            for token in hall.journal.tokens(kind)
            if token.expires_at is None or token.expires_at > now
        ]

    @quart.get("/api/v1/users")
    async def list_users() -> Response:
        principal = admin()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        rows = [
            {
                "id": token_id(token.digest),
                "kind": token.kind,
                "subject": token.subject,
                "roles": list(token.roles),
                "scope": token.scope,
                "expires_at": token.expires_at,
            }
            for token in tokens()
        ]
        return edge.answer(200, sorted(rows, key=lambda row: (row["subject"], row["kind"], row["id"])))

    @quart.post("/api/v1/users/<token>/revoke")
    async def revoke_user(token: str) -> Response:
        principal = admin()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        found = next((each for each in tokens() if token_id(each.digest) == token), None)
        if found is None:
            return edge.fail(problem(404, "unknown_token", f"there is no right {token}: it may have ended"))
        if found.kind == "file":
            why = "this is the token of --admin-token-file: remove the file and start the hall again"
            return edge.fail(problem(409, "token_of_file", why))
        await revoke(hall, principal, found.digest)
        return edge.nothing()
