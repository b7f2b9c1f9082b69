() => {
  // The shell: places with addresses, keys, the palette, colours and language.
  const root = document.documentElement, all = (name, from = document) => [...from.querySelectorAll(name)];
  const chinese = () => root.lang.startsWith('zh');
  const visible = (e) => e.checkVisibility({ visibilityProperty: true });
  const keep = (name, value) => { try { localStorage.setItem(name, value); } catch { /* a private window keeps nothing */ } };
  const links = all('.q-rail a[data-place]');
  const tell = () => all('#shell [data-en]').forEach((e) => {
    const words = chinese() ? e.dataset.zh : e.dataset.en;
    e.setAttribute('aria-label', words);
    if (e.matches('button')) e.title = words;
    if (e.matches('input')) e.placeholder = words;
  });
  const name = (e) => all('.w-zh', e).length ? e.querySelector(chinese() ? '.w-zh' : '.w-en').textContent : e.textContent;

  // Places. Each keeps its own query: Generate's settings do not follow into Chat.
  let here = null;
  const queries = {};
  const show = (place) => {
    here = place;
    const tab = document.querySelector(`#tabs [role=tab][data-tab-id="${place}"]`);
    if (tab && tab.getAttribute('aria-selected') !== 'true') tab.click();
    links.forEach((a) => (a.dataset.place === place ? a.setAttribute('aria-current', 'page') : a.removeAttribute('aria-current')));
    root.dataset.place = place;
    document.title = `${name(links.find((a) => a.dataset.place === place))} · qwen-lsp`;
  };
  const named = () => (links.find((a) => a.pathname === location.pathname) || links[0]).dataset.place;
  const go = (place) => {
    if (place === here) return;
    queries[here] = location.search;
    history.pushState(null, '', links.find((a) => a.dataset.place === place).pathname + (queries[place] || ''));
    show(place);
    scrollTo(0, 0);
  };
  window.addEventListener('popstate', () => show(named()));
  document.addEventListener('click', (event) => {
    const link = event.target.closest('a[data-place]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    go(link.dataset.place);
  });
  if (new URLSearchParams(location.search).has('conversation') && named() !== 'chat') history.replaceState(null, '', `/chat${location.search}`);

  // Colours and language.
  const dress = () => {
    const dark = !document.body.classList.contains('dark');
    document.body.classList.toggle('dark', dark);
    keep('q-theme', dark ? 'dark' : 'light');
  };
  const translate = () => { keep('q-language', chinese() ? 'en' : 'zh-CN'); location.reload(); };

  // The palette offers every place, every tool, and every button that could be pressed now.
  const palette = document.querySelector('#palette'), field = palette.querySelector('input'), list = palette.querySelector('ul');
  let offers = [], at = 0;
  const label = (e) => (e.getAttribute('aria-label') || name(e) || e.title).trim().replace(/\s+/g, ' ');
  const gather = () => [
    ...links.map((a) => ({ words: name(a), act: () => go(a.dataset.place) })),
    ...all('#tabs .tabitem button:not([disabled])').filter((b) => visible(b) && label(b)).map((b) => ({ words: label(b), act: () => { b.focus(); b.click(); } })),
    ...all('.q-toolbar button:not([data-tool=palette])').map((b) => ({ words: label(b), act: () => b.click() })),
  ];
  const draw = () => {
    const wanted = field.value.trim().toLowerCase();
    const found = offers.filter((o) => o.words.toLowerCase().includes(wanted));
    at = Math.max(0, Math.min(at, found.length - 1));
    list.replaceChildren(...found.map((offer, i) => {
      const row = Object.assign(document.createElement('li'), { textContent: offer.words, id: `palette-${i}` });
      row.setAttribute('role', 'option');
      row.setAttribute('aria-selected', String(i === at));
      row.addEventListener('click', () => take(offer));
      return row;
    }));
    field.setAttribute('aria-activedescendant', found.length ? `palette-${at}` : '');
    list.querySelector('[aria-selected=true]')?.scrollIntoView({ block: 'nearest' });
    return found;
  };
  const take = (offer) => { palette.close(); if (offer) offer.act(); };
  const open = () => { offers = gather(); at = 0; field.value = ''; palette.showModal(); draw(); };
  field.addEventListener('input', () => { at = 0; draw(); });
  field.addEventListener('keydown', (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) { at += step; draw(); event.preventDefault(); }
    if (event.key === 'Enter' && !event.isComposing) { take(draw()[at]); event.preventDefault(); event.stopPropagation(); }
  });
  all('.q-dialog').forEach((dialog) => dialog.addEventListener('click', (event) => { if (event.target === dialog) dialog.close(); }));
  const tools = { palette: open, theme: dress, language: translate, keys: () => document.querySelector('#keys').showModal() };
  all('.q-toolbar [data-tool]').forEach((b) => b.addEventListener('click', () => tools[b.dataset.tool]()));

  // Keys: Ctrl+Enter starts what the open place does, Escape stops it, Enter sends a message.
  const press = (button) => {
    const found = all(button).find((b) => visible(b) && !b.disabled);
    if (found) found.click();
    return Boolean(found);
  };
  const typing = (e) => e.matches('input, textarea, select, [contenteditable=true]');
  let led = false;
  document.addEventListener('keydown', (event) => {
    if (event.isComposing || (document.querySelector('dialog[open]') && event.key !== 'k')) return;
    const command = event.ctrlKey || event.metaKey, at = event.target;
    const sends = event.key === 'Enter' && !event.shiftKey && !command && at.matches('#chat-words textarea');
    if (at.matches('#chat-words textarea') && event.key === 'Enter' && event.shiftKey) { event.stopImmediatePropagation(); return; }
    if (command && event.key.toLowerCase() === 'k') { event.preventDefault(); if (!palette.open) open(); return; }
    if ((sends || (command && event.key === 'Enter')) && (press('button.q-go') || sends)) { event.preventDefault(); event.stopImmediatePropagation(); return; }
    if (event.key === 'Escape' && press('button.q-stop')) { event.preventDefault(); return; }
    if (typing(at) || command || event.altKey) return;
    if (event.key === '?') { event.preventDefault(); tools.keys(); }
    if (led && links[Number(event.key) - 1]) go(links[Number(event.key) - 1].dataset.place);
    led = event.key === 'g';
  }, true);
  document.addEventListener('keypress', (event) => {
    if (event.key === 'Enter' && event.target.matches('#chat-words textarea')) event.stopImmediatePropagation();
  }, true);

  tell();
  new MutationObserver(() => { tell(); if (here) show(here); }).observe(root, { attributeFilter: ['lang'] });
  show(named());
}
