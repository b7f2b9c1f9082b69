"""Gradio's scripts and styles from memory: compressed once, kept by the browser, most styles in one answer.

Gradio reads every file anew for every page and lets the browser ask again each time. Its file names carry a hash of
their content, so that a browser may keep them for good. The styles of the page's components come as one file.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

_KINDS = {".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8"}
_FOLDER = "/assets/"
_IMPORT = re.compile(r"import\(`\./(?P<script>[\w-]+\.js)`\).*?__vite__mapDeps\(\[(?P<others>[\d,]*)\]")


@dataclass(frozen=True, slots=True)
class _Asset:
    plain: bytes
    packed: bytes
    kind: str

    def answer(self, *, packed: bool) -> Response:
        """The asset for good."""
        headers = {"cache-control": "public, max-age=31536000, immutable", "vary": "accept-encoding"}
        if packed:
            headers["content-encoding"] = "gzip"
        return Response(self.packed if packed else self.plain, headers=headers, media_type=self.kind)


def _asset(data: bytes, kind: str) -> _Asset:
    return _Asset(data, gzip.compress(data, 6, mtime=0), kind)


class Assets:
    """The files of Gradio's front end by name; each is read and compressed when it is first asked for.

    Gradio finds out step by step which files a page needs; `parts` names the page's components, so that all of theirs
    can be fetched at once. Where Gradio is built otherwise nothing is fetched ahead and all goes as Gradio does it.
    """

    def __init__(self, folder: Path, parts: Iterable[str]) -> None:
        self._files = {file.name: file for file in folder.iterdir() if file.suffix in _KINDS}
        self._held: dict[str, _Asset] = {}
        # The entry (index-…) stands in Gradio's page already, and its style would undo the others a second time.
        named = {name for name in self._needed(parts) if not name.startswith("index-")}
        needed = sorted(named & self._files.keys())
        self.scripts = tuple(name for name in needed if name.endswith(".js"))
        self.styles = tuple(name for name in needed if name.endswith(".css"))
        whole = b"\n".join(self._files[name].read_bytes() for name in self.styles)
        self.bundle = f"all-{hashlib.sha256(whole).hexdigest()[:12]}.css"
        self._held[self.bundle] = _asset(whole, _KINDS[".css"])

    def head(self) -> str:
        """HTML for the page's head: the one style, marks by which Gradio takes the single ones as loaded, scripts ahead."""
        rows = [f'<link rel="stylesheet" href=".{_FOLDER}{self.bundle}">'] if self.styles else []
        rows += [f'<link rel="stylesheet" href=".{_FOLDER}{name}" disabled>' for name in self.styles]
        rows += [f'<link rel="modulepreload" href=".{_FOLDER}{name}" crossorigin>' for name in self.scripts]
        return "".join(rows)

    def _needed(self, parts: Iterable[str]) -> Iterator[str]:
        """What the table of components in Gradio's core says that these import, scripts and styles."""
        core = next((name for name in self._files if re.fullmatch(r"core-.*\.js", name)), "")
        text = self._files[core].read_text("utf-8") if core else ""
        table = re.search(r"m\.f=\[([^]]*)\]", text)
        if table is None:
            return
        names = re.findall(r"\./([\w-]+\.\w+)", table[1])
        yield from (name for name in self._files if name.startswith(("core-", "Blocks-")))
        for part in parts:
            row = re.search(rf"[{{,]{part}:\{{.*?component:.*?\}}", text)
            for import_ in _IMPORT.finditer(row[0] if row else ""):
                yield import_["script"]
                yield from (names[int(at)] for at in import_["others"].split(",") if at)

    def get(self, name: str) -> _Asset | None:
        """The asset of this name; None when there is none."""
        held = self._held.get(name)
        file = self._files.get(name)
        if held is None and file is not None:
            held = self._held[name] = _asset(file.read_bytes(), _KINDS[file.suffix])
        return held


class AssetsMiddleware:
    """Answers for the assets; everything else passes."""

    def __init__(self, app: ASGIApp, assets: Assets) -> None:
        self._app, self._assets = app, assets

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        found = None
        if scope["type"] == "http" and scope["method"] == "GET" and scope["path"].startswith(_FOLDER):
            found = self._assets.get(scope["path"].removeprefix(_FOLDER))
        if found is None:
            await self._app(scope, receive, send)
            return
        packed = any(name == b"accept-encoding" and b"gzip" in value for name, value in scope["headers"])
        await found.answer(packed=packed)(scope, receive, send)
