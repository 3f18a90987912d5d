// What is wrong with what is seen now: targets under 48 px, text under 4.5:1 (WCAG AA) against the
// nearest ground that is painted, buttons without a name, a covered STOP, what is cut off.
// Disabled controls are exempt (WCAG 1.4.3). One expression; its value is the answer.
(() => {
  const shown = (node) => node.getClientRects().length > 0
    && getComputedStyle(node).visibility !== 'hidden' && !node.closest('[inert], [hidden]');
  const name = (node) => (node.id ? '#' + node.id : node.tagName.toLowerCase() + '.' + node.className)
    + ' "' + (node.innerText ?? '').slice(0, 40) + '"';
  const rgb = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
  const light = ([r, g, b]) => [r, g, b].map((each) => each / 255)
    .map((each) => (each <= 0.04045 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4))
    .reduce((sum, each, index) => sum + each * [0.2126, 0.7152, 0.0722][index], 0);
  const ground = (node) => {
    for (let at = node; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const contrast = (a, b) => {
    const [high, low] = [light(a), light(b)].sort((x, y) => y - x);
    return (high + 0.05) / (low + 0.05);
  };
  const found = { targets: [], contrast: [], labels: [], covered: [], outside: [], clipped: [], texts: 0 };
  for (const node of document.querySelectorAll('button, a[href], input')) {
    if (!shown(node)) continue;
    const box = node.getBoundingClientRect();
    if (box.width < 48 || box.height < 48) found.targets.push(name(node) + ` ${box.width} x ${box.height}`);
    const label = node.getAttribute('aria-label') || node.innerText;
    if (!label || !label.trim()) found.labels.push(name(node));
  }
  for (const node of document.querySelectorAll('button, .figure, .lamp, .badge, .measures > *, .huge > *')) {
    if (shown(node) && node.scrollWidth > node.clientWidth + 1 && getComputedStyle(node).display !== 'inline') {
      found.clipped.push(name(node) + ` ${node.scrollWidth} in ${node.clientWidth}`);
    }
  }
  for (const node of document.querySelectorAll('.card, .alarm-card, .check, .stack.ask')) {
    if (shown(node) && node.scrollHeight > node.clientHeight + 2) {
      found.clipped.push(name(node) + ` ${node.scrollHeight} high in ${node.clientHeight}`);
    }
  }
  const pane = document.getElementById('panel').getBoundingClientRect();
  for (const node of document.querySelectorAll('#panel .keypad')) {
    const box = node.getBoundingClientRect();
    if (shown(node) && box.bottom > pane.bottom) found.clipped.push(name(node) + ` ends at ${box.bottom}, the panel at ${pane.bottom}`);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(node) || node.closest('script, noscript, svg')) continue;
    if (node.closest('button:disabled') || node.closest('.flashing')) continue;
    found.texts += 1;
    const measured = contrast(rgb(getComputedStyle(node).color), ground(node));
    if (measured < 4.5) found.contrast.push(name(node) + ` ${measured.toFixed(2)}`);
  }
  const stop = document.getElementById('stop').getBoundingClientRect();
  const middle = [stop.x + stop.width / 2, stop.y + stop.height / 2];
  const top = document.elementFromPoint(...middle);
  if (!document.getElementById('stop').contains(top)) found.covered.push(name(top));
  if (document.documentElement.scrollWidth > innerWidth) found.outside.push('the page is wider than the screen');
  const main = document.getElementById('main');
  if (main.scrollWidth > main.clientWidth) found.outside.push('main is too wide');
  found.stop = { width: stop.width, height: stop.height, right: innerWidth - stop.right, bottom: innerHeight - stop.bottom };
  return found;
})()
