-- Defines :Qwen and what happens when our server attaches; starts nothing by itself.
if vim.g.loaded_qwen_lsp or vim.fn.has('nvim-0.10') == 0 then
  return
end
vim.g.loaded_qwen_lsp = true

vim.api.nvim_create_user_command('Qwen', function(args)
  require('qwen_lsp.command').run(args)
end, {
  nargs = '?',
  desc = 'Qwen code assistant',
  complete = function(lead)
    return require('qwen_lsp.command').complete(lead)
  end,
})

vim.api.nvim_create_autocmd('LspAttach', {
  group = vim.api.nvim_create_augroup('qwen_lsp', {}),
  callback = function(event)
    local client = vim.lsp.get_client_by_id(event.data.client_id)
    if client and client.name == 'qwen_lsp' then
      require('qwen_lsp')._attached(client, event.buf)
    end
  end,
})
