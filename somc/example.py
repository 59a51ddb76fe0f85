"""Where the example hall's files are: in a checkout under `examples/hall`, in a wheel inside the package."""

from __future__ import annotations

from pathlib import Path

__all__ = ["example_hall"]


def example_hall() -> Path:
    """Its hall.toml."""
    package = Path(__file__).parent
    installed = package / "example_hall" / "hall.toml"
    return installed if installed.exists() else package.parent / "examples" / "hall" / "hall.toml"
