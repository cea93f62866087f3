"""The page's own files: styles, scripts, pictures. Read once, kept in memory, compressed once."""

from __future__ import annotations

import functools
import gzip
import hashlib
from pathlib import Path
from typing import Final, NamedTuple

from anyday.refusals import Reason, Refusal
from anyday.web import pages
from anyday.web.surface import Answer, Call, accepts_gzip

_KINDS: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".webmanifest": "application/manifest+json",
    ".txt": "text/plain; charset=utf-8",
    ".LICENSE": "text/plain; charset=utf-8",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_CHECKED: Final = "no-cache"


class File(NamedTuple):
    """A file as it is sent: its type, its bytes plain and compressed, its fingerprint."""

    kind: str
    plain: bytes
    packed: bytes
    mark: str


@functools.cache
def catalogue() -> dict[str, File]:
    """Every file under ``static/`` by its path there. Only what is listed here can be asked for, whatever the address says."""
    root = pages.STATIC
    return {path.relative_to(root).as_posix(): _read(path) for path in sorted(root.rglob("*")) if path.suffix in _KINDS}


def _read(path: Path) -> File:
    plain = path.read_bytes()
    return File(_KINDS[path.suffix], plain, gzip.compress(plain, 9, mtime=0), hashlib.sha256(plain).hexdigest()[:10])


async def static(call: Call) -> Answer | Refusal:
    """A file: kept for ever where the address carries its fingerprint, else asked for again each time."""
    file = catalogue().get(call.params["name"])
    if file is None:
        return Refusal(Reason.UNKNOWN_ROUTE)
    tag = f'"{file.mark}"'.encode()
    headers = [(b"etag", tag), (b"vary", b"accept-encoding")]
    cache = _FOR_EVER if call.query.get("v") == file.mark else _CHECKED
    if call.headers.get(b"if-none-match") == tag.decode():
        return Answer(b"", 304, file.kind, headers, cache)
    if len(file.packed) < len(file.plain) and accepts_gzip(call.headers):
        return Answer(file.packed, 200, file.kind, [*headers, (b"content-encoding", b"gzip")], cache)
    return Answer(file.plain, 200, file.kind, headers, cache)
