"""`somc run` keeps the protocol, and the checks find out a server that does not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from somc.testing.protocol import ENCODINGS, run_check
from somc.testing.server_checks import CHECKS
from tests.client.serving import Serving, serving
from tests.client.tampering import TAMPERS, tampered

FAULT_S = 2.5
"""By then a check that waits for what the fault took away has waited long enough."""


@pytest.fixture(scope="module")
def hall(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    with serving(tmp_path_factory.mktemp("hall")) as found:
        yield found


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("name", CHECKS)
async def test_a_hall_keeps_the_protocol(hall: Serving, name: str, encoding: str, seed: int) -> None:
    await run_check(name, hall.url, hall.token, encoding, seed)


@pytest.mark.parametrize("fault", TAMPERS)
async def test_a_server_that_does_not_is_found_out(hall: Serving, fault: str) -> None:
    """A hall behind somebody who spoils what it says: the check that is about it fails."""
    async with tampered(hall.url, fault) as url:
        with pytest.RaisesGroup(AssertionError, allow_unwrapped=True, flatten_subgroups=True):
            await run_check(TAMPERS[fault].caught_by, url, hall.token, "json", patience_s=FAULT_S)


@pytest.mark.parametrize(("token", "code", "said"), [("its own", 0, "ok"), ("another", 1, "FAILED")])
def test_the_command_line_says_how_it_went(hall: Serving, token: str, code: int, said: str) -> None:
    secret = hall.token if token == "its own" else "nobody-has-this-token"
    checks = ["--encoding", "json", "--check", "welcome_comes_first"]
    done = subprocess.run(
        [sys.executable, "-m", "somc.testing.protocol", hall.url, "--token", secret, *checks],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    assert done.stdout.startswith(said)
