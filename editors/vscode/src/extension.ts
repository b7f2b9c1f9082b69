// The extension: starts `qwen-lsp lsp`, shows its state, and gives its commands names.
import * as vscode from "vscode";
import { LanguageClient, ShowDocumentRequest, State, StaticFeature, TransportKind } from "vscode-languageclient/node";
import { findServer } from "./find";
import { registerCommands } from "./commands";
import { SECTION, chosenSettings } from "./settings";
import { Status, StatusItem } from "./status";

let client: LanguageClient | undefined;

export async function activate(context: vscode.ExtensionContext): Promise<void> {
  const log = vscode.window.createOutputChannel("Qwen", { log: true });
  const status = new StatusItem();
  context.subscriptions.push(log, status);
  const restart = () => start(log, status);
  registerCommands(context, () => client, status, restart, log);
  context.subscriptions.push(
    vscode.workspace.onDidChangeConfiguration((change) => {
      if (change.affectsConfiguration("qwen.command")) void restart();
    }),
    vscode.workspace.onDidGrantWorkspaceTrust(() => void restart()),
  );
  await restart();
}

export async function deactivate(): Promise<void> {
  await client?.stop();
}

async function start(log: vscode.LogOutputChannel, status: StatusItem): Promise<void> {
  const running = client;
  client = undefined;
  await running?.dispose();
  const command = await findServer();
  if (!command) {
    status.say("$(warning) Qwen", "qwen-lsp is not installed. Click to see how.");
    void offerInstall();
    return;
  }
  log.info(`Starting ${command} lsp`);
  const fresh: LanguageClient = new LanguageClient(
    "qwen_lsp",
    "Qwen",
    { command, args: ["lsp"], transport: TransportKind.stdio },
    {
      documentSelector: [{ scheme: "file" }, { scheme: "untitled" }, { scheme: "vscode-notebook-cell" }],
      outputChannel: log,
      synchronize: { configurationSection: SECTION },
      middleware: {
        window: { showDocument: showRendered },
        workspace: {
          configuration: (asked) => asked.items.map((item) => (item.section === SECTION ? chosenSettings() : null)),
          didChangeConfiguration: () =>
            fresh.sendNotification("workspace/didChangeConfiguration", { settings: { [SECTION]: chosenSettings() } }),
        },
      },
      progressOnInitialization: true,
    },
  );
  fresh.registerFeature(wantsStatus);
  fresh.onNotification("qwen_lsp/status", (news: Status) => status.show(news));
  fresh.onDidChangeState(({ newState }) => {
    if (newState === State.Stopped && client === fresh) status.say("$(warning) Qwen", "The language server stopped.");
  });
  client = fresh;
  try {
    await fresh.start();
  } catch (error) {
    status.say("$(warning) Qwen", `The language server did not start: ${String(error)}`);
    log.error(String(error));
  }
}

/** Explanations are read, not edited: they open as a rendered preview. */
const showRendered: ShowDocumentRequest.MiddlewareSignature = async (params, token, next) => {
  const uri = vscode.Uri.parse(params.uri);
  const isExplanation = uri.scheme === "file" && /\/explanations\/[^/]+\.md$/.test(uri.path) && !params.selection;
  if (!isExplanation) return next(params, token);
  await vscode.commands.executeCommand("markdown.showPreview", uri);
  return { success: true };
};

/** Asks the server for `qwen_lsp/status`, which it sends only to those who know it. */
const wantsStatus: StaticFeature = {
  fillClientCapabilities(capabilities) {
    capabilities.experimental = { ...capabilities.experimental, qwen_lsp: { status: true } };
  },
  initialize() {},
  getState: () => ({ kind: "static" }),
  clear() {},
};

async function offerInstall(): Promise<void> {
  const how = "How to Install";
  const choose = "Choose the Program…";
  const picked = await vscode.window.showWarningMessage(
    "qwen-lsp was not found in the active Python environment, on PATH, or among uv's tools. " +
      "Run `make install` in the folder of the qwen-lsp repository, or set qwen.command.",
    how,
    choose,
  );
  if (picked === how)
    await vscode.commands.executeCommand("workbench.action.openWalkthrough", "qwen-lsp.qwen-lsp#start");
  if (picked === choose)
    await vscode.commands.executeCommand("workbench.action.openSettings", "qwen.command");
}
