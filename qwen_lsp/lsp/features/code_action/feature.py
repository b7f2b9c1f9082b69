"""Code actions: listed at once from cheap facts, computed at resolve, or by command where a client cannot."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from lsprotocol import types
from pygls.exceptions import JsonRpcInvalidParams

from qwen_lsp.code.snapshot import Snapshot
from qwen_lsp.lsp.editor import SECTION
from qwen_lsp.lsp.features.code_action.controller import ActionController
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.session import Session

if TYPE_CHECKING:
    from qwen_lsp.assist.actions import ActionRequest, Offer
    from qwen_lsp.assist.actions.types import Severity
    from qwen_lsp.lsp.editor import Abilities

RUN = f"{SECTION}.action"
CLEAR = f"{SECTION}.clearFindings"
SHOW_NEW = f"{SECTION}.showNewFile"
KINDS = (
    types.CodeActionKind.QuickFix,
    types.CodeActionKind.RefactorRewrite,
    types.CodeActionKind.RefactorExtract,
    f"{SECTION}.explain",
    f"{SECTION}.review",
    f"{SECTION}.tests",
    f"{SECTION}.translate",
)
_SEVERITIES: dict[int, Severity] = {1: "error", 2: "warning", 3: "information", 4: "hint"}


def register(server: LspServer, session: Session) -> None:
    """Register listing, resolving and the commands of code actions."""
    desk = ActionController(server, session)
    options = types.CodeActionOptions(code_action_kinds=list(KINDS), resolve_provider=True)

    @server.feature(types.TEXT_DOCUMENT_CODE_ACTION, options)
    async def code_action(params: types.CodeActionParams) -> list[types.CodeAction | types.Command]:
        return _listed(session, desk, params)

    @server.feature(types.CODE_ACTION_RESOLVE)
    async def resolve(action: types.CodeAction) -> types.CodeAction:
        if action.edit is not None or not isinstance(action.data, dict):
            return action
        known = desk.recall(action.data)
        if known is None:
            desk.say("These actions are too old. List them again.")
        else:
            action.edit = await desk.edit_for(*known)
            desk.keep_new_file(action.data, action.edit)
        if action.edit is None:
            action.data = None  # Eglot resolves again, for ever, what has data and neither edit nor command
        return action

    @server.command(SHOW_NEW)
    async def show_new(*arguments: Any) -> None:
        await desk.show_new_file(arguments[0] if arguments else None)

    @server.command(RUN)
    async def run(*arguments: Any) -> bool:
        known = desk.recall(arguments[0] if arguments else None)
        if known is None:
            desk.say("These actions are too old. List them again.")
            return False
        return await perform(*known)

    @server.command(CLEAR)
    async def clear_findings(*arguments: Any) -> int:
        return desk.board.clear(str(arguments[0]) if arguments and arguments[0] else None)

    @server.command(f"{SECTION}.instruct")
    async def instruct(*arguments: Any) -> bool:
        return await perform(*_typed(session, "instruct", arguments))

    @server.command(f"{SECTION}.migrate")
    async def migrate(*arguments: Any) -> bool:
        return await perform(*_typed(session, "migrate", arguments))

    async def perform(offer: Offer, ask: ActionRequest) -> bool:
        work = _run(session, desk, offer, ask)
        if not session.editor.abilities.stands_still:
            return await work
        session.spawn(work)
        return True


def _listed(
    session: Session, desk: ActionController, params: types.CodeActionParams
) -> list[types.CodeAction | types.Command]:
    """Every action that fits; the engine is not asked, and nothing is awaited."""
    from qwen_lsp.assist.actions import offers_here

    snapshot = session.documents.get(params.text_document.uri)
    if snapshot is None or not session.settings.actions.enabled:
        return []
    diagnostics = _here(params.context.diagnostics, params.range)
    ask = _ask(session, snapshot, params.range, diagnostics)
    offers = [offer for offer in offers_here(ask, session.settings) if _is_wanted(offer, params.context.only)]
    number = desk.remember(ask, offers)
    listed = (
        _action(session, desk, offer, diagnostics, {"listing": number, "offer": index})
        for index, offer in enumerate(offers)
    )
    return [action for action in listed if action is not None]


def _action(
    session: Session,
    desk: ActionController,
    offer: Offer,
    diagnostics: Sequence[types.Diagnostic],
    data: dict[str, int],
) -> types.CodeAction | types.Command | None:
    """One offer for this client; None when the client could do nothing with it."""
    can = session.editor.abilities
    if (offer.disabled and not desk.can.disabled) or (
        offer.ends_in == "edits" and not can.resolves_action_edits and not can.apply_edit
    ):
        return None
    run = types.Command(offer.title, RUN, arguments=[data])
    if not can.action_literals:
        return None if offer.disabled else run
    by_command = (
        offer.ends_in != "edits" or not can.resolves_action_edits or (can.stands_still and can.apply_edit)
    )
    command = None if offer.disabled else run if by_command else _after_edit(offer, can, data)
    return types.CodeAction(
        title=offer.title,
        kind=offer.kind,
        diagnostics=[diagnostics[offer.problem]] if offer.problem is not None else None,
        is_preferred=offer.preferred or None,
        disabled=types.CodeActionDisabled(offer.disabled) if offer.disabled else None,
        command=command,
        data=None if by_command else data,
        tags=[types.CodeActionTag.LlmGenerated] if can.action_tags else None,
    )


def _after_edit(offer: Offer, can: Abilities, data: dict[str, int]) -> types.Command | None:
    """Open the file that the edit has made: editors make it and leave it at that."""
    if not offer.makes_file or not can.show_document:
        return None
    return types.Command("Open the new file", SHOW_NEW, arguments=[data])


async def _run(session: Session, desk: ActionController, offer: Offer, ask: ActionRequest) -> bool:
    if offer.ends_in == "rounds":
        from qwen_lsp.lsp.features.code_action.make_tests_pass import make_tests_pass

        return await make_tests_pass(session, desk, offer, ask)
    return await desk.run(offer, ask)


def _typed(session: Session, action: str, arguments: tuple[Any, ...]) -> tuple[Offer, ActionRequest]:
    """The offer and ask of a command that carries words: [uri, range, words]."""
    from qwen_lsp.assist.actions import offers_here

    uri, words = (arguments[i] if len(arguments) > i else None for i in (0, 2))
    snapshot = session.documents.get(uri) if isinstance(uri, str) else None
    if snapshot is None:
        raise JsonRpcInvalidParams("Argument 1 must be the URI of an open document")
    if not isinstance(words, str) or not words.strip():
        raise JsonRpcInvalidParams("Argument 3 must be words that say what to do")
    ask = _ask(session, snapshot, _range(arguments[1]), (), words.strip())
    offer = next((offer for offer in offers_here(ask, session.settings) if offer.id == action), None)
    if offer is None:
        raise JsonRpcInvalidParams(f"'{action}' is not possible in this document")
    return offer, ask


def _ask(
    session: Session,
    snapshot: Snapshot,
    selection: types.Range,
    diagnostics: Iterable[types.Diagnostic],
    words: str = "",
) -> ActionRequest:
    from qwen_lsp.assist.actions import ActionRequest, Problem

    positions = session.documents.positions
    problems = []
    for given in diagnostics:
        span = positions.span(snapshot, given.range)
        severity = _SEVERITIES.get(int(given.severity or 1), "error")
        message = given.message if isinstance(given.message, str) else given.message.value
        problems.append(Problem(*span, message, severity, given.source or ""))
    start, end = positions.span(snapshot, selection)
    if end - start <= 1 and session.editor.abilities.name.lower().startswith("helix"):
        end = start  # its cursor is a selection of one character
    return ActionRequest(snapshot, start, end, tuple(problems), session.roots, words)


def _here(diagnostics: Sequence[types.Diagnostic], selection: types.Range) -> list[types.Diagnostic]:
    """The diagnostics on the selection's lines: some editors send those of the whole file."""
    first, last = sorted((selection.start.line, selection.end.line))
    return [
        given for given in diagnostics if given.range.start.line <= last and given.range.end.line >= first
    ]


def _is_wanted(offer: Offer, only: Sequence[types.CodeActionKind | str] | None) -> bool:
    """The client asked for this kind, or for one above it, or for all."""
    if not only:
        return True
    wanted = [str(kind.value if isinstance(kind, types.CodeActionKind) else kind) for kind in only]
    return any(not kind or offer.kind == kind or offer.kind.startswith(kind + ".") for kind in wanted)


def _range(given: Any) -> types.Range:
    """A range out of a command's JSON."""
    try:
        place = given if isinstance(given, dict) else vars(given)
        ends = [place["start"], place["end"]]
        lines = [end if isinstance(end, dict) else vars(end) for end in ends]
        return types.Range(*(types.Position(int(end["line"]), int(end["character"])) for end in lines))
    except (KeyError, TypeError, ValueError):
        raise JsonRpcInvalidParams("Argument 2 must be a range") from None
