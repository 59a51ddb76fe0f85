"""A plugin that uses every moment, for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
import trio
import trio.lowlevel

from somc.api import (
    PUBLIC,
    About,
    Advice,
    AlertRule,
    CardRow,
    CardSection,
    DeviceLine,
    HallView,
    Identity,
    Json,
    LogCare,
    Note,
    Offer,
    Page,
    Panel,
    PluginContext,
    Prompt,
    Record,
    Request,
    Response,
    Route,
    Secret,
    Socket,
    SocketRoute,
    TicketView,
    Visit,
    Words,
    hookimpl,
)


class Settings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    word: str = "hello"
    crowd: int = 100
    token: Secret = ""


@hookimpl
def somc_plugin() -> About:
    return About(
        api="1.0",
        title=Words(zh="问候", en="Greeter"),
        version="1.0",
        config=Settings,
        sees=frozenset({"phone", "history"}),
        follows=("ticket.called", "ticket.finished"),
    )


@hookimpl
async def somc_start(context: PluginContext) -> None:
    context.state = {"started": context.now()}
    await context.store.put("starts", (await context.store.get("starts") or 0) + 1)


@hookimpl
async def somc_stop(context: PluginContext) -> None:
    await context.store.put("stopped", True)


@hookimpl
async def somc_identify(context: PluginContext, visit: Visit) -> Identity | None:
    if visit.phone is None:
        return None
    await trio.lowlevel.checkpoint()
    if visit.phone.endswith("0000"):
        await trio.sleep(10)
    return Identity(
        customer_class="gotone", name="Li Hua", facts={"ends": visit.phone[-4:]}, source="book", note="kind"
    )


@hookimpl
async def somc_card(context: PluginContext, ticket: TicketView, visit: Visit) -> Iterable[CardSection]:
    visits = await context.visits(ticket.person) if ticket.person else []
    rows = [CardRow(label=Words(zh="来访", en="Visits"), value=str(len(visits)))]
    return [CardSection(id="visits", title=Words(zh="来访", en="Visits"), rows=rows, source="journal")]


@hookimpl
def somc_slip_lines(context: PluginContext, facts: Mapping[str, Json]) -> Iterable[Words]:
    if facts:
        yield Words(zh=f"{context.config.word} 您好", en=f"{context.config.word} ..{facts['ends']}")


@hookimpl
def somc_counter_prompts(ticket: TicketView, facts: Mapping[str, Json]) -> Iterable[Prompt]:
    offer = Offer(id="plan-88", title=Words(zh="套餐", en="Plan"), text=Words(zh="好", en="Good"))
    return [Prompt(id="offer", words=Words(zh="推荐", en="Offer"), kind="offer", offer=offer)]


@hookimpl
def somc_second_screen(ticket: TicketView) -> Iterable[Panel]:
    return [Panel(title=Words(zh="欢迎", en=f"Welcome {ticket.number}"))]


@hookimpl
def somc_display_lines(hall: HallView) -> Iterable[Words]:
    waiting = sum(hall.waiting.values())
    return [Words(zh=f"{waiting}人等候", en=f"{waiting} wait")] if waiting else []


@hookimpl
def somc_kiosk_advice(service: str, hall: HallView) -> Iterable[Advice]:
    return [Advice(id="id-card", words=Words(zh="请备身份证", en=f"Papers for {service}"))]


@hookimpl
def somc_devices(hall: HallView) -> Iterable[DeviceLine]:
    uses = sum(hall.waiting.values())
    return [DeviceLine(name="robot-1", device_class="robot", status="online", place="门口", uses_today=uses)]


@hookimpl
def somc_alert_rules(context: PluginContext) -> Iterable[AlertRule]:
    words = Words(zh="拥挤", en="Crowded")
    limit = context.config.crowd
    return [AlertRule(name="crowd", words=words, check=waiting, limit=limit)]


def waiting(hall: HallView) -> int:
    return sum(hall.waiting.values())


@hookimpl
async def somc_record(context: PluginContext, record: Record) -> None:
    if record.type == "ticket.called":
        await context.do(LogCare(ticket=record.data["ticket"], kind="greeted"))
    else:
        await context.do(Note(kind="seen", data={"seq": record.seq}))


@hookimpl
def somc_pages() -> Iterable[Page]:
    return [Page(path="/", title=Words(zh="问候", en="Greeter"), roles=frozenset({"manager"}))]


@hookimpl
def somc_routes(context: PluginContext) -> Iterable[Route | SocketRoute]:
    async def hello(request: Request) -> Response:
        hall = await context.hall()
        return Response(
            body={
                "hello": request.params["name"],
                "word": context.config.word,
                "open": hall.open,
                "by": request.subject,
                "headers": sorted(request.headers),
            }
        )

    async def echo(socket: Socket) -> None:
        while True:
            await socket.send(await socket.receive())

    async def post(request: Request) -> Response:
        return Response(body=request.json(), status=201)

    return [
        Route("GET", "/hello/{name}", hello, roles=PUBLIC),
        Route("POST", "/notes", post, roles=frozenset({"manager"}), body_limit=1000, rate_per_min=5),
        SocketRoute("/echo", echo, roles=frozenset({"manager"})),
    ]
