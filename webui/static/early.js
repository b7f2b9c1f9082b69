// Before Gradio starts: the reader's language and colours, and the place the address names.
(() => {
  const kept = (name) => { try { return localStorage.getItem(name); } catch { return null; } };
  const chinese = /^zh(-hans.*|-sg|-my)?$/i.test(navigator.language);
  const language = kept('q-language') || (chinese ? 'zh-CN' : '');
  if (language) {
    Object.defineProperty(navigator, 'language', { get: () => language });
    Object.defineProperty(navigator, 'languages', { get: () => [language, language.split('-')[0]] });
  }
  const theme = kept('q-theme'), real = window.matchMedia.bind(window), none = () => {};
  const chosen = (query) => ({ matches: query.includes('dark') === (theme === 'dark'), media: query, onchange: null,
    addEventListener: none, removeEventListener: none, addListener: none, removeListener: none });
  if (theme) window.matchMedia = (query) => (query.includes('prefers-color-scheme') ? chosen(query) : real(query));
})();
