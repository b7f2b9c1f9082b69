// The result: appends what is new, follows the stream unless the reader scrolled away, copies and downloads.
const find = (name) => element.querySelector(name);
let run = null, epoch = -1, shown = 0, settled = 0, follow = true, placed = 0, over = true;
const scroller = find('.q-scroll');
const look = () => { follow = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48; };
scroller.addEventListener('scroll', look, { passive: true });
const put = (name, html) => {
  const target = find(name);
  if (target.dataset.html !== html) { target.dataset.html = html; target.innerHTML = html; }
};
const settle = (html) => {
  if (!html) return;
  const chunk = document.createElement('span');
  chunk.className = 'q-chunk';
  chunk.innerHTML = html;
  settled += chunk.textContent.length;
  find('.q-settled').append(chunk);
};
const paint = (value) => {
  if (scroller.scrollTop < placed) look();  // scrolled away just now: the event of that is still to come
  if (value.html !== undefined) {
    if (value.epoch !== epoch) { epoch = value.epoch; shown = settled = 0; find('.q-settled').replaceChildren(); }
    const end = value.from + value.html.length;
    if (end > shown) { settle(value.html.slice(shown - value.from)); shown = end; }
    put('.q-tail', value.tail); put('.q-prose', value.prose);
  }
  put('.q-phase', value.phase); put('.q-stats', value.stats);
  const view = find('.q-view');
  view.dataset.chars = settled + find('.q-tail').textContent.length;
  view.dataset.empty = String(!Number(view.dataset.chars));
  view.dataset.phase = value.state;
  if (follow) { scroller.scrollTop = scroller.scrollHeight; placed = scroller.scrollTop; }
};
// Asks for news and draws it, then asks again: a slow browser asks seldom, and nothing waits in a line.
const listen = async (mine) => {
  while (mine === run && !over) {
    const answer = await fetch(`/live/${mine}?epoch=${epoch}&shown=${shown}`).catch(() => ({ ok: false }));
    if (!answer.ok) return;
    const news = await answer.json(), began = performance.now();
    if (!news || mine !== run || over) return;
    paint(news);
    await new Promise((next) => setTimeout(next, Math.max(50, 3 * (performance.now() - began))));
  }
};
const update = () => {
  const value = props.value;
  if (!value || !value.run) return;
  const fresh = value.run !== run;
  if (fresh) {
    run = value.run; epoch = -1; shown = settled = placed = 0; follow = true;
    find('.q-settled').replaceChildren(); put('.q-tail', ''); put('.q-prose', '');
    if (innerWidth < 700) element.scrollIntoView({ block: 'nearest' });
  }
  over = !['queued', 'reading', 'writing'].includes(value.state);
  put('.q-foot', value.foot);
  paint(value);
  if (fresh && !over) listen(run);
};
const code = () => find('.q-settled').textContent + find('.q-tail').textContent;
find('.q-copy').addEventListener('click', async (event) => {
  const button = event.currentTarget;
  try { await navigator.clipboard.writeText(code()); } catch {
    const area = Object.assign(document.createElement('textarea'), { value: code() });
    document.body.append(area); area.select(); document.execCommand('copy'); area.remove(); button.focus();
  }
  button.classList.add('q-did');
  setTimeout(() => button.classList.remove('q-did'), 1600);
});
find('.q-download').addEventListener('click', () => {
  const url = URL.createObjectURL(new Blob([code()], { type: 'text/plain' }));
  const link = Object.assign(document.createElement('a'), { href: url, download: (props.value || {}).file || 'result.txt' });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
});
watch('value', update);
update();
