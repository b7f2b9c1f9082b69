// The routing map: counts per layer and expert drawn on a canvas; every token kept, so that one can be looked at.
const find = (name) => element.querySelector(name);
const node = (tag, className, text) => Object.assign(document.createElement(tag), { className, textContent: text ?? '' });
const chinese = () => document.documentElement.lang.startsWith('zh');
const word = (key, values = {}) => {
  const text = props.words[key][chinese() ? 1 : 0];
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
};
let run = null, over = true, tokens = [], counts = null, layers = 0, experts = 0, kept = null, chosen = -1;
const canvas = find('canvas');
const reset = (value) => {
  run = value.run; tokens = []; chosen = -1;
  layers = value.layers; experts = value.experts;
  counts = new Float64Array(layers * experts);
  canvas.style.height = `${Math.min(260, Math.max(56, 6 * layers))}px`;
  canvas.width = Math.max(1, experts); canvas.height = Math.max(1, layers);
  find('.q-tokens').replaceChildren();
  find('.q-detail').replaceChildren();
  find('.q-map').hidden = !experts;
  find('.q-noexperts').hidden = Boolean(experts);
};
const unpack = (packed) => Uint8Array.from(atob(packed), (c) => c.charCodeAt(0));
const take = (token, index) => {
  token.experts = unpack(token.e);
  tokens.push(token);
  const perLayer = layers ? token.experts.length / layers : 0;
  if (experts) token.experts.forEach((expert, i) => { counts[Math.floor(i / perLayer) * experts + expert] += 1; });
  const lines = token.t.split('\n'), label = lines[0] + (lines.length > 1 ? '↵'.repeat(lines.length - 1) : '');
  const span = node('button', 'q-token', label);
  span.type = 'button';
  span.style.setProperty('--p', Math.exp(token.p).toFixed(3));
  span.dataset.index = index;
  find('.q-tokens').append(span, ...lines.slice(1).flatMap((rest) => [node('br'), document.createTextNode(rest)]));
};
const draw = () => {
  if (!experts) return;
  const context = canvas.getContext('2d'), image = context.createImageData(experts, layers);
  const dark = document.body.classList.contains('dark');
  const one = chosen >= 0 ? tokens[chosen].experts : null;
  const top = Math.max(1, ...counts);
  for (let i = 0; i < counts.length; i++) {
    const share = Math.sqrt(counts[i] / top), from = dark ? [27, 27, 33] : [250, 249, 246], to = dark ? [176, 158, 255] : [90, 58, 206];
    const fade = one ? share * 0.35 : share;
    image.data.set([0, 1, 2].map((c) => from[c] + (to[c] - from[c]) * fade).concat(255), 4 * i);
  }
  if (one) one.forEach((expert, i) => {
    const layer = Math.floor(i / (one.length / layers));
    image.data.set([222, 122, 38, 255], 4 * (layer * experts + expert));
  });
  context.putImageData(image, 0, 0);
};
const balances = () => Array.from({ length: layers }, (_, layer) => {
  const row = counts.slice(layer * experts, (layer + 1) * experts), sum = row.reduce((a, b) => a + b, 0);
  if (!sum || experts < 2) return 0;
  return -row.reduce((h, c) => (c ? h + (c / sum) * Math.log(c / sum) : h), 0) / Math.log(experts);
});
const balance = () => {
  const bars = balances().map((share, layer) => {
    const bar = node('i', ''); bar.style.width = `${100 * share}%`; bar.title = `${layer + 1}: ${share.toFixed(2)}`; return bar;
  });
  find('.q-balance').replaceChildren(...bars);
};
const alike = () => {
  const told = find('.q-alike');
  if (!kept) { told.textContent = ''; return; }
  if (kept.run === run || kept.counts.length !== counts.length) { told.textContent = word('inside_kept', { count: kept.count }); return; }
  let common = 0;
  const sum = (list) => list.reduce((a, b) => a + b, 0) || 1, a = sum(kept.counts), b = sum(counts);
  counts.forEach((count, i) => { common += Math.min(count / b, kept.counts[i] / a); });
  told.textContent = word('inside_alike', { share: `${(100 * common).toFixed(0)} %` });
};
const detail = (index) => {
  chosen = index;
  element.querySelectorAll('.q-token[aria-pressed=true]').forEach((other) => other.removeAttribute('aria-pressed'));
  const token = tokens[index], box = find('.q-detail'), others = node('ul', 'q-others'), rows = node('div', 'q-layers');
  element.querySelector(`.q-token[data-index="${index}"]`).setAttribute('aria-pressed', 'true');
  const percent = (logprob) => `${(100 * Math.exp(logprob)).toFixed(1)} %`;
  token.a.forEach(([text, logprob]) => others.append(node('li', '', `${JSON.stringify(text)} ${percent(logprob)}`)));
  const perLayer = layers ? token.experts.length / layers : 0;
  for (let layer = 0; layer < layers && perLayer; layer++) {
    rows.append(node('span', '', `${layer + 1}: ${[...token.experts.slice(layer * perLayer, (layer + 1) * perLayer)].join(' ')}`));
  }
  box.replaceChildren(node('h3', '', `${word('inside_token')} ${JSON.stringify(token.t)} · ${word('inside_probability', { share: percent(token.p) })}`));
  if (token.a.length) box.append(node('h4', '', word('inside_others')), others);
  if (rows.children.length) box.append(node('h4', '', word('inside_by_layer')), rows);
  draw();
};
const paint = (value) => {
  if (value.experts === 0 && experts) { experts = 0; counts = new Float64Array(0); find('.q-map').hidden = true; find('.q-noexperts').hidden = false; }
  if (value.rows) value.rows.slice(tokens.length - value.from).forEach((row) => take(row, tokens.length));
  find('.q-phase').innerHTML = value.phase; find('.q-stats').innerHTML = value.stats;
  find('.q-inside').dataset.phase = value.state;
  draw(); balance(); alike();
};
// Asks for news and draws it, then asks again: a slow browser asks seldom, and nothing waits in a line.
const listen = async (mine) => {
  while (mine === run && !over) {
    const answer = await fetch(`/live/${mine}?shown=${tokens.length}`).catch(() => ({ ok: false }));
    if (!answer.ok) return;
    const news = await answer.json(), began = performance.now();
    if (!news || mine !== run || over) return;
    paint(news);
    await new Promise((next) => setTimeout(next, Math.max(80, 3 * (performance.now() - began))));
  }
};
const update = () => {
  const value = props.value;
  if (!value || !value.run) return;
  const fresh = value.run !== run;
  if (fresh) reset(value);
  over = !['queued', 'reading', 'writing'].includes(value.state);
  paint(value);
  if (fresh && !over) listen(run);
};
find('.q-tokens').addEventListener('click', (event) => {
  const token = event.target.closest('.q-token');
  if (token) detail(Number(token.dataset.index));
});
find('.q-keep').addEventListener('click', () => { if (counts) { kept = { run, counts: counts.slice(), count: tokens.length }; alike(); } });
find('.q-export').addEventListener('click', () => {
  const rows = tokens.map((t) => ({ text: t.t, logprob: t.p, alternatives: t.a, experts: [...t.experts] }));
  const url = URL.createObjectURL(new Blob([JSON.stringify({ layers, experts, balance: balances(), tokens: rows })], { type: 'application/json' }));
  Object.assign(document.createElement('a'), { href: url, download: 'routing.json' }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
new MutationObserver(draw).observe(document.body, { attributeFilter: ['class'] });  // light or dark
watch('value', update);
update();
