"""What every SMS gateway is told in hall.toml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from somc.api import Secret

__all__ = ["Gateway"]


class Gateway(msgspec.Struct, frozen=True, kw_only=True):
    """Where it is, how fast it may be used, and what it needs to be let in.

    The password stands in a file of its own (`password_file`) or, where that file is safe enough, in
    hall.toml. `window` is how many messages may be unanswered at once.
    """

    host: Annotated[str, Meta(min_length=1, max_length=253)]
    password: Secret | None = None
    password_file: str | None = None
    tls: bool = False
    """TLS from the first octet. The gateway's certificate is verified, always."""
    tls_ca: str | None = None
    """Whose certificates are trusted: a PEM file; without it those that the system trusts."""
    tls_name: Annotated[str, Meta(min_length=1, max_length=253)] | None = None
    """The name in the certificate, where it is not `host`."""
    weight: Annotated[int, Meta(ge=0, le=1000)] = 1
    window: Annotated[int, Meta(ge=1, le=1000)] = 16
    rate_per_s: Annotated[float, Meta(gt=0, le=10_000)] | None = None
    """No more messages a second; without it the gateway itself says when it is too fast."""
    check_s: Annotated[float, Meta(gt=0, le=3600)] = 30.0
    """A link on which nothing comes for so long is asked whether it is there."""
    answer_s: Annotated[float, Meta(gt=0, le=600)] = 30.0
    """What is not answered within so long is taken for unsent."""
    reconnect_s: Annotated[float, Meta(gt=0, le=600)] = 1.0
    """The first pause before connecting again; it doubles, to a minute."""

    def secret(self) -> str:
        """The password. `ValueError` says what is wrong with the file."""
        if self.password_file is None:
            return "" if self.password is None else str(self.password)
        path = Path(self.password_file)
        try:
            mode, text = os.stat(path).st_mode, path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ValueError(f"the password file {path} cannot be read: {error}") from error
        if mode & 0o077:
            raise ValueError(f"others may read the password file {path}: chmod 600 {path}")
        return text.strip()
