"""initialize, initialized, shutdown, and the folders of the window."""

from __future__ import annotations

from lsprotocol import types
from pygls.workspace import Workspace

from qwen_lsp.lsp.editor import path_of
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.session import Session


def register(server: LspServer, session: Session) -> None:
    """Answer the beginning and the end of a session."""

    @server.feature(types.INITIALIZE)
    async def initialize(params: types.InitializeParams) -> None:
        session.begin(params)
        session.documents.positions.agree(_encoding(server.workspace))

    @server.feature(types.INITIALIZED)
    async def initialized(_: types.InitializedParams) -> None:
        session.start()

    @server.feature(types.SHUTDOWN)
    async def shutdown(_: None) -> None:
        await session.close()

    @server.feature(types.WORKSPACE_DID_CHANGE_WORKSPACE_FOLDERS)
    async def folders(_: types.DidChangeWorkspaceFoldersParams) -> None:
        open_now = [path for uri in server.workspace.folders if (path := path_of(uri)) is not None]
        await session.move_to(open_now)


def _encoding(workspace: Workspace) -> str:
    """The position encoding that pygls agreed on with the client."""
    agreed = workspace.position_encoding
    return str(getattr(agreed, "value", agreed) or "utf-16")
