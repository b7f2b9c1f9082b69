"""Takes code actions from listing to outcome: remembers what was listed, performs with progress, delivers."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lsprotocol import types

from qwen_lsp.errors import ActionRefused, QwenLspError
from qwen_lsp.lsp.editor import SECTION, EditorProgress
from qwen_lsp.lsp.features.code_action.review_diagnostics import FindingsBoard
from qwen_lsp.lsp.features.code_action.show_markdown import show
from qwen_lsp.lsp.features.code_action.workspace_edit import EditAbilities, workspace_edit
from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.session import Session

if TYPE_CHECKING:
    from qwen_lsp.assist.actions import (
        ActionProgress,
        ActionRequest,
        Actions,
        EditOutcome,
        Offer,
        Outcome,
        Report,
    )

_KEPT_LISTINGS = 64
_CONFIRM_TIMEOUT_S = 600.0
APPLY, DISCARD = "Apply", "Discard"

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Listing:
    """What was offered, and for which state of which document."""

    ask: ActionRequest
    offers: tuple[Offer, ...]


class ActionController:
    """The code actions of one editor window."""

    def __init__(self, server: LspServer, session: Session) -> None:
        self._server = server
        self._session = session
        self._listings: OrderedDict[int, Listing] = OrderedDict()
        self._new_files: dict[tuple[int, int], str] = {}
        self._numbers = itertools.count(1)
        self.board = FindingsBoard(server, session.documents.positions)

    @property
    def can(self) -> EditAbilities:
        """What the client can do with edits."""
        return EditAbilities.of(self._server.client_capabilities, self._session.editor.abilities.name)

    # --- what was listed

    def remember(self, ask: ActionRequest, offers: Sequence[Offer]) -> int:
        """Keep a listing for a while; its number."""
        number = next(self._numbers)
        self._listings[number] = Listing(ask, tuple(offers))
        while len(self._listings) > _KEPT_LISTINGS:
            self._listings.popitem(last=False)
        return number

    def recall(self, data: Any) -> tuple[Offer, ActionRequest] | None:
        """The offer that `data` of an action names; None when it is not ours or too old."""
        if not isinstance(data, dict):
            return None
        listing, index = self._listings.get(_whole(data.get("listing"))), _whole(data.get("offer"))
        if listing is None or not 0 <= index < len(listing.offers):
            return None
        return listing.offers[index], listing.ask

    def keep_new_file(self, data: dict[str, Any], edit: types.WorkspaceEdit | None) -> None:
        """Remember which file the edit of a listed action makes, until the editor has applied it."""
        made = _new_file(edit) if edit is not None else None
        if made is not None:
            self._new_files[_whole(data.get("listing")), _whole(data.get("offer"))] = made

    async def show_new_file(self, data: Any) -> None:
        """Open the file that an applied action has made, if it has made one."""
        key = (_whole(data.get("listing")), _whole(data.get("offer"))) if isinstance(data, dict) else None
        made = self._new_files.pop(key, None) if key is not None else None
        if made is not None:
            await self._session.editor.show_document(made)

    # --- doing it

    async def edit_for(self, offer: Offer, ask: ActionRequest) -> types.WorkspaceEdit | None:
        """The edit of an offer; None when it was refused, stopped or discarded (the user has been told)."""
        from qwen_lsp.assist.actions import EditOutcome

        outcome = await self._outcome(offer, ask)
        if isinstance(outcome, EditOutcome):
            return await self._confirmed(outcome)
        if outcome is not None:
            await self._deliver(outcome)
        return None

    async def run(self, offer: Offer, ask: ActionRequest) -> bool:
        """Perform an offer and deliver what comes of it; whether something was delivered."""
        outcome = await self._outcome(offer, ask)
        return outcome is not None and await self._deliver(outcome)

    async def guarded(self, title: str, work: Callable[[Report], Awaitable[Result]]) -> Result | None:
        """Do work under a progress bar; when it is refused or fails, the user reads why and None comes back."""
        try:
            return await self._with_progress(title, work)
        except QwenLspError as error:
            self.say(str(error), types.MessageType.Warning)
            return None

    def say(self, sentence: str, kind: types.MessageType = types.MessageType.Warning) -> None:
        """Tell the user, also when the same was said before."""
        self._server.window_show_message(types.ShowMessageParams(kind, sentence))

    async def confirm(self, question: str) -> bool:
        """Ask the user whether to apply."""
        params = types.ShowMessageRequestParams(
            types.MessageType.Warning,
            question,
            [types.MessageActionItem(APPLY), types.MessageActionItem(DISCARD)],
        )
        try:
            asked = self._server.window_show_message_request_async(params)
            answer = await asyncio.wait_for(asked, _CONFIRM_TIMEOUT_S)
        except Exception:  # an editor may refuse the question or never answer it: then nothing is applied
            return False
        return answer is not None and answer.title == APPLY

    async def apply(self, outcome: EditOutcome) -> bool:
        """Have the editor apply an outcome, after asking where that is due."""
        edit = await self._confirmed(outcome)
        if edit is None:
            return False
        if await self._session.editor.apply_edit(edit, outcome.title):
            if (made := _new_file(edit)) is not None:
                await self._session.editor.show_document(made)
            return True
        self.say(f"The editor did not apply '{outcome.title}'.")
        return False

    async def actions(self) -> Actions:
        """The actions over the engine in force; raises QwenLspError when there is none."""
        from qwen_lsp.assist.actions import Actions

        await self._session.assistant()
        if self._session.engine is None:
            raise ActionRefused("There is no engine to ask.")
        return Actions(self._session.engine, self._session.settings, current=self._session.documents.get)

    async def _outcome(self, offer: Offer, ask: ActionRequest) -> Outcome | None:
        async def perform(report: Report) -> Outcome:
            actions = await self.actions()
            return await actions.perform(offer, ask, report)

        return await self.guarded(offer.title, perform)

    async def _deliver(self, outcome: Outcome) -> bool:
        from qwen_lsp.assist.actions import EditOutcome, ShowOutcome

        if isinstance(outcome, EditOutcome):
            return await self.apply(outcome)
        if isinstance(outcome, ShowOutcome):
            await show(self._session, self.say, outcome.title, outcome.markdown)
            return True
        self.board.show(outcome)
        count = len(outcome.findings)
        how = f" {SECTION}.clearFindings takes them away." if count else ""
        found = "nothing" if not count else "one thing" if count == 1 else f"{count} things"
        self.say(f"The review found {found}.{how}", types.MessageType.Info)
        return True

    async def _confirmed(self, outcome: EditOutcome) -> types.WorkspaceEdit | None:
        """The edit, unless the user was asked and declined. The question is ours where the client asks none."""
        if outcome.needs_confirmation and not self.can.asks:
            question = "\n".join(
                part
                for part in (f"{outcome.title}: {outcome.needs_confirmation}", outcome.note, "Apply it?")
                if part
            )
            if not await self.confirm(question):
                return None
        return workspace_edit(outcome, self._session.documents.positions, self.can)

    async def _with_progress(self, title: str, work: Callable[[Report], Awaitable[Result]]) -> Result:
        """Run `work` beside a progress bar that can stop it. Cancelling the request stops it too."""
        bars: list[EditorProgress] = []
        stopped = False

        def report(step: ActionProgress) -> None:
            for bar in bars:
                bar.report(step.message, step.share)

        async def started() -> Result:
            return await work(report)

        def stop() -> None:
            nonlocal stopped
            stopped = True
            task.cancel()

        async def open_bar() -> None:
            bars.append(await self._session.editor.progress(title, on_cancel=stop))

        def end_bar(_: object) -> None:
            for bar in bars:
                bar.end()

        task = asyncio.create_task(started())
        opening = self._session.spawn(open_bar())
        try:
            return await task
        except asyncio.CancelledError:
            if stopped:
                raise ActionRefused(f"'{title}' was stopped.") from None
            raise
        finally:
            # Also a bar that the editor has yet to agree to: from being asked on, Helix shows work until it ends.
            opening.add_done_callback(end_bar)


def _new_file(edit: types.WorkspaceEdit) -> str | None:
    changes = edit.document_changes or ()
    return next((change.uri for change in changes if isinstance(change, types.CreateFile)), None)


def _whole(value: Any) -> int:
    """A number that came back from the client, where whole numbers may have become floats; -1 for others."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return -1
    return int(value)
