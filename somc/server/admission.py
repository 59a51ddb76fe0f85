"""Routes by which somebody gets in: sign-in links, sessions of pages, API tokens, WebSocket tickets."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from quart import Response, redirect, request

from somc.server import access
from somc.server.access import Principal, WsTickets
from somc.server.edge import Edge, read_body
from somc.server.identity import COOKIE_PREFIX, cookie_of
from somc.server.problems import Problem, of_validation, problem
from somc.server.user_routes import note_grant, revoke

__all__ = ["LinkBody", "RevokeBody", "TokenBody", "add_admission_routes", "link_path"]

Subject = Annotated[str, Meta(pattern=r"^[\w.@-]{1,64}$(?!\n)")]
"""What records name somebody by. `$` alone would let a line's end through."""

Role = Literal["floor", "kiosk", "display", "agent", "manager", "admin", "device", "channel", "centre"]
"""`access.ROLES`, as a type that validates and that the OpenAPI document spells out."""

Page = Literal["kiosk", "display", "counter", "second", "monitor", "policy", "promise", "admin"]
"""`access.PAGES`, likewise."""

LONGEST_TOKEN_S = 10 * 366 * 24 * 3600
"""Ten years; who wants longer leaves the end out."""


class TokenBody(msgspec.Struct, frozen=True):
    """An API token for a program, or for one person's own client."""

    subject: Subject
    roles: Annotated[list[Role], Meta(min_length=1, max_length=9)]
    scope: Annotated[str, Meta(max_length=200)] = ""
    expires_in_s: Annotated[int, Meta(ge=1, le=LONGEST_TOKEN_S)] | None = None


class RevokeBody(msgspec.Struct, frozen=True):
    """The API token to revoke; one that is unknown, or was revoked before, is no error."""

    token: Annotated[str, Meta(max_length=200)]


class LinkBody(msgspec.Struct, frozen=True):
    """A one-time sign-in link for a browser; without `page` it leads to the first page of the role."""

    subject: Subject
    role: Role
    scope: Annotated[str, Meta(max_length=200)] = ""
    page: Page | None = None


def link_path(secret: str, page: str | None) -> str:
    """Where a sign-in link points. The page is no right: who changes it only gets another cookie's name."""
    return f"/sign-in/{secret}" + ("" if page is None else f"?page={page}")


def add_admission_routes(edge: Edge, ws_tickets: WsTickets) -> None:
    """Adds them to the framework's application."""
    hall, quart = edge.hall, edge.quart
    base = "/api/v1"

    def admin() -> Principal | Problem:
        principal = edge.changer()
        if isinstance(principal, Problem) or "admin" in principal.roles:
            return principal
        return problem(403, "no_right", f"{principal.by} may not give rights away; allowed: admin")

    async def body_as(kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(await read_body(), type=kind)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            return of_validation(error)

    @quart.post(f"{base}/ws-ticket")
    async def ws_ticket() -> Response:
        admission = edge.admission()
        if isinstance(admission, Problem):
            return edge.fail(admission)
        ticket = ws_tickets.issue(admission)
        return edge.answer(200, {"ticket": ticket, "expires_in_s": access.WS_TICKET_LIFE_S})

    @quart.post(f"{base}/tokens")
    async def issue_token() -> Response:
        principal = admin()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        body = await body_as(TokenBody)
        if isinstance(body, Problem):
            return edge.fail(body)
        until = None if body.expires_in_s is None else access.until(hall, body.expires_in_s * 1000)
        new = Principal(body.subject, tuple(body.roles), body.scope)
        secret = await access.issue(hall.journal, new, "api", until)
        await note_grant(hall, principal, secret, "api", new, until)
        return edge.answer(201, {"token": secret, "subject": body.subject, "roles": body.roles})

    @quart.post(f"{base}/tokens/revoke")
    async def revoke_token() -> Response:
        principal = admin()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        body = await body_as(RevokeBody)
        if isinstance(body, Problem):
            return edge.fail(body)
        await revoke(hall, principal, access.digest_of(body.token))
        return edge.nothing()

    @quart.post(f"{base}/sign-in-links")
    async def issue_link() -> Response:
        principal = admin()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        body = await body_as(LinkBody)
        if isinstance(body, Problem):
            return edge.fail(body)
        new = Principal(body.subject, (body.role,), body.scope)
        until = access.until(hall, access.LINK_LIFE_MS)
        secret = await access.issue(hall.journal, new, "link", until)
        await note_grant(hall, principal, secret, "link", new, until)
        page = body.page or access.page_of(new.roles)
        return edge.answer(201, {"path": link_path(secret, body.page), "page": f"/{page}"})

    @quart.get("/sign-in/<secret>")
    async def sign_in(secret: str) -> Response:
        if request.method == "HEAD":
            # Mail gateways and chat programs look at links before people do: that must not use one up.
            return edge.nothing()
        known = access.find(hall.journal, secret, ("link",), hall.now())
        # Looked at first: an API token that is tried here must not be used up.
        token = None if known is None else await hall.journal.take_token(access.digest_of(secret))
        if token is None:
            why = "this sign-in link was used before or is too old: ask for a new one"
            return edge.fail(problem(401, "bad_link", why))
        until = access.until(hall, access.SESSION_LIFE_MS)
        session = await access.issue(hall.journal, access.principal_of(token), "cookie", until)
        asked = request.args.get("page")
        page = asked if asked in access.PAGES else access.page_of(token.roles)
        response = redirect(f"/{page}")
        assert isinstance(response, Response)
        response.set_cookie(
            COOKIE_PREFIX + (page or "admin"),
            session,
            max_age=access.SESSION_LIFE_MS // 1000,
            httponly=True,
            secure=edge.encrypted,
            # Also from a link in a mail: the page itself is public, and what it then asks is same-site.
            samesite="Strict",
        )
        return response

    @quart.post("/sign-out")
    async def sign_out() -> Response:
        principal = edge.changer()
        if isinstance(principal, Problem):
            return edge.fail(principal)
        headers = request.headers
        for secret in cookie_of(headers.get("cookie"), headers.get("x-somc")):
            await hall.journal.drop_token(access.digest_of(secret))
        return edge.nothing()
