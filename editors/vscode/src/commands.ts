// The commands of the palette, the menu and the context menu. The work itself is done by the server.
import * as vscode from "vscode";
import type { LanguageClient } from "vscode-languageclient/node";
import type { Status, StatusItem } from "./status";

type Client = () => LanguageClient | undefined;

export function registerCommands(
  context: vscode.ExtensionContext,
  client: Client,
  status: StatusItem,
  restart: () => Promise<void>,
  log: vscode.LogOutputChannel,
): void {
  const ask = (command: string, ...args: unknown[]) => askServer(client, `qwen_lsp.${command}`, args);
  const commands: Record<string, () => unknown> = {
    "qwen.menu": () => showMenu(status),
    "qwen.toggle": () => ask("toggle"),
    "qwen.toggleLanguage": toggleLanguage,
    "qwen.trigger": suggestNow,
    "qwen.explain": () => runAction("qwen_lsp.explain"),
    "qwen.tests": () => runAction("qwen_lsp.tests"),
    "qwen.review": () => runAction("qwen_lsp.review"),
    "qwen.clearFindings": () => ask("clearFindings"),
    "qwen.instruct": () => instruct(ask),
    "qwen.openPage": async () => {
      const address = await ask("openPage");
      if (typeof address === "string" && address) log.info(`The page: ${address}`);
    },
    "qwen.restart": restart,
    "qwen.showLog": () => log.show(),
    "qwen.statistics": () => showStatistics(ask),
  };
  for (const [name, run] of Object.entries(commands))
    context.subscriptions.push(vscode.commands.registerCommand(name, run));
}

/** Ask at the cursor, also where VS Code has an answer already. */
async function suggestNow(): Promise<void> {
  // VS Code keeps an answer, an empty one too, as long as nothing is typed, and asks again only when there is a
  // provider that it has not asked yet. A model that has loaded meanwhile would stay unheard.
  const newcomer = vscode.languages.registerInlineCompletionItemProvider({ pattern: "**" }, {
    provideInlineCompletionItems: () => [],
  });
  try {
    await vscode.commands.executeCommand("editor.action.inlineSuggest.trigger");
  } finally {
    newcomer.dispose();
  }
}

async function askServer(client: Client, command: string, args: unknown[]): Promise<unknown> {
  const running = client();
  if (!running) {
    void vscode.window.showWarningMessage("The Qwen language server is not running. See: Qwen: Show Log.");
    return undefined;
  }
  return running.sendRequest("workspace/executeCommand", { command, arguments: args });
}

async function showMenu(status: StatusItem): Promise<void> {
  const paused = status.latest?.paused ?? false;
  const entries: (vscode.QuickPickItem & { command: string })[] = [
    { label: paused ? "$(play) Switch suggestions on" : "$(circle-slash) Switch suggestions off", command: "qwen.toggle" },
    { label: "$(symbol-namespace) Switch for this language", command: "qwen.toggleLanguage" },
    { label: "$(globe) Open the page", command: "qwen.openPage" },
    { label: "$(graph) Status and statistics", command: "qwen.statistics" },
    { label: "$(gear) Settings", command: "qwen.settings" },
    { label: "$(output) Show log", command: "qwen.showLog" },
    { label: "$(debug-restart) Restart the language server", command: "qwen.restart" },
  ];
  const picked = await vscode.window.showQuickPick(entries, {
    title: "Qwen",
    placeHolder: status.latest?.message ?? "The language server is not running.",
  });
  if (picked?.command === "qwen.settings")
    await vscode.commands.executeCommand("workbench.action.openSettings", "qwen_lsp");
  else if (picked) await vscode.commands.executeCommand(picked.command);
}

async function runAction(kind: string): Promise<void> {
  await vscode.commands.executeCommand("editor.action.codeAction", { kind, apply: "first" });
}

async function instruct(ask: (command: string, ...args: unknown[]) => Promise<unknown>): Promise<void> {
  const editor = vscode.window.activeTextEditor;
  if (!editor) return;
  const words = await vscode.window.showInputBox({
    title: "Change the selection",
    prompt: "What should be done? The model rewrites the selection, or the function around the cursor.",
    placeHolder: "Return early when the list is empty",
  });
  if (!words?.trim()) return;
  const { start, end } = editor.selection;
  const range = {
    start: { line: start.line, character: start.character },
    end: { line: end.line, character: end.character },
  };
  await ask("instruct", editor.document.uri.toString(), range, words.trim());
}

async function toggleLanguage(): Promise<void> {
  const language = vscode.window.activeTextEditor?.document.languageId;
  if (!language) return;
  const settings = vscode.workspace.getConfiguration("qwen_lsp.suggest");
  const off = settings.get<string[]>("off_languages", []);
  const next = off.includes(language) ? off.filter((l) => l !== language) : [...off, language];
  const target = vscode.workspace.workspaceFolders
    ? vscode.ConfigurationTarget.Workspace
    : vscode.ConfigurationTarget.Global;
  await settings.update("off_languages", next, target);
  const now = next.includes(language) ? "off" : "on";
  vscode.window.setStatusBarMessage(`Qwen suggestions for ${language} are ${now} in this workspace.`, 5000);
}

async function showStatistics(ask: (command: string, ...args: unknown[]) => Promise<unknown>): Promise<void> {
  const status = (await ask("status")) as Status | undefined;
  if (!status) return;
  const text = `# Qwen\n\n${status.message}\n\n\`\`\`json\n${JSON.stringify(status, null, 2)}\n\`\`\`\n`;
  const document = await vscode.workspace.openTextDocument({ language: "markdown", content: text });
  await vscode.window.showTextDocument(document, { preview: true });
}
