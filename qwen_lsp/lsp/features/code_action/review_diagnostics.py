"""Review findings as diagnostics in the editor, until they are cleared or the code is reviewed again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

from lsprotocol import types

from qwen_lsp.lsp.jsonrpc.protocol import LspServer
from qwen_lsp.lsp.positions import Positions

if TYPE_CHECKING:
    from qwen_lsp.assist.actions import Finding, FindingsOutcome

SOURCE = "qwen-lsp review"
_SEVERITIES = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "information": types.DiagnosticSeverity.Information,
    "hint": types.DiagnosticSeverity.Hint,
}


class FindingsBoard:
    """What the editor shows of reviews, by document."""

    def __init__(self, server: LspServer, positions: Positions) -> None:
        self._server = server
        self._positions = positions
        self._shown: set[str] = set()

    def show(self, outcome: FindingsOutcome) -> None:
        """Show the findings of a document in place of older ones."""
        snapshot = outcome.snapshot
        found = [self._diagnostic(outcome, finding) for finding in outcome.findings]
        version = snapshot.version if snapshot.version >= 0 else None
        self._publish(snapshot.uri, found, version)
        self._shown.add(snapshot.uri)

    def clear(self, uri: str | None = None) -> int:
        """Take the findings of one document, or of all, away; how many documents had some."""
        cleared = [shown for shown in self._shown if uri is None or unquote(shown) == unquote(uri)]
        for shown in cleared:
            self._publish(shown, [], None)
            self._shown.discard(shown)
        return len(cleared)

    def _diagnostic(self, outcome: FindingsOutcome, finding: Finding) -> types.Diagnostic:
        fix = f"\nFix: {finding.fix}" if finding.fix else ""
        return types.Diagnostic(
            range=self._positions.range(outcome.snapshot, finding.start, finding.end),
            message=finding.message + fix,
            severity=_SEVERITIES[finding.severity],
            code=finding.area,
            source=SOURCE,
        )

    def _publish(self, uri: str, found: list[types.Diagnostic], version: int | None) -> None:
        params = types.PublishDiagnosticsParams(uri, found, version)
        self._server.text_document_publish_diagnostics(params)
