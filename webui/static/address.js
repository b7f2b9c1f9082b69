(...values) => {
  // Only what differs from the start goes into the address, and is said under the buttons.
  const names = %s, starts = %s, spoken = %s;
  const start = starts[document.querySelector('#header [data-starter]') ? 1 : 0];
  const query = new URLSearchParams(location.search), told = [], tongue = ['en', 'zh'];
  const plain = (text) => Object.assign(document.createElement('b'), { textContent: text }).outerHTML;
  names.forEach((name, i) => {
    const value = values[i] ?? '', usual = start[i] ?? '';
    if (String(value) === String(usual)) { query.delete(name); return; }
    query.set(name, value);
    if (name === 'language' || name === 'mode') return;
    const shown = String(value).length > 24 ? `${String(value).slice(0, 24)}…` : String(value);
    told.push(`<span>${tongue.map((tag, at) => `<span lang="${tag}" class="w-${tag}">${spoken[name][at]}</span>`).join('')} ${plain(shown)}</span>`);
  });
  if (location.pathname === '/') history.replaceState(null, '', query.size ? `?${query}` : location.pathname);
  return told.length ? `<div class="q-line">${told.join('')}</div>` : '';
}
