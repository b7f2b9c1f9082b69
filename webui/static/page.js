() => {
  // Ctrl+Enter (or Cmd+Enter) starts what the open tab does, Escape stops it.
  const press = (name) => {
    const button = [...document.querySelectorAll(name)].find((b) => b.offsetParent && !b.disabled);
    if (button) button.click();
    return Boolean(button);
  };
  document.addEventListener('keydown', (event) => {
    if (event.isComposing) return;
    const go = event.key === 'Enter' && (event.ctrlKey || event.metaKey);
    if ((go && press('button.q-go')) || (event.key === 'Escape' && press('button.q-stop'))) event.preventDefault();
  });
}
