"""The engine of an editor window: the shared host, found, started when there is none, and found again."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from typing import TYPE_CHECKING

from qwen_lsp.engine.request import Chunk, EngineInfo, Lane, Request, State, Usage
from qwen_lsp.errors import EngineUnavailable, GenerationFailed, QwenLspError

if TYPE_CHECKING:
    from qwen_lsp.engine.remote.engine import RemoteEngine
    from qwen_lsp.settings import Settings

_WAIT_S = {Lane.INLINE: 1.0, Lane.WARM: 0.5, Lane.ACTION: 60.0, Lane.CHAT: 60.0}
"""How long a request waits for a host that is being found or started."""
_CALM_S = 600.0
"""A restart longer ago than this no longer counts."""
_FIRST_BACK_OFF_S = 0.25
_INFO_S = 2.0


class HostEngine:
    """Speaks to the host. Imports only the standard library until it is used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._remote: RemoteEngine | None = None
        self._connecting: asyncio.Task[None] | None = None
        self._problem: QwenLspError | None = None
        self._pid = 0
        self._url = ""
        self._deaths: list[float] = []
        self._was_connected = False
        self._info: EngineInfo | None = None
        self._closed = False

    @property
    def address(self) -> str:
        """The found host's page; empty while there is none."""
        return f"{self._url}/" if self._remote is not None else ""

    async def generate(self, request: Request) -> AsyncGenerator[Chunk, None]:
        """Stream the answer; a host that died before the answer began is replaced once."""
        for last in (False, True):
            remote = await self._connected(_WAIT_S[request.lane])
            begun = False
            try:
                async with aclosing(remote.generate(request)) as stream:
                    async for chunk in stream:
                        begun = True
                        yield chunk
                return
            except (EngineUnavailable, GenerationFailed):
                if not await self._lost(remote) or begun or last:
                    raise

    async def warm(self, request: Request) -> Usage:
        """Prefill in the host; not worth a restart."""
        remote = await self._connected(_WAIT_S[Lane.WARM])
        try:
            return await remote.warm(request)
        except (EngineUnavailable, GenerationFailed):
            await self._lost(remote)
            raise

    async def info(self) -> EngineInfo:
        """What the host says, or how far finding it is. Starts the first host, never a second."""
        remote = self._remote
        if remote is None:
            if (
                self._connecting is None
                and self._problem is None
                and not self._was_connected
                and not self._closed
            ):
                self._begin()
            return self._without_host()
        try:
            self._info = await asyncio.wait_for(remote.info(), _INFO_S)
        except TimeoutError:
            return self._info or _info("loading", "The host is slow to answer.")
        if self._info.state == "failed" and self._info.kind == "remote":
            if not await self._lost(remote):
                return _info("loading", "The host is slow to answer.")
            return self._without_host()
        return self._info

    async def switch(self, model: str) -> None:
        """Ask the host for another model."""
        from qwen_lsp.engine.remote.http import Http
        from qwen_lsp.engine.wire import error_from_json
        from qwen_lsp.host.state_file import read_state

        await self._connected(_WAIT_S[Lane.ACTION])
        state = await asyncio.to_thread(read_state)
        if state is None:
            raise EngineUnavailable("The host has just left; try again.")
        http = Http(state.url, key=state.token)
        try:
            status, body = await http.post("/qwen/model", {"model": model}, timeout_s=600.0)
        finally:
            await http.close()
        if status != 200:
            raise error_from_json(status, body, state.url)

    async def close(self) -> None:
        """Let go of the connection; the host stays for others."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
            with suppress(asyncio.CancelledError):
                await self._connecting
        if self._remote is not None:
            await self._remote.close()
            self._remote = None

    # -- finding -------------------------------------------------------------------------------------------

    async def _connected(self, wait_s: float) -> RemoteEngine:
        if self._closed:
            raise EngineUnavailable("This window is closing.")
        if self._remote is None:
            task = self._connecting or self._begin()
            await asyncio.wait({task}, timeout=wait_s)
        if self._remote is not None:
            return self._remote
        if self._problem is not None:
            raise EngineUnavailable(str(self._problem)) from self._problem
        raise EngineUnavailable("The host is being started; try again in a moment.")

    def _begin(self) -> asyncio.Task[None]:
        self._problem = None
        self._connecting = asyncio.create_task(self._find())
        return self._connecting

    async def _find(self) -> None:
        from qwen_lsp.engine.remote.engine import RemoteEngine
        from qwen_lsp.host.launch import find_or_start, running

        try:
            if await asyncio.to_thread(running) is None:
                await self._back_off()
            state = await asyncio.to_thread(find_or_start, self._settings)
            self._remote = RemoteEngine(state.url, token=state.token, allow_elsewhere=True)
            self._pid, self._url, self._was_connected = state.pid, state.url, True
        except QwenLspError as error:
            self._problem = error
        except Exception as error:
            self._problem = EngineUnavailable(f"The host could not be found or started: {error}")
        finally:
            self._connecting = None

    async def _back_off(self) -> None:
        now = time.monotonic()
        self._deaths = [at for at in self._deaths if now - at < _CALM_S]
        if len(self._deaths) > self._settings.host.max_restarts:
            raise EngineUnavailable(
                f"The host died {len(self._deaths)} times and is not started again for now. "
                "See what is wrong with: qwen-lsp doctor"
            )
        if len(self._deaths) > 1:
            await asyncio.sleep(min(8.0, _FIRST_BACK_OFF_S * 2 ** (len(self._deaths) - 2)))

    async def _lost(self, remote: RemoteEngine) -> bool:
        """Whether that host is gone. One that died is replaced at once, one that left when it is needed."""
        from qwen_lsp.host.launch import running, still_lives
        from qwen_lsp.host.state_file import read_state

        if self._remote is not remote:
            return True
        state = await asyncio.to_thread(running)
        if state is not None and state.pid == self._pid:
            return False
        if state is None and await asyncio.to_thread(still_lives, self._pid):
            return False
        if self._remote is remote:
            self._remote = None
            left = read_state()
            died = left is not None and left.pid == self._pid
            if died:
                self._deaths.append(time.monotonic())
            if (died or state is not None) and not self._closed and self._connecting is None:
                self._begin()
            await remote.close()
        return True

    def _without_host(self) -> EngineInfo:
        if self._problem is not None:
            return _info("failed", str(self._problem))
        if self._connecting is None and self._was_connected:
            return _info("ready", "The host has left because nobody used it; it comes back when it is asked.")
        if self._was_connected:
            return _info("loading", "The host went away and is started again.")
        return _info("loading", "Finding or starting the host.")


def _info(state: State, detail: str) -> EngineInfo:
    return EngineInfo(kind="host", model="", state=state, detail=detail)
