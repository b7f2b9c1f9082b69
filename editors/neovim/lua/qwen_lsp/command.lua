-- :Qwen and its subcommands.
local M = {}

local ghost = require('qwen_lsp.ghost')
local process = require('qwen_lsp.process')
local state = require('qwen_lsp.state')

local function say(text, level)
  vim.notify(text, level or vim.log.levels.INFO, { title = 'Qwen' })
end

local function or_complain(callback)
  return vim.schedule_wrap(function(err, result)
    if err then
      say(err.message or tostring(err), vim.log.levels.ERROR)
    elseif callback then
      callback(result)
    end
  end)
end

local function last_sentence(last)
  if type(last) ~= 'table' then
    return nil
  end
  if last.suggestions > 0 then
    local ms = type(last.totalMs) == 'number' and (' in %d ms'):format(last.totalMs) or ''
    return ('Last suggestion: from %s%s.'):format(last.source, ms)
  end
  return 'Last time nothing was shown: ' .. last.reason .. '.'
end

M.subcommands = {
  status = function()
    state.refresh(or_complain(function(status)
      say(table.concat(vim.tbl_filter(function(s)
        return s
      end, { status.message, last_sentence(status.last) }), '\n'))
    end))
  end,
  toggle = function()
    state.command('toggle', {}, or_complain(function(on)
      say('Suggestions are ' .. (on and 'on' or 'off') .. '.')
    end))
  end,
  language = function()
    local client, bufnr = state.client(), vim.api.nvim_get_current_buf()
    if not client then
      say('qwen-lsp is not running here; see :checkhealth qwen_lsp', vim.log.levels.WARN)
      return
    end
    local filetype = vim.bo[bufnr].filetype
    local language = client.get_language_id and client.get_language_id(bufnr, filetype) or filetype
    local on = process.toggle_language(language)
    say(('Suggestions for %s are %s until Neovim leaves.'):format(language, on and 'on' or 'off'))
  end,
  page = function()
    state.command('openPage', {}, or_complain())
  end,
  stats = function()
    state.command('stats', {}, or_complain(say))
  end,
  clear = function()
    state.command('clearFindings', {}, or_complain())
  end,
  trigger = function()
    ghost.trigger()
  end,
  accept = function()
    ghost.accept()
  end,
  actions = function()
    vim.lsp.buf.code_action()
  end,
  log = function()
    local path = vim.lsp.log and vim.lsp.log.get_filename and vim.lsp.log.get_filename() or vim.lsp.get_log_path()
    vim.cmd.tabedit(vim.fn.fnameescape(path))
  end,
  restart = process.restart,
  health = function()
    vim.cmd.checkhealth('qwen_lsp')
  end,
}

function M.run(args)
  local action = M.subcommands[args.fargs[1] or 'status']
  if action then
    action()
  else
    say(('There is no :Qwen %s. There are: %s'):format(args.fargs[1], table.concat(M.complete(''), ', ')), vim.log.levels.ERROR)
  end
end

function M.complete(lead)
  local names = vim.tbl_filter(function(name)
    return vim.startswith(name, lead)
  end, vim.tbl_keys(M.subcommands))
  table.sort(names)
  return names
end

return M
