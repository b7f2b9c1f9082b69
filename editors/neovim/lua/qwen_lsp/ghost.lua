-- Ghost text on 0.12+: accepting all, a word or a line, cycling, and asking by hand.
local M = {}

local api = vim.api
local state = require('qwen_lsp.state')

--- Whether this Neovim has ghost text at all.
function M.available()
  return vim.lsp.inline_completion ~= nil
end

-- Neovim has no call to ask again; its own autocommand does it, 200 ms later.
local function ask_again(bufnr)
  pcall(api.nvim_exec_autocmds, 'CursorMovedI', {
    group = 'nvim.lsp.inline_completion:' .. bufnr,
    buffer = bufnr,
    modeline = false,
  })
end

--- Ask anew for who is typing in this buffer: what a suggestion needs has come meanwhile.
function M.ask_if_typing(bufnr)
  if M.available() and api.nvim_get_current_buf() == bufnr and api.nvim_get_mode().mode:match('^i') then
    ask_again(bufnr)
  end
end

--- Show ghost text in a buffer that a server has just taken, also when the user is typing in it already.
function M.attached(bufnr)
  vim.lsp.inline_completion.enable(true, { bufnr = bufnr })
  -- Where it was enabled before, Neovim listens for keys one turn after this, behind what is scheduled here.
  vim.schedule(function()
    vim.schedule(function()
      M.ask_if_typing(bufnr)
    end)
  end)
end

-- The item as it fits the buffer now: what was typed since it was shown must be its beginning.
-- (0.12.4 would leave the typed characters behind the accepted text.)
local function fitted(item)
  if type(item.insert_text) ~= 'string' or not item.range then
    return nil
  end
  local row, col, end_row, end_col = item.range:to_extmark()
  local cursor = api.nvim_win_get_cursor(0)
  if row ~= cursor[1] - 1 or end_row ~= row or cursor[2] < col then
    return nil
  end
  local line = api.nvim_get_current_line()
  local typed = line:sub(col + 1, cursor[2])
  if item.insert_text:sub(1, #typed) ~= typed then
    return nil
  end
  -- The closing brackets that the item replaces have moved by what was typed.
  return { row = row, col = col, end_col = math.min(#line, end_col + #typed), text = item.insert_text, typed = typed }
end

local function take(choose)
  if not M.available() then
    return false
  end
  return vim.lsp.inline_completion.get({
    on_accept = function(item)
      local fit = fitted(item)
      if not fit then
        return nil
      end
      local rest = fit.text:sub(#fit.typed + 1)
      local piece = choose(rest)
      local whole = piece == rest
      local new = whole and fit.text or (fit.typed .. piece)
      local end_col = whole and fit.end_col or (fit.col + #fit.typed)
      local lines = vim.split(new, '\n')
      api.nvim_buf_set_text(0, fit.row, fit.col, fit.row, end_col, lines)
      local last = #lines == 1 and fit.col + #lines[1] or #lines[#lines]
      api.nvim_win_set_cursor(0, { fit.row + #lines, last })
      if item.command then
        local arguments = vim.deepcopy(item.command.arguments or {})
        if not whole then
          arguments[2] = vim.fn.strchars(new)
        end
        state.command('accepted', arguments)
      end
      return nil
    end,
  })
end

--- Accept the whole suggestion; false when there is none.
function M.accept()
  return take(function(rest)
    return rest
  end)
end

--- Accept the next word, with the blanks before it.
function M.accept_word()
  return take(function(rest)
    return rest:match('^%s*[%w_\128-\255]+') or rest:match('^%s*[^%w_%s]+') or rest
  end)
end

--- Accept up to the end of the line; the line break too when the line is done.
function M.accept_line()
  return take(function(rest)
    local line = rest:match('^[^\n]+') or rest:match('^\n[^\n]*')
    return line or rest
  end)
end

--- Show the next (or an earlier) suggestion.
function M.cycle(count)
  if M.available() then
    vim.lsp.inline_completion.select({ count = count })
  end
end

--- Ask by hand: no debounce, several alternatives, fewer reasons to be silent.
function M.trigger()
  if not M.available() then
    return
  end
  if not api.nvim_get_mode().mode:match('^i') then
    vim.cmd.startinsert()
  end
  local bufnr = api.nvim_get_current_buf()
  state.command('trigger', { vim.uri_from_bufnr(bufnr) }, vim.schedule_wrap(function(err)
    if err then
      vim.notify(err.message, vim.log.levels.WARN)
      return
    end
    ask_again(bufnr)
  end))
end

return M
