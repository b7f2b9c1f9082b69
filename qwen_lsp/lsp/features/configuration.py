"""The user's settings: pulled when the editor can be asked, otherwise taken as pushed."""

from __future__ import annotations

from lsprotocol import types

from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.session import Session


def register(server: LspServer, session: Session) -> None:
    """Follow changes of the settings without a restart."""

    @server.feature(types.WORKSPACE_DID_CHANGE_CONFIGURATION)
    async def changed(params: types.DidChangeConfigurationParams) -> None:
        await session.reconfigure(params.settings)
