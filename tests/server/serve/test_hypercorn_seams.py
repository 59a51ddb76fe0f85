"""The names of Hypercorn, h11 and wsproto that `somc.server` builds on beyond what they promise.

A new version that moves one of these fails here, by name, and not somewhere in a running hall.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import h11
import pytest
import wsproto.connection
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.protocol import events, http_stream, ws_stream
from hypercorn.protocol import h11 as protocol_h11
from hypercorn.trio.task_group import TaskGroup
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.utils import parse_socket_addr, repr_socket_addr


def test_the_pinned_version_is_installed() -> None:
    assert version("hypercorn").split(".")[:2] == ["0", "18"]


STREAM_ARGUMENTS = [
    "self",
    "app",
    "config",
    "context",
    "task_group",
    "ssl",
    "client",
    "server",
    "send",
    "stream_id",
]


@pytest.mark.parametrize(
    ("function", "parameters"),
    [
        (
            protocol_h11.H11Protocol.__init__,
            [
                "self",
                "app",
                "config",
                "context",
                "task_group",
                "connection_state",
                "ssl",
                "client",
                "server",
                "send",
            ],
        ),
        (protocol_h11.H11Protocol.handle, ["self", "event"]),
        (protocol_h11.H11Protocol.stream_send, ["self", "event"]),
        (protocol_h11.H11Protocol._handle_events, ["self"]),
        (protocol_h11.H11Protocol._check_protocol, ["self", "event"]),
        (protocol_h11.H11Protocol._create_stream, ["self", "request"]),
        (protocol_h11.H11Protocol._send_h11_event, ["self", "event"]),
        (protocol_h11.H11Protocol._send_error_response, ["self", "status_code"]),
        (protocol_h11.H11Protocol._maybe_recycle, ["self"]),
        (protocol_h11.H11Protocol._close_stream, ["self"]),
        (protocol_h11.H11WSConnection.__init__, ["self", "h11_connection"]),
        (http_stream.HTTPStream.__init__, STREAM_ARGUMENTS),
        (http_stream.HTTPStream.handle, ["self", "event"]),
        (http_stream.HTTPStream.app_send, ["self", "message"]),
        (ws_stream.WSStream.__init__, STREAM_ARGUMENTS),
        (ws_stream.WSStream.handle, ["self", "event"]),
        (ws_stream.WSStream.app_send, ["self", "message"]),
        (ws_stream.WSStream._accept, ["self", "message"]),
        (ws_stream.WSStream._send_error_response, ["self", "status_code"]),
        (ws_stream.WSStream._send_wsproto_event, ["self", "event"]),
        (ws_stream.Handshake.__init__, ["self", "headers", "http_version"]),
        (ws_stream.Handshake.is_valid, ["self"]),
        (ws_stream.WebsocketBuffer.extend, ["self", "event"]),
        (ws_stream.WebsocketBuffer.to_message, ["self"]),
        (ws_stream.WebsocketBuffer.clear, ["self"]),
        (TaskGroup.spawn_app, ["self", "app", "config", "scope", "send"]),
        (WorkerContext.__init__, ["self", "max_requests"]),
        (ASGIWrapper.__call__, ["self", "scope", "receive", "send", "sync_spawn", "call_soon"]),
        (Config.response_headers, ["self", "protocol"]),
        (parse_socket_addr, ["family", "address"]),
        (repr_socket_addr, ["family", "address"]),
        (
            events.Request.__init__,
            ["self", "stream_id", "headers", "http_version", "method", "raw_path", "state"],
        ),
        (events.Response, ["stream_id", "headers", "status_code"]),
        (wsproto.connection.Connection.__init__, ["self", "connection_type", "extensions", "trailing_data"]),
    ],
)
def test_a_signature_that_we_call_or_override_stands(
    function: Callable[..., Any], parameters: list[str]
) -> None:
    assert list(inspect.signature(function).parameters) == parameters


def test_the_attributes_that_we_read_and_set_stand() -> None:
    source = inspect.getsource(protocol_h11.H11Protocol)
    for name in ("stream", "connection", "context", "keep_alive_requests", "connection_state", "task_group"):
        assert f"self.{name}" in source
    for stream in (http_stream.HTTPStream, ws_stream.WSStream):
        source = inspect.getsource(stream)
        for name in ("app_put", "closed", "state", "scope", "context"):
            assert f"self.{name}" in source
    assert "self.extensions" in inspect.getsource(ws_stream.Handshake)
    assert "_nursery" in vars(TaskGroup())
    assert protocol_h11.STREAM_ID == 1


def test_the_states_that_we_ask_for_stand() -> None:
    assert {state.name for state in ws_stream.ASGIWebsocketState} == {
        "HANDSHAKE",
        "CONNECTED",
        "RESPONSE",
        "CLOSED",
        "HTTPCLOSED",
    }
    assert {state.name for state in http_stream.ASGIHTTPState} >= {"REQUEST", "RESPONSE", "CLOSED"}
    assert {state.name for state in wsproto.connection.ConnectionState} >= {
        "OPEN",
        "REMOTE_CLOSING",
        "LOCAL_CLOSING",
        "CLOSED",
    }
    assert all(hasattr(h11, name) for name in ("IDLE", "SEND_RESPONSE", "ERROR"))


def test_hypercorn_looks_for_http2_only_where_we_look_instead() -> None:
    """`_check_protocol` is the one way from a cleartext connection to HTTP/2; we replace it whole."""
    source = inspect.getsource(protocol_h11)
    assert source.count("raise H2") == 2
    assert inspect.getsource(protocol_h11.H11Protocol._check_protocol).count("raise H2") == 2
    assert "await self._check_protocol(event)" in inspect.getsource(protocol_h11.H11Protocol._handle_events)


def test_every_setting_of_hypercorn_that_we_set_is_one() -> None:
    for name in (
        "errorlog",
        "accesslog",
        "h11_max_incomplete_size",
        "include_server_header",
        "keep_alive_max_requests",
        "max_app_queue_size",
        "websocket_max_message_size",
        "websocket_ping_interval",
    ):
        assert hasattr(Config, name)
