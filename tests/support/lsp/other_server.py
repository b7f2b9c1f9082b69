"""Another language server: it completes, and it has a code action."""

from __future__ import annotations

import sys

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from tests.support.repository import REPOSITORY


def other_command() -> list[str]:
    """How to start it."""
    start = f"import sys; sys.path.insert(0, {str(REPOSITORY)!r}); from tests.support.lsp.other_server import main; main()"
    return [sys.executable, "-c", start]


def main() -> None:
    """Serve until the editor leaves."""
    server = LanguageServer("other", "1")

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, types.CompletionOptions(trigger_characters=["."]))
    async def completion(params: types.CompletionParams) -> list[types.CompletionItem]:
        return [types.CompletionItem("other_item", kind=types.CompletionItemKind.Field)]

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction]:
        place = types.Range(types.Position(0, 0), types.Position(0, 0))
        edit = types.WorkspaceEdit(changes={params.text_document.uri: [types.TextEdit(place, "# other\n")]})
        return [types.CodeAction("Other", kind=types.CodeActionKind.QuickFix, edit=edit)]

    server.start_io()


if __name__ == "__main__":
    main()
