// The settings that the user has made here. What is left alone comes from config.toml and the environment.
import * as vscode from "vscode";

export const SECTION = "qwen_lsp";

type Options = Record<string, Record<string, unknown>>;

/** By section and option; VS Code's own defaults would hide what config.toml says, so they are left out. */
export function chosenSettings(): Options {
  const settings = vscode.workspace.getConfiguration(SECTION);
  const chosen: Options = {};
  for (const [section, options] of Object.entries(settings)) {
    if (typeof options !== "object" || options === null) continue;
    for (const option of Object.keys(options)) {
      const found = settings.inspect(`${section}.${option}`);
      const values = [found?.globalValue, found?.workspaceValue, found?.workspaceFolderValue];
      if (values.some((value) => value !== undefined))
        (chosen[section] ??= {})[option] = settings.get(`${section}.${option}`);
    }
  }
  return chosen;
}
