"use strict";
(() => {
  const form = document.getElementById("filter");
  const choices = [...form.querySelectorAll("select")];
  const rows = [...document.querySelectorAll("tbody tr")];
  const drawn = [...document.querySelectorAll("[data-key]")];
  const shown = form.querySelector("output");

  // What a row says of a key is a list of words; it matches if one is chosen.
  const matches = row => choices.every(c => !c.value || row.dataset[c.name].split(" ").includes(c.value));

  const apply = () => {
    const keys = new Set();
    let left = 0;
    for (const row of rows) {
      row.hidden = !matches(row);
      if (row.hidden) continue;
      left++;
      const vendor = "v" + row.dataset.vendor;
      keys.add(row.id).add(vendor);
      for (const s of row.dataset.system.split(" ")) keys.add("s" + s).add("s" + s + vendor);
    }
    const all = left === rows.length;
    for (const e of drawn) {
      const off = !all && !keys.has(e.dataset.key);
      e.classList.toggle("off", off);
      const link = e.closest("a.flow");
      if (link && e.classList.contains("row")) link.tabIndex = off ? -1 : 0;
    }
    document.getElementById("nothing").hidden = left > 0;
    shown.textContent = all ? "All " + rows.length + " links" : left + " of " + rows.length + " links";
  };

  const open = () => {
    const row = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
    const details = row && row.querySelector("details");
    if (details) details.open = true;
  };

  form.addEventListener("change", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", e => e.preventDefault());
  addEventListener("hashchange", open);
  form.hidden = false;
  apply();
  open();
})();
