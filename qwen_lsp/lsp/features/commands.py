"""Our commands (`workspace/executeCommand`); every name begins with our section, as editors share one space."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from qwen_lsp.lsp.editor import SECTION
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.session import Session

if TYPE_CHECKING:
    from qwen_lsp.storage.acceptance_stats import Stats

Result = TypeVar("Result")


def register(server: LspServer, session: Session) -> None:
    """Register every command that is not a code action."""

    @server.command(f"{SECTION}.status")
    async def status(*_: Any) -> dict[str, Any]:
        return await session.status()

    @server.command(f"{SECTION}.accepted")
    async def accepted(*arguments: Any) -> bool:
        suggestion_id, chars = _text(arguments, 0, "the id of a suggestion"), _count(arguments, 1)
        return await session.suggestions.accepted(suggestion_id, chars)

    @server.command(f"{SECTION}.toggle")
    async def toggle(*_: Any) -> bool:
        return session.toggle()

    @server.command(f"{SECTION}.trigger")
    async def trigger(*arguments: Any) -> None:
        session.suggestions.next_is_manual(_text(arguments, 0, "a document's URI"))

    @server.command(f"{SECTION}.openPage")
    async def open_page(*_: Any) -> str:
        address: str = (await session.status())["address"]
        if not address:
            session.editor.tell("The page is switched off (host.page).")
        elif not await session.editor.show_document(address, external=True):
            session.editor.tell(f"The page is at {address}", types.MessageType.Info)
        return address

    @server.command(f"{SECTION}.showSource")
    async def show_source(*arguments: Any) -> list[dict[str, Any]]:
        known = session.suggestions.shown(_text(arguments, 0, "the id of a suggestion"))
        places = known.places if known else ()
        if places:
            await session.editor.show_document(places[0].uri, line=places[0].line)
        return [{"uri": place.uri, "line": place.line} for place in places]

    @server.command(f"{SECTION}.stats")
    async def stats(*_: Any) -> str:
        return await asyncio.to_thread(_with_stats, lambda stats: stats.table())

    @server.command(f"{SECTION}.eraseStats")
    async def erase_stats(*_: Any) -> None:
        await asyncio.to_thread(_with_stats, lambda stats: stats.erase())


def _with_stats(use: Callable[[Stats], Result]) -> Result:
    """This user's acceptance statistics, opened for one look."""
    from qwen_lsp.storage.acceptance_stats import Stats

    with contextlib.closing(Stats.open()) as stats:
        return use(stats)


def _text(arguments: tuple[Any, ...], index: int, what: str) -> str:
    if len(arguments) > index and isinstance(arguments[index], str):
        return str(arguments[index])
    raise JsonRpcInvalidParams(f"Argument {index + 1} must be {what}")


def _count(arguments: tuple[Any, ...], index: int) -> int | None:
    if len(arguments) <= index or arguments[index] is None:
        return None
    if isinstance(arguments[index], int) and not isinstance(arguments[index], bool) and arguments[index] >= 0:
        return int(arguments[index])
    raise JsonRpcInvalidParams(f"Argument {index + 1} must be a count of characters")
