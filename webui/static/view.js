// The result: appends what is new, follows the stream unless the reader scrolled away, copies and downloads.
const find = (name) => element.querySelector(name);
let run = null, epoch = -1, shown = 0, settled = 0, follow = true;
const scroller = find('.q-scroll');
scroller.addEventListener('scroll', () => {
  follow = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < 48;
}, { passive: true });
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
const paint = () => {
  const value = props.value;
  if (!value || value.html === undefined) return;
  if (value.run !== run) { run = value.run; epoch = -1; follow = true; if (innerWidth < 700) element.scrollIntoView({ block: 'nearest' }); }
  if (value.epoch !== epoch) { epoch = value.epoch; shown = settled = 0; find('.q-settled').replaceChildren(); }
  if (value.html.length > shown) { settle(value.html.slice(shown)); shown = value.html.length; }
  const tail = find('.q-tail');
  if (tail.dataset.html !== value.tail) { tail.dataset.html = value.tail; tail.innerHTML = value.tail; }
  put('.q-phase', value.phase); put('.q-stats', value.stats);
  put('.q-prose', value.prose); put('.q-foot', value.foot);
  find('.q-view').dataset.chars = settled + tail.textContent.length;
  find('.q-view').dataset.phase = value.state;
  find('.q-view').dataset.empty = String(!value.html && !value.tail);
  if (follow) scroller.scrollTop = scroller.scrollHeight;
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
watch('value', paint);
paint();
