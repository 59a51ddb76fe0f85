"""The code of an appointment as a QR code: what a kiosk's scanner reads is the fourteen digits, no more."""

from __future__ import annotations

import io

try:
    import segno
except ImportError:  # the extra `qr`
    segno = None  # type: ignore[assignment] # without the extra

__all__ = ["qr_svg", "require_segno"]


def require_segno() -> None:
    """`RuntimeError` with the remedy where the library is missing."""
    if segno is None:
        raise RuntimeError("web_booking draws QR codes with segno: pip install 'somc[qr]'")


def qr_svg(code: str) -> bytes:
    """An SVG picture. Level M: a scratched display still reads."""
    drawn = io.BytesIO()
    segno.make(code, error="m", micro=False).save(drawn, kind="svg", scale=6, border=4, xmldecl=False)
    return drawn.getvalue()
