"""What `web_booking` serves: the page, and the JSON behind it, to anybody.

What must stay true
- Nothing here is done for a cookie, so another site cannot do it in a customer's name; what changes anything
  must come as JSON, which another site's form cannot send.
- A booking needs a number that was proved. An appointment is seen and given up by its code alone; tries in
  vain are counted by address.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from importlib.resources import files
from typing import Annotated, Any

import msgspec
import trio
from msgspec import Meta

from somc.api import (
    PUBLIC,
    BookAppointment,
    CancelAppointment,
    ChangeAppointment,
    Done,
    FindAppointment,
    ListServices,
    ListSlots,
    PluginContext,
    Refusal,
    Request,
    Response,
    Route,
    SendMessage,
    Socket,
    SocketClosed,
    SocketRoute,
    Words,
)
from somc_plugins.web_booking.proof import Bucket, Proofs
from somc_plugins.web_booking.qr import qr_svg

__all__ = ["Site", "routes"]

PAGE = {
    "index.html": "text/html; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}
HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
LONGEST_NAME = 64
"""Actions take no longer code and no longer name of a service. A stranger's longer one must not reach them:
to raise there counts as a fault of the plugin, and a plugin of many faults is disabled."""

LOOK_EVERY_S = 2.0
LEAST_OF_ADDRESS = 10
"""A tenth of the pages that follow may be of one address, and so many at least: nobody takes them all."""
STATUS = {"not_found": 404, "conflict": 409, "invalid": 422}
TOO_OFTEN = ("too_many_tries", "too_often")

TROUBLES = {
    "bad_phone": (422, Words("请输入正确的手机号码。", "This is no mobile number that can be used here.")),
    "too_often": (429, Words("操作太频繁，请稍后再试。", "Too often: try again later.")),
    "no_proof": (422, Words("请先获取短信验证码。", "Ask for a code by message first.")),
    "wrong_code": (422, Words("验证码不正确。", "The code is not right.")),
    "too_late": (422, Words("验证码已失效，请重新获取。", "The code is too old: ask for another.")),
    "no_json": (415, Words("请求格式不正确。", "Send JSON.")),
    "not_proved": (403, Words("请先验证手机号码。", "Prove the phone number first.")),
    "not_sent": (503, Words("短信暂时无法发送，请稍后再试。", "No message can be sent now: try later.")),
}
"""What the plugin itself says no to: status and words. The hall's own refusals pass through."""

Code = Annotated[str, Meta(min_length=1, max_length=64)]
ProofId = Annotated[str, Meta(min_length=8, max_length=64)]
Instant = Annotated[int, Meta(ge=0, le=2**53)]


class AskBody(msgspec.Struct, frozen=True):
    phone: Annotated[str, Meta(max_length=32)]


class CheckBody(msgspec.Struct, frozen=True):
    code: Annotated[str, Meta(max_length=16)]


class BookBody(msgspec.Struct, frozen=True):
    proof: ProofId
    service: Annotated[str, Meta(min_length=1, max_length=64)]
    at: Instant
    until: Instant | None = None
    wait: bool = False
    key: Annotated[str, Meta(min_length=1, max_length=64)] | None = None
    """Of one wish: sent again with it, it is the same booking. Without one, the same slot is the same."""


class MoveBody(msgspec.Struct, frozen=True):
    at: Instant
    service: Annotated[str, Meta(min_length=1, max_length=64)] | None = None


class Site:
    """What the routes share while the plugin runs."""

    def __init__(self, proofs: Proofs) -> None:
        self.proofs = proofs
        self.following: Counter[str] = Counter()
        """Address → pages that follow."""


def routes(context: PluginContext) -> list[Route | SocketRoute]:
    allowance: list[Bucket] = []

    def site() -> Site:
        found: Site = context.state
        return found

    async def services(request: Request) -> Response:
        found = await context.do(ListServices())
        if isinstance(found, Refusal):
            return refused(found)
        offers = {"near_halls": context.config.near_halls, "waiting_list": context.config.waiting_list}
        return answer({**found.data, **offers})

    async def slots(request: Request) -> Response:
        day = request.query.get("date")
        wanted = ListSlots(
            service=request.query.get("service", "-")[:LONGEST_NAME],
            date=day if day is None or len(day) <= len("2026-01-31") else "-",
        )
        return told(await context.do(wanted))

    async def ask_proof(request: Request) -> Response:
        body = request.body_as(AskBody)
        asked = await site().proofs.ask(body.phone, request.address)
        if isinstance(asked, str):
            return trouble(asked)
        values = {"code": asked.code, "minutes": str(context.config.minutes)}
        sent = await context.do(
            SendMessage(template=context.config.template, phone=asked.phone, values=values)
        )
        if isinstance(sent, Refusal):
            context.log.warning("no code can be sent", why=sent.code)
            return trouble("not_sent")
        return answer({"proof": asked.id, "minutes": context.config.minutes}, 201)

    async def check_proof(request: Request) -> Response:
        found = await site().proofs.check(request.params["proof"], request.body_as(CheckBody).code)
        return trouble(found) if isinstance(found, str) else answer({"proved": True})

    async def book(request: Request) -> Response:
        body = request.body_as(BookBody)
        phone = await site().proofs.proved(body.proof)
        if phone is None:
            return trouble("not_proved")
        wanted = BookAppointment(
            service=body.service,
            at=body.at,
            until=body.until,
            phone=phone,
            wait=body.wait and context.config.waiting_list,
            confirmed=True,  # whoever has the telephone in hand has said yes
            channel="web",
            key=f"{body.proof}:{body.key or ''}:{body.service}:{body.at}",
        )
        return told(await context.do(wanted), 201)

    async def find(request: Request) -> Response:
        return told(await context.do(found_by(request)))

    async def cancel(request: Request) -> Response:
        wanted = CancelAppointment(appointment=code_in(request), asker=request.address)
        return told(await context.do(wanted))

    async def move(request: Request) -> Response:
        body = request.body_as(MoveBody)
        wanted = ChangeAppointment(
            appointment=code_in(request), asker=request.address, at=body.at, service=body.service
        )
        return told(await context.do(wanted))

    async def qr(request: Request) -> Response:
        code = "".join(character for character in request.params["code"] if character.isdigit())
        if not 1 <= len(code) <= 20:
            return Response(status=404, body={"code": "not_found"})
        headers = {**HEADERS, "cache-control": "no-store"}
        return Response(body=qr_svg(code), content_type="image/svg+xml", headers=headers)

    async def live(socket: Socket) -> None:
        """The appointment whenever it has changed, until it and its ticket have ended."""
        here = site()
        address = socket.request.address
        most = max(LEAST_OF_ADDRESS, context.config.live // 10)
        if here.following.total() >= context.config.live or here.following[address] >= most:
            await socket.close(1013, "too many pages follow their place: look again later")
            return
        here.following[address] += 1
        try:
            await follow(socket)
        except SocketClosed:
            pass
        finally:
            here.following[address] -= 1
            here.following += Counter()  # drops whoever follows no more

    async def follow(socket: Socket) -> None:
        last = b""
        while True:
            found = await context.do(found_by(socket.request))
            view: Any = (
                found.data if isinstance(found, Done) else {"refused": msgspec.to_builtins(found.words)}
            )
            said = msgspec.json.encode(view)
            if said != last:
                await socket.send(said.decode())
                last = said
            if isinstance(found, Refusal):
                return
            await trio.sleep(LOOK_EVERY_S)

    def page(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def handler(request: Request) -> Response:
            body = files("somc_plugins.web_booking").joinpath("page", name).read_bytes()
            return Response(body=body, content_type=PAGE[name], headers=HEADERS)

        return handler

    def counted(
        handler: Callable[[Request], Awaitable[Response]],
    ) -> Callable[[Request], Awaitable[Response]]:
        """With an allowance for each address, and JSON alone where something is changed."""

        async def counted_handler(request: Request) -> Response:
            if not allowance:
                allowance.append(Bucket(context.config.per_minute, 60 / context.config.per_minute))
            if not allowance[0].spend(request.address):
                return trouble("too_often")
            kind = request.headers.get("content-type", "").partition(";")[0].strip()
            if request.method != "GET" and kind != "application/json":
                return trouble("no_json")
            return await handler(request)

        return counted_handler

    def to_all(method: str, path: str, handler: Callable[[Request], Awaitable[Response]]) -> Route:
        return Route(method, path, counted(handler), PUBLIC, body_limit=4096, rate_per_min=6000)

    return [
        Route("GET", "/", page("index.html"), PUBLIC, rate_per_min=6000),
        Route("GET", "/page.js", page("page.js"), PUBLIC, rate_per_min=6000),
        Route("GET", "/page.css", page("page.css"), PUBLIC, rate_per_min=6000),
        to_all("GET", "/services", services),
        to_all("GET", "/slots", slots),
        to_all("POST", "/proofs", ask_proof),
        to_all("POST", "/proofs/{proof}", check_proof),
        to_all("POST", "/appointments", book),
        to_all("GET", "/appointments/{code}", find),
        to_all("PATCH", "/appointments/{code}", move),
        to_all("DELETE", "/appointments/{code}", cancel),
        to_all("GET", "/qr/{code}", qr),
        SocketRoute("/live/{code}", live, PUBLIC),
    ]


def code_in(request: Request) -> str:
    """The code of the path; what is too long to be one is cut, and then it is none."""
    return request.params["code"][:LONGEST_NAME]


def found_by(request: Request) -> FindAppointment:
    return FindAppointment(appointment=code_in(request), asker=request.address)


def answer(body: Any, status: int = 200) -> Response:
    return Response(body=body, status=status, headers={**HEADERS, "cache-control": "no-store"})


def told(outcome: Done | Refusal, status: int = 200) -> Response:
    """What the hall answered."""
    return refused(outcome) if isinstance(outcome, Refusal) else answer(outcome.data, status)


def refused(why: Refusal) -> Response:
    status = 429 if why.code in TOO_OFTEN else STATUS.get(why.kind, 409)
    return answer({"code": why.code, "words": msgspec.to_builtins(why.words)}, status)


def trouble(code: str) -> Response:
    status, words = TROUBLES[code]
    return answer({"code": code, "words": msgspec.to_builtins(words)}, status)
