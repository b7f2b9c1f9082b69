-- :checkhealth qwen_lsp
local M = {}

local config = require('qwen_lsp.config')
local state = require('qwen_lsp.state')

local function check_neovim(health)
  local version = tostring(vim.version())
  if vim.lsp.inline_completion then
    health.ok('Neovim ' .. version .. ' shows ghost text')
  elseif vim.fn.has('nvim-0.11') == 1 then
    health.warn('Neovim ' .. version .. ' has no ghost text; suggestions come in the completion menu', 'Update to 0.12')
  else
    health.warn(
      'Neovim ' .. version .. ' has no ghost text; suggestions come by CTRL-X CTRL-O or a completion plugin',
      'Update to 0.12'
    )
  end
end

local function check_program(health)
  local program = config.options.cmd[1]
  if vim.fn.executable(program) == 0 then
    health.error('`' .. program .. '` is not on the PATH', {
      'Install it: run `make install` in the folder of the qwen-lsp repository',
      "or say where it is: require('qwen_lsp').setup({ cmd = { '/path/to/qwen-lsp', 'lsp' } })",
    })
    return false
  end
  health.ok('`' .. program .. '` is ' .. vim.fn.exepath(program))
  return true
end

local function check_server(health)
  local client = state.client()
  if not client then
    health.info('The server is not running in this session; open a source file first')
    return
  end
  local answered, failure, status
  state.refresh(function(err, result)
    answered, failure, status = true, err, result
  end)
  vim.wait(5000, function()
    return answered
  end, 20)
  if not answered then
    health.error('The server does not answer', { ':Qwen restart', ':Qwen log' })
  elseif failure then
    health.error('The server answers with an error: ' .. tostring(failure.message))
  elseif status.state == 'failed' then
    health.error(status.message)
  else
    health.ok('The server answers: ' .. status.message)
    if status.engine['local'] == false then
      health.warn('Code leaves this machine', 'Set engine.url to a server on this machine')
    end
  end
end

function M.check()
  local health = vim.health
  health.start('qwen_lsp')
  check_neovim(health)
  if check_program(health) then
    check_server(health)
  end
end

return M
