-- What the server last said of itself, for status lines and :Qwen status.
local M = { by_client = {} }

local icons = { ready = '●', loading = '◌', starting = '◌', failed = '✗', off = '○', none = '○' }

--- Our client of a buffer, or any of ours.
function M.client(bufnr)
  local get = vim.lsp.get_clients
  return get({ bufnr = bufnr or 0, name = 'qwen_lsp' })[1] or get({ name = 'qwen_lsp' })[1]
end

--- Call a method of a client: 0.10 has client.request(...), 0.11+ client:request(...)
function M.call(client, method, ...)
  if vim.fn.has('nvim-0.11') == 1 then
    return client[method](client, ...)
  end
  return client[method](...)
end

function M.set(client_id, status)
  M.by_client[client_id] = status
  vim.api.nvim_exec_autocmds('User', { pattern = 'QwenStatus', modeline = false, data = status })
end

--- The last status as a table, or nil.
function M.get()
  local client = M.client()
  return client and M.by_client[client.id]
end

--- One short text for a status line: an icon, the model, and how far it has loaded.
function M.line()
  local client = M.client()
  if not client then
    return ''
  end
  local status = M.by_client[client.id]
  if not status then
    return icons.starting .. ' Qwen'
  end
  local engine = status.engine
  local text = (icons[status.state] or '?') .. ' Qwen'
  if engine.starter then
    text = text .. ' starter'
  end
  if status.state == 'loading' and type(engine.progress) == 'number' then
    text = ('%s %d%%%%'):format(text, math.floor(engine.progress * 100 + 0.5))
  end
  if engine['local'] == false then
    text = text .. ' (code leaves this machine)'
  end
  return text
end

--- Ask the server afresh; calls back with the status.
function M.refresh(callback)
  M.command('status', {}, function(err, status)
    local client = M.client()
    if not err and client then
      M.set(client.id, status)
    end
    callback(err, status)
  end)
end

--- Run one of the server's commands.
function M.command(name, arguments, callback)
  local client = M.client()
  callback = callback or function() end
  if not client then
    callback({ message = 'qwen-lsp is not running here; see :checkhealth qwen_lsp' })
    return
  end
  local params = { command = 'qwen_lsp.' .. name, arguments = arguments }
  M.call(client, 'request', 'workspace/executeCommand', params, callback)
end

return M
