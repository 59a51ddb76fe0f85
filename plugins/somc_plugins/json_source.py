"""JSON over HTTP from the operator's own systems: asked within a time, passed over while they are down.

    source = JsonSource("complaints", settings, client)
    answer = await source.get(phone="13800138000")     # None: it knows nobody of that number

No plugin by itself: `crm` and `marketing` ask with it. httpx speaks HTTP on Trio (`pip install somc[http]`).

What must stay true
- `get` answers or raises `SourceFailed` within `timeout_ms`, whatever the other side does: slow, wrong, dead,
  endless. An answer of more than `LARGEST_ANSWER_BYTES` is wrong.
- After `failures` in a row nobody is asked for `pause_s`; then one request tries, and the others are still
  passed over until it succeeds. Being cancelled from outside, at the hall's deadline, is a failure too.
- Nobody's number stands in a log or in an exception's text: they name the source, never the URL.
"""

from __future__ import annotations

import logging
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from string import Formatter
from types import TracebackType
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import msgspec
import trio
from msgspec import Meta

from somc.api import Json, Secret

if TYPE_CHECKING:
    import httpx

__all__ = [
    "Breaker",
    "JsonSource",
    "Kept",
    "Source",
    "SourceFailed",
    "UrlTemplate",
    "Why",
    "at_path",
    "filled",
    "open_client",
]

LARGEST_ANSWER_BYTES = 256 * 1024
"""Nobody's history is longer; an answer that is would fill the hall's memory."""

Why = Literal["slow", "down", "wrong", "paused"]
"""Why a source failed: too late · not reached, hung up or 5xx · not what was asked for · not asked at all."""

UrlTemplate = Annotated[str, Meta(pattern=r"^https?://[^\s{}]+", max_length=1000)]


class SourceFailed(Exception):
    """A source gave no answer that can be used; `why` says in a word why not."""

    def __init__(self, name: str, why: Why, detail: str = "") -> None:
        super().__init__(f"{name}: {why}" + (f" ({detail})" if detail else ""))
        self.name = name
        self.why = why


class Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one of the operator's systems is asked."""

    url: UrlTemplate
    """With `{phone}` where the number goes."""
    token: Secret = ""
    """Sent as a bearer token."""
    timeout_ms: Annotated[int, Meta(ge=10, le=10_000)] = 200
    """How long an answer may take; the hall waits 300 ms for all plugins together."""
    failures: Annotated[int, Meta(ge=1, le=100)] = 3
    """After so many in a row it is not asked for a while."""
    pause_s: Annotated[float, Meta(ge=1, le=3600)] = 15.0
    """That while."""
    keep_s: Annotated[int, Meta(ge=0, le=86_400)] = 300
    """For so long an answer is good; 0: ask each time."""
    keep: Annotated[int, Meta(ge=1, le=100_000)] = 2000
    """Answers that are kept at most; the one used longest ago goes."""
    verify: bool = True
    """Whether an https certificate is checked."""

    def __post_init__(self) -> None:
        check_template("url", self.url, frozenset(("phone",)))


def check_template(key: str, template: str, allowed: frozenset[str]) -> None:
    """`ValueError` if the template asks for something else than `allowed`."""
    try:
        names = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
    except ValueError as why:
        raise ValueError(f"{key}: '{template}' is no template: {why}") from None
    if unknown := names - allowed:
        known = ", ".join(f"{{{name}}}" for name in sorted(allowed))
        raise ValueError(f"{key}: unknown {', '.join(sorted(unknown))} in braces; allowed: {known}")


def filled(template: str, **values: str) -> str:
    """The URL with values in its braces, each quoted so that it stays one part of it."""
    return template.format(**{name: quote(value, safe="") for name, value in values.items()})


def at_path(answer: Json, path: str) -> Json:
    """What stands at a dotted path (`brand.code`, `items.0.name`) of an answer; None: nothing does."""
    for part in path.split(".") if path else ():
        if isinstance(answer, Mapping):
            answer = answer.get(part)
        elif isinstance(answer, list) and re.fullmatch("[0-9]{1,4}", part) and int(part) < len(answer):
            answer = answer[int(part)]
        else:
            return None
    return answer


class Breaker:
    """Whether it is worth asking: closed, open after failures in a row, half open for one try."""

    def __init__(self, failures: int, pause_s: float, clock: Callable[[], float] = trio.current_time) -> None:
        self._most = failures
        self._pause_s = pause_s
        self._clock = clock
        self.failed_in_a_row = 0
        self._open_until: float | None = None
        self._trying = False

    @property
    def open(self) -> bool:
        return self._open_until is not None

    def enter(self) -> bool:
        """Whether to ask now; whoever is told yes says later what came of it (`succeeded`, `failed`)."""
        if self._open_until is None:
            return True
        if self._trying or self._clock() < self._open_until:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self.failed_in_a_row, self._open_until, self._trying = 0, None, False

    def failed(self) -> None:
        self.failed_in_a_row += 1
        if self._trying or self.failed_in_a_row >= self._most:
            self._open_until = self._clock() + self._pause_s
        self._trying = False


class Kept:
    """Answers that are still good: at most `most`, each for `life_s`."""

    def __init__(self, most: int, life_s: float, clock: Callable[[], float] = trio.current_time) -> None:
        self._most = most
        self._life_s = life_s
        self._clock = clock
        self._answers: OrderedDict[str, tuple[float, Json]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> tuple[Json] | None:
        """The answer in a tuple (it may be None itself), if there is a good one."""
        until, answer = self._answers.get(key, (0.0, None))
        if until <= self._clock():
            self._answers.pop(key, None)
            return None
        self._answers.move_to_end(key)
        return (answer,)

    def put(self, key: str, answer: Json) -> None:
        if self._life_s <= 0:
            return
        self._answers[key] = (self._clock() + self._life_s, answer)
        self._answers.move_to_end(key)
        while len(self._answers) > self._most:
            self._answers.popitem(last=False)


class JsonSource:
    """One source, asked again and again through one client."""

    def __init__(self, name: str, settings: Source, client: httpx.AsyncClient) -> None:
        self.name = name
        self.settings = settings
        self.breaker = Breaker(settings.failures, settings.pause_s)
        self.kept = Kept(settings.keep, settings.keep_s)
        self.asked = 0
        """Requests since the start; what was kept is not asked for."""
        self.failure: Why | None = None
        """Why the last request failed; None: it did not."""
        self._client = client

    @property
    def state(self) -> Literal["not_asked", "connected", "failing", "paused"]:
        """How it does, for whoever watches over the hall."""
        if self.breaker.open:
            return "paused"
        if not self.asked:
            return "not_asked"
        return "connected" if self.failure is None else "failing"

    async def get(self, **values: str) -> Json:
        """The answer for these values; None for a 404. Raises `SourceFailed`."""
        url = filled(self.settings.url, **values)
        if (kept := self.kept.get(url)) is not None:
            return kept[0]
        answer = await self._ask("GET", url)
        self.kept.put(url, answer)
        return answer

    async def post(self, url: str, body: Json) -> Json:
        """Tell something; a 404 is `wrong`: nobody heard it. Raises `SourceFailed`."""
        return await self._ask("POST", url, msgspec.json.encode(body))

    async def aclose(self) -> None:
        """Close its client, which may be others' too."""
        await self._client.aclose()

    async def _ask(self, method: str, url: str, content: bytes | None = None) -> Json:
        if not self.breaker.enter():
            raise SourceFailed(self.name, "paused")
        self.asked += 1
        with _Outcome(self):
            with trio.move_on_after(self.settings.timeout_ms / 1000):
                return await self._exchange(method, url, content)
            raise SourceFailed(self.name, "slow", f"no answer within {self.settings.timeout_ms} ms")

    async def _exchange(self, method: str, url: str, content: bytes | None) -> Json:
        import httpx  # an extra: whoever has no source needs none

        headers = {"accept": "application/json"}
        if self.settings.token:
            headers["authorization"] = f"Bearer {self.settings.token}"
        if content is not None:
            headers["content-type"] = "application/json"
        try:
            async with self._client.stream(method, url, headers=headers, content=content) as response:
                body = bytearray()
                with trio.CancelScope() as enough:
                    async for piece in response.aiter_bytes():
                        body += piece
                        if len(body) > LARGEST_ANSWER_BYTES:
                            enough.cancel()  # a `raise` would leave httpx's generators behind unclosed
                if len(body) > LARGEST_ANSWER_BYTES:
                    raise SourceFailed(self.name, "wrong", f"more than {LARGEST_ANSWER_BYTES} bytes")
        except (httpx.HTTPError, httpx.InvalidURL) as why:
            raise SourceFailed(self.name, "down", type(why).__name__) from None
        if response.status_code == 404 and method == "GET":
            return None
        if response.status_code >= 500:
            raise SourceFailed(self.name, "down", f"status {response.status_code}")
        if not 200 <= response.status_code < 300:
            raise SourceFailed(self.name, "wrong", f"status {response.status_code}")
        try:
            return msgspec.json.decode(body) if body else None
        except msgspec.DecodeError:
            raise SourceFailed(self.name, "wrong", "not JSON") from None


class _Outcome:
    """Notes how a question to a source ended, however it ended."""

    def __init__(self, source: JsonSource) -> None:
        self._source = source

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if kind is None:
            self._source.failure = None
            self._source.breaker.succeeded()
        else:
            # Cancelled from outside: the hall's deadline came first.
            self._source.failure = error.why if isinstance(error, SourceFailed) else "slow"
            self._source.breaker.failed()


async def open_client(verify: bool = True) -> httpx.AsyncClient:
    """A client for the sources of one plugin; whoever opens it closes it (`aclose`).

    Reading the machine's certificates takes a tenth of a second, in a thread. `RuntimeError` says what to
    install if httpx is not there.
    """
    try:
        import httpx
    except ImportError:
        raise RuntimeError("asking other systems needs httpx: pip install 'somc[http]'") from None

    logging.getLogger("httpx").setLevel(logging.WARNING)  # at INFO it writes each URL, and the number in it

    def make() -> Any:
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=8, keepalive_expiry=30.0)
        return httpx.AsyncClient(limits=limits, verify=verify, trust_env=False, timeout=None)

    client: httpx.AsyncClient = await trio.to_thread.run_sync(make)
    return client
