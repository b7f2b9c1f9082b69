"""One file a feature. A feature is a module with

    def register(server: Server, session: Session) -> None:
        @server.feature(types.SOME_METHOD, options)
        async def some_method(params: types.SomeParams) -> ...:

named in FEATURES of lsp/server.py; features never import each other or the server module. Rules:
- Handlers are `async def` closures (pygls cannot decorate bound methods, cannot cancel plain ones), and take
  what they need of `session.documents` before their first await: documents move on while they wait.
- Nothing heavy is imported at module level: all of this is loaded before `initialize` is answered.
- "Nothing to offer" is an empty list, never null and never an error. Failures the user must know go through
  `session.editor.tell(sentence)`; an action that fails raises JsonRpcException or shows its reason.

What a session gives: `documents.get(uri) -> Snapshot | None`, `documents.positions` (offsets <-> positions,
see lsp/convert.py), `editor` (lsp/client.py: tell, note, apply_edit, show_document, progress),
`editor.abilities` (what the client can), `settings`, `roots`, `engine` (None until built),
`await assistant()` (waits until built), `suggestions` (lsp/suggestions.py), `spawn(coroutine)` for work that outlives the request.
"""
