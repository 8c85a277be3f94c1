"""Static files where nobody has collected them: the demo and the tests serve them from where they are written.

In production ``collectstatic`` leaves a compressed copy beside each file. Here the copy is made when the server starts, so that
a page weighs the same everywhere. Pages themselves: ``compressed_pages.py``.
"""

import gzip
import hashlib
import os
from pathlib import Path
from wsgiref.headers import Headers

from django.conf import settings
from servestatic.middleware import ServeStaticMiddleware
from servestatic.responders import StaticFile

COMPRESSED = {".css", ".js", ".svg", ".json", ".txt", ".html", ".map"}
LEAST = 512
"""Bytes below which a file is as long compressed as it is."""


class CompressingMiddleware(ServeStaticMiddleware):
    def get_static_file(self, path: str, url: str, stat_cache: dict[str, os.stat_result] | None = None) -> StaticFile:
        if self.autorefresh or not settings.SERVESTATIC_USE_FINDERS:
            return super().get_static_file(path, url, stat_cache)
        headers = Headers([])
        self.add_mime_headers(headers, path, url)
        self.add_cache_headers(headers, path, url)
        copy = compressed(Path(path))
        return StaticFile(path, headers.items(), encodings={"gzip": str(copy)} if copy else None)


def compressed(path: Path) -> Path | None:
    """The file's gzipped copy, made when there is none of this very file; None when it is not worth one."""
    found = path.stat()
    if path.suffix not in COMPRESSED or found.st_size < LEAST:
        return None
    name = hashlib.sha256(f"{path}:{found.st_mtime_ns}:{found.st_size}".encode()).hexdigest()
    copy = settings.DATA_DIR / "static-gz" / f"{name}.gz"
    if not copy.exists():
        copy.parent.mkdir(parents=True, exist_ok=True)
        # Two servers may start at once: each writes its own, and the last one stays, which is the same.
        draft = copy.with_suffix(f".{os.getpid()}")
        draft.write_bytes(gzip.compress(path.read_bytes(), 9, mtime=0))
        draft.replace(copy)
    return copy
