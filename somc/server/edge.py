"""The edge that the framework's routes share: who asks, and how an answer or a problem leaves.

Every route of the framework is handed one `Edge`; none knows the application that it is part of.
"""

from __future__ import annotations

from typing import Any

from quart import Response, request
from quart_trio import QuartTrio

from somc.runtime.hall import Hall
from somc.server import replies
from somc.server.access import Admission, Principal
from somc.server.identity import Caller, admission_of, asker_of, changer_of
from somc.server.problems import Problem
from somc.server.replies import Reply

__all__ = ["Edge", "read_body", "response_of"]


class Edge:
    """The hall behind the routes, and the framework's application in front of it."""

    def __init__(self, hall: Hall, quart: QuartTrio, public_url: str | None) -> None:
        self.hall = hall
        self.quart = quart
        self._public_url = public_url

    @property
    def encrypted(self) -> bool:
        """Whether browsers come by https: here, or at the proxy before us that `public_url` names."""
        return request.scheme == "https" or (self._public_url or "").startswith("https://")

    def caller(self) -> Caller | Problem:
        """Whose request this is."""
        return asker_of(self.hall, request.headers)

    def changer(self) -> Principal | Problem:
        """Whose request this is, if it may change anything: a cookie alone is not enough."""
        return changer_of(self.hall, request.headers)

    def admission(self) -> Admission | Problem:
        """The same with the token that it came by."""
        return admission_of(self.hall, request.headers)

    def answer(self, status: int, view: Any) -> Response:
        """A view as JSON, its instants as RFC 3339 with the hall's offset."""
        return response_of(replies.of_view(status, view, self.hall.state.zone))

    def nothing(self) -> Response:
        """An answer without content."""
        return response_of(replies.NOTHING)

    def fail(self, why: Problem) -> Response:
        """A problem document."""
        return response_of(replies.of_problem(why))


async def read_body() -> bytes:
    """The body of the request that the framework is at."""
    raw = await request.get_data()
    assert isinstance(raw, bytes), "quart gives bytes unless text is asked for"
    return raw


def response_of(reply: Reply) -> Response:
    """The reply as the framework's. The body is given: Quart's own empty one needs an asyncio loop."""
    response = Response(reply.body, status=reply.status, headers=dict(reply.headers))
    if "content-type" not in reply.headers:
        del response.headers["Content-Type"]
    return response
