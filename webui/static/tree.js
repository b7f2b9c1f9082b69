// The project tree: one row is chosen at a time; the server hears its path.
element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-path]');
  if (!row) return;
  element.querySelectorAll('[aria-pressed=true]').forEach((one) => one.setAttribute('aria-pressed', 'false'));
  row.setAttribute('aria-pressed', 'true');
  trigger('click', { row: row.dataset.path });
});
