-- The public face: require('qwen_lsp').setup{...}, status(), accept(), and friends. See :help qwen_lsp.
local M = {}

local config = require('qwen_lsp.config')
local ghost = require('qwen_lsp.ghost')
local process = require('qwen_lsp.process')
local state = require('qwen_lsp.state')

M.accept = ghost.accept
M.accept_word = ghost.accept_word
M.accept_line = ghost.accept_line
M.trigger = ghost.trigger

function M.next()
  ghost.cycle(1)
end

function M.previous()
  ghost.cycle(-1)
end

--- Text for a status line.
M.status = state.line

--- Start the server for its file types, with ghost text where this Neovim has it. Called again with other
--- settings, those hold at once.
--- @param options? { cmd?: string[], settings?: table, ghost_text?: boolean, keymaps?: boolean }
function M.setup(options)
  config.options = vim.tbl_extend('force', config.options, options or {})
  if options and options.settings then
    process.configure(function()
      return options.settings
    end)
  end
  if vim.lsp.enable then
    vim.lsp.config(config.name, config.client())
    vim.lsp.enable(config.name)
  else
    M._start_the_old_way()
  end
  if config.options.keymaps then
    M.keymaps()
  end
end

-- 0.10 has no vim.lsp.enable.
function M._start_the_old_way()
  local function start(bufnr)
    if vim.bo[bufnr].buftype == '' and vim.api.nvim_buf_get_name(bufnr) ~= '' then
      local client = config.client()
      client.root_dir = vim.fs.root(bufnr, config.root_markers)
      vim.lsp.start(client, { bufnr = bufnr })
    end
  end
  vim.api.nvim_create_autocmd('FileType', {
    group = vim.api.nvim_create_augroup('qwen_lsp_start', {}),
    pattern = config.filetypes,
    callback = function(event)
      start(event.buf)
    end,
  })
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    if vim.api.nvim_buf_is_loaded(bufnr) and vim.tbl_contains(config.filetypes, vim.bo[bufnr].filetype) then
      start(bufnr)
    end
  end
end

-- What a key did before us, as something to type: an earlier mapping lives on under a name of its own.
local function earlier(key)
  local mapping = vim.fn.maparg(key, 'i', false, true)
  if vim.tbl_isempty(mapping) or mapping.buffer == 1 then
    return key, false
  end
  local name = '<Plug>(qwen_lsp-earlier-' .. key:gsub('[<>]', '') .. ')'
  if not vim.startswith(mapping.desc or '', 'Qwen: ') then
    mapping.lhs, mapping.lhsraw = name, vim.api.nvim_replace_termcodes(name, true, true, true)
    mapping.lhsrawalt = nil
    vim.fn.mapset('i', false, mapping)
  end
  return name, vim.fn.maparg(name, 'i') ~= ''
end

--- The proposed keys, in insert mode. Each falls through to what the key did when there is no suggestion.
function M.keymaps()
  local function map(key, action, description)
    local otherwise, is_mapping = earlier(key)
    vim.keymap.set('i', key, function()
      if not action() then
        return is_mapping and otherwise or key
      end
      return ''
    end, { expr = true, replace_keycodes = true, remap = is_mapping, desc = 'Qwen: ' .. description })
  end
  map('<Tab>', M.accept, 'accept the suggestion')
  map('<M-Right>', M.accept_word, 'accept a word')
  map('<M-Down>', M.accept_line, 'accept a line')
  vim.keymap.set('i', '<M-]>', M.next, { desc = 'Qwen: next suggestion' })
  vim.keymap.set('i', '<M-[>', M.previous, { desc = 'Qwen: previous suggestion' })
  vim.keymap.set('i', '<M-\\>', M.trigger, { desc = 'Qwen: suggest now' })
end

-- What happens when our server attaches to a buffer, however it was started.
function M._attached(client, bufnr)
  process.attached(client, bufnr)
  if ghost.available() and config.options.ghost_text then
    ghost.attached(bufnr)
  elseif not ghost.available() and vim.lsp.completion then
    vim.lsp.completion.enable(true, client.id, bufnr, { autotrigger = true }) -- 0.11: in the popup menu
  end -- 0.10: CTRL-X CTRL-O, or a completion plugin
end

return M
