-- What the language server is started with; the same table for vim.lsp.enable and for vim.lsp.start.
local M = {}

M.name = 'qwen_lsp'

M.filetypes = {
  'bash', 'c', 'cpp', 'cs', 'css', 'cuda', 'dart', 'dockerfile', 'elixir', 'go', 'haskell', 'html', 'java',
  'javascript', 'javascriptreact', 'julia', 'kotlin', 'lua', 'make', 'markdown', 'objc', 'ocaml', 'perl', 'php',
  'proto', 'python', 'r', 'ruby', 'rust', 'scala', 'scss', 'sh', 'sql', 'svelte', 'swift', 'terraform', 'toml',
  'typescript', 'typescriptreact', 'vue', 'yaml', 'zig', 'zsh',
}

M.root_markers = {
  '.git', 'pyproject.toml', 'package.json', 'Cargo.toml', 'go.mod', 'pom.xml', 'build.gradle', 'CMakeLists.txt',
}

--- Options given to setup(); see :help qwen_lsp-setup.
M.options = { cmd = { 'qwen-lsp', 'lsp' }, settings = {}, ghost_text = true, keymaps = false }

-- 0.11+ lays these over what Neovim and other plugins can do; 0.10 takes them as all there is.
local function capabilities()
  local ours = { experimental = { qwen_lsp = { status = true } } }
  if vim.fn.has('nvim-0.11') == 1 then
    return ours
  end
  return vim.tbl_deep_extend('force', vim.lsp.protocol.make_client_capabilities(), ours)
end

--- The client's configuration.
function M.client()
  return {
    name = M.name,
    cmd = M.options.cmd,
    filetypes = M.filetypes,
    root_markers = M.root_markers,
    settings = { qwen_lsp = M.options.settings },
    init_options = { qwen_lsp = M.options.settings },
    capabilities = capabilities(),
    on_exit = function(code, signal, client_id)
      require('qwen_lsp.process').exited(code, signal, client_id)
    end,
    handlers = {
      ['qwen_lsp/status'] = function(_, status, ctx)
        local state = require('qwen_lsp.state')
        local before = state.by_client[ctx.client_id]
        state.set(ctx.client_id, status)
        if status.state == 'ready' and before and before.state ~= 'ready' then
          for bufnr in pairs(vim.lsp.get_client_by_id(ctx.client_id).attached_buffers) do
            require('qwen_lsp.ghost').ask_if_typing(bufnr)
          end
        end
      end,
    },
  }
end

return M
