'use strict';
(() => {
  const form = document.getElementById('filters');
  const rows = [...document.querySelectorAll('[data-row]')];
  const groups = [...document.querySelectorAll('[data-group]')];
  const none = document.getElementById('none');
  const shown = form.querySelector('output');
  const texts = new Map();

  // What the text filter looks into: the line of a row, not its details.
  const textOf = (row) => {
    if (!texts.has(row)) {
      texts.set(row, (row.querySelector('summary') || row).textContent.toLowerCase());
    }
    return texts.get(row);
  };

  const filter = () => {
    const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const chosen = ['severity', 'vendor', 'category'].map((name) => [name, form.elements[name].value]);
    const state = form.elements.state.value;
    const count = new Map();
    let left = 0;
    for (const row of rows) {
      const match = chosen.every(([name, value]) => !value || row.dataset[name] === value) &&
        (!state || row.dataset.state.split(' ').includes(state)) &&
        words.every((word) => textOf(row).includes(word));
      row.hidden = !match;
      const [n, all] = count.get(row.dataset.row) || [0, 0];
      count.set(row.dataset.row, [n + match, all + 1]);
      left += match;
    }
    const active = words.length > 0 || state || chosen.some(([, value]) => value);
    for (const group of groups) {
      group.hidden = Boolean(active) && !group.querySelector('[data-row]:not([hidden])');
    }
    none.hidden = !active || left > 0;
    const names = { failed: 'failed', accepted: 'accepted', undecided: 'not decided' };
    shown.textContent = [...count].map(([kind, [n, all]]) => `${n} of ${all} ${names[kind]}`).join(', ');
  };

  form.addEventListener('input', filter);
  form.addEventListener('reset', () => requestAnimationFrame(filter));
  form.addEventListener('submit', (event) => event.preventDefault());
  for (const button of form.querySelectorAll('[data-all]')) {
    button.addEventListener('click', () => {
      for (const row of rows) {
        if (row.localName === 'details' && !row.hidden) {
          row.open = button.dataset.all === 'open';
        }
      }
    });
  }

  // A link to a closed row opens it, and whatever it stands in.
  const reveal = () => {
    const row = document.getElementById(location.hash.slice(1));
    for (let e = row; e; e = e.parentElement) {
      if (e.localName === 'details') {
        e.open = true;
      }
      e.hidden = false;
    }
    if (row) {
      row.scrollIntoView();
    }
  };
  addEventListener('hashchange', reveal);

  // Older browsers print a closed row closed, whatever the style sheet says.
  if (!CSS.supports('selector(::details-content)')) {
    let opened = [];
    addEventListener('beforeprint', () => {
      opened = [...document.querySelectorAll('details.print:not([open])')];
      opened.forEach((row) => { row.open = true; });
    });
    addEventListener('afterprint', () => opened.forEach((row) => { row.open = false; }));
  }

  if (rows.length > 0) {
    form.hidden = false;
    filter();
  }
  if (location.hash) {
    reveal();
  }
})();
