-- The running server: again after a crash, by hand, and with other settings.
local M = {}

local config = require('qwen_lsp.config')
local state = require('qwen_lsp.state')

local MOST_RESTARTS = 5
local CALM_MS = 600 * 1000 -- a restart longer ago than this counts no more
local TERMINATED = 15 -- the signal by which a server is asked to leave

--- How long the second start after a crash waits; each one waits twice as long as the one before.
M.first_wait_ms = 1000

-- client id -> { config, buffers, stopping }; also of those that have ended, until the next restart
local seen = {}
local restarts = {}

local function say(text)
  vim.notify(text, vim.log.levels.WARN, { title = 'Qwen' })
end

local function clients()
  return vim.lsp.get_clients({ name = config.name })
end

--- A server took a buffer.
function M.attached(client, bufnr)
  seen[client.id] = seen[client.id] or { config = client.config, buffers = {} }
  seen[client.id].buffers[bufnr] = true
end

local function start(server)
  for bufnr in pairs(server.buffers) do
    if vim.api.nvim_buf_is_loaded(bufnr) then
      vim.lsp.start(server.config, { bufnr = bufnr })
    end
  end
end

-- How long to wait before another start, or nil when it has died too often.
local function patience_ms()
  local now = vim.uv.now()
  restarts = vim.tbl_filter(function(at)
    return now - at < CALM_MS
  end, restarts)
  if #restarts >= MOST_RESTARTS then
    return nil
  end
  table.insert(restarts, now)
  return #restarts == 1 and 0 or M.first_wait_ms * 2 ^ (#restarts - 2)
end

local function died(client_id)
  local server = seen[client_id]
  if not server or server.stopping or vim.v.exiting ~= vim.NIL then
    return
  end
  local wait_ms = patience_ms()
  if not wait_ms then
    say(('qwen-lsp has died %d times and is left alone now; :Qwen log says why, :Qwen restart tries again'):format(MOST_RESTARTS + 1))
    return
  end
  vim.defer_fn(function()
    if seen[client_id] then
      seen[client_id] = nil
      start(server)
    end
  end, wait_ms)
end

--- The server's process has ended: start it again unless it was meant to.
function M.exited(code, signal, client_id)
  local meant = (code == 0 and signal == 0) or signal == TERMINATED or code == 128 + TERMINATED
  if not meant then
    vim.schedule(function()
      died(client_id)
    end)
  end
end

local function stop(client)
  if seen[client.id] then
    seen[client.id].stopping = true
  end
  state.call(client, 'stop')
  local stopped = vim.wait(5000, function()
    return vim.lsp.get_client_by_id(client.id) == nil
  end, 20)
  if not stopped then
    state.call(client, 'stop', true)
  end
end

-- What would have been started for a buffer that has had no server yet.
local function never_started()
  local fresh = {}
  for _, bufnr in ipairs(vim.api.nvim_list_bufs()) do
    local is_file = vim.bo[bufnr].buftype == '' and vim.api.nvim_buf_get_name(bufnr) ~= ''
    if vim.api.nvim_buf_is_loaded(bufnr) and is_file and vim.tbl_contains(config.filetypes, vim.bo[bufnr].filetype) then
      local client = vim.deepcopy(vim.lsp.enable and vim.lsp.config[config.name] or config.client())
      client.root_dir = vim.fs.root(bufnr, config.root_markers)
      table.insert(fresh, { config = client, buffers = { [bufnr] = true } })
    end
  end
  return fresh
end

--- Stop what runs and start it again, also what had died.
function M.restart()
  for _, client in ipairs(clients()) do
    stop(client)
  end
  local servers = vim.tbl_values(seen)
  seen, restarts = {}, {}
  for _, server in ipairs(#servers > 0 and servers or never_started()) do
    start(server)
  end
end

--- Give the running servers other settings; `change` makes them of those they have. No restart.
function M.configure(change)
  for _, client in ipairs(clients()) do
    local settings = { [config.name] = change(vim.deepcopy((client.settings or {})[config.name] or {})) }
    client.settings, client.config.settings = settings, settings
    state.call(client, 'notify', 'workspace/didChangeConfiguration', { settings = settings })
  end
end

--- Suggestions for a language off or on, until Neovim leaves; whether they are on now.
function M.toggle_language(language)
  local on = true
  M.configure(function(settings)
    local suggest = settings.suggest or {}
    local off = suggest.off_languages or {}
    on = vim.tbl_contains(off, language)
    settings.suggest = vim.tbl_extend('force', suggest, {
      off_languages = on and vim.tbl_filter(function(each)
        return each ~= language
      end, off) or vim.list_extend({ language }, off),
    })
    return settings
  end)
  return on
end

return M
