"""The files of the page: a style sheet, a script and a symbol, each under a name that changes with
what is in it, so that browsers may keep it for ever."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

_KINDS: Final = {
    "web.css": "text/css",
    "web.js": "text/javascript",
    "symbol.svg": "image/svg+xml",
}


def _named(name: str, body: bytes) -> str:
    stem, dot, ending = name.partition(".")
    return f"{stem}.{sha256(body).hexdigest()[:12]}{dot}{ending}"


_BODIES: Final = {name: (Path(__file__).parent / name).read_bytes() for name in _KINDS}
_FILES: Final = {_named(name, body): (name, body) for name, body in _BODIES.items()}

STYLE, SCRIPT, SYMBOL = (f"static/{name}" for name in _FILES)


async def static(request: Request) -> Response:
    """One of them."""
    found = _FILES.get(request.path_params["name"])
    if found is None:
        return PlainTextResponse("There is no such file\n", 404)
    name, body = found
    etag = f'"{request.path_params["name"]}"'
    headers = {"cache-control": "public, max-age=31536000, immutable", "etag": etag}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=_KINDS[name], headers=headers)
