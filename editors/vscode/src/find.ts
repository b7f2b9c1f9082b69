// Finds the `qwen-lsp` program: the setting, the active Python environment, PATH, then uv's tool folder.
import { constants, promises as fs } from "node:fs";
import * as os from "node:os";
import * as path from "node:path";
import * as vscode from "vscode";

const NAME = process.platform === "win32" ? "qwen-lsp.exe" : "qwen-lsp";

/** The program's path, or undefined when it is nowhere. */
export async function findServer(): Promise<string | undefined> {
  const chosen = vscode.workspace.getConfiguration("qwen").get<string>("command", "").trim();
  if (chosen) return (await isProgram(expand(chosen))) ? expand(chosen) : undefined;
  for (const folder of [...(await pythonFolders()), ...pathFolders(), ...toolFolders()]) {
    const candidate = path.join(folder, NAME);
    if (await isProgram(candidate)) return candidate;
  }
  return undefined;
}

function expand(file: string): string {
  return file.startsWith("~") ? path.join(os.homedir(), file.slice(1)) : file;
}

async function pythonFolders(): Promise<string[]> {
  const python = vscode.extensions.getExtension("ms-python.python");
  const folders: string[] = [];
  try {
    const api = python ? await python.activate() : undefined;
    const active = api?.environments?.getActiveEnvironmentPath?.();
    const resolved = active ? await api.environments.resolveEnvironment(active) : undefined;
    const program: string | undefined = resolved?.executable?.uri?.fsPath;
    if (program) folders.push(path.dirname(program));
  } catch {
    // The Python extension is not ours; without its answer we look elsewhere.
  }
  // A workspace chooses programs only when the user trusts it.
  if (vscode.workspace.isTrusted)
    for (const root of vscode.workspace.workspaceFolders ?? [])
      folders.push(path.join(root.uri.fsPath, ".venv", process.platform === "win32" ? "Scripts" : "bin"));
  return folders;
}

function pathFolders(): string[] {
  return (process.env.PATH ?? "").split(path.delimiter).filter(Boolean);
}

function toolFolders(): string[] {
  return [path.join(os.homedir(), ".local", "bin"), "/opt/homebrew/bin", "/usr/local/bin"];
}

async function isProgram(file: string): Promise<boolean> {
  try {
    await fs.access(file, constants.X_OK);
    return (await fs.stat(file)).isFile();
  } catch {
    return false;
  }
}
