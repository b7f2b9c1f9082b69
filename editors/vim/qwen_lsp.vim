" Qwen in Vim with ALE: suggestions as completion items. `qwen-lsp` must be on PATH.
"   source /path/to/this/repository/editors/vim/qwen_lsp.vim
let g:ale_completion_enabled = get(g:, 'ale_completion_enabled', 1)

function! QwenLspRoot(buffer) abort
  let l:git = finddir('.git', fnamemodify(bufname(a:buffer), ':p:h') . ';')
  return empty(l:git) ? fnamemodify(bufname(a:buffer), ':p:h') : fnamemodify(l:git, ':p:h:h')
endfunction

" What ALE tells the server; it looks again, and tells it again when this has changed, whenever it checks a buffer.
function! QwenLspConfig(buffer) abort
  return {'qwen_lsp': get(g:, 'qwen_lsp_settings', {})}
endfunction

for s:filetype in get(g:, 'qwen_lsp_filetypes', ['python', 'javascript', 'typescript', 'c', 'cpp', 'java', 'go', 'rust'])
  call ale#linter#Define(s:filetype, {
        \ 'name': 'qwen_lsp',
        \ 'lsp': 'stdio',
        \ 'executable': get(g:, 'qwen_lsp_executable', 'qwen-lsp'),
        \ 'command': '%e lsp',
        \ 'project_root': function('QwenLspRoot'),
        \ 'language': s:filetype,
        \ 'lsp_config': function('QwenLspConfig'),
        \ })
endfor
