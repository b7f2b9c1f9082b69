// The status-bar item: state, model, speed, and a menu.
import * as vscode from "vscode";

/** What the server says of itself (qwen_lsp/lsp/status.py). */
export interface Status {
  state: string;
  message: string;
  paused: boolean;
  address: string;
  engine: {
    state: string;
    model: string;
    starter: boolean;
    local: boolean;
    progress: number | null;
    secondsLeft: number | null;
  };
  last: { source: string; reason: string; totalMs: number | null; generatedTokens: number | null } | null;
}

const ICONS: Record<string, string> = {
  ready: "$(sparkle)",
  loading: "$(sync~spin)",
  starting: "$(sync~spin)",
  failed: "$(warning)",
  off: "$(circle-slash)",
  none: "$(book)",
};

export class StatusItem implements vscode.Disposable {
  private readonly item = vscode.window.createStatusBarItem("qwen.status", vscode.StatusBarAlignment.Right, 100);
  latest: Status | undefined;

  constructor() {
    this.item.name = "Qwen";
    this.item.command = "qwen.menu";
    this.say("$(sync~spin) Qwen", "Starting");
    this.item.show();
  }

  show(status: Status): void {
    this.latest = status;
    const icon = ICONS[status.state] ?? ICONS.none;
    this.say(`${icon} ${label(status)}`, details(status));
    this.item.backgroundColor =
      status.state === "failed" || !status.engine.local
        ? new vscode.ThemeColor("statusBarItem.warningBackground")
        : undefined;
  }

  say(text: string, tooltip: string): void {
    this.item.text = text;
    this.item.tooltip = new vscode.MarkdownString(tooltip);
    this.item.accessibilityInformation = { label: `Qwen: ${tooltip.split("\n")[0]}` };
  }

  dispose(): void {
    this.item.dispose();
  }
}

function label(status: Status): string {
  if (status.paused) return "Qwen off";
  const { state, progress, secondsLeft, starter } = status.engine;
  if (state === "loading") {
    const share = progress === null ? "" : ` ${Math.round(progress * 100)} %`;
    return secondsLeft === null ? `Qwen${share}` : `Qwen${share}, ${Math.round(secondsLeft)} s`;
  }
  return starter ? "Qwen (starter)" : "Qwen";
}

function details(status: Status): string {
  const lines = [status.message];
  if (status.engine.model) lines.push(`Model: ${status.engine.model}`);
  const last = status.last;
  if (last) {
    const took = last.totalMs === null ? "" : ` in ${Math.round(last.totalMs)} ms`;
    lines.push(last.reason ? `Last: nothing shown (${last.reason})` : `Last suggestion: ${last.source}${took}`);
  }
  return lines.filter(Boolean).join("\n\n");
}
