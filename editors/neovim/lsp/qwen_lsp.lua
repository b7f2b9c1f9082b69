-- Neovim 0.11+: `vim.lsp.enable('qwen_lsp')`. Override with `vim.lsp.config('qwen_lsp', { ... })`.
return require('qwen_lsp.config').client()
