// The inbox: x selects, a approves, r rejects, c asks for changes; the bar counts what is selected. When the list is drawn
// anew the selection, the focus and the row that was reached stay.
(() => {
  const byId = (id) => document.getElementById(id);
  const inbox = () => byId("inbox");
  if (!inbox()) return;
  const isTyping = (element) => element.closest("input:not([type=checkbox]), select, textarea, [contenteditable], dialog[open]");
  const rows = () => [...inbox().querySelectorAll(".req")];
  const rowOf = (element) => element?.closest?.(".req");
  const checks = () => [...inbox().querySelectorAll(".req .check[name=item]")];

  // ── The selection ─────────────────────────────────────────────────────────────────────────────────────────────────
  const money = new Intl.NumberFormat("en-US", { style: "currency", currency: "USD" });
  const count = () => {
    const bar = byId("bulk");
    if (!bar) return;
    const chosen = checks().filter((check) => check.checked);
    for (const check of checks()) rowOf(check).classList.toggle("is-selected", check.checked);
    bar.hidden = chosen.length === 0;
    const cents = chosen.reduce((sum, check) => sum + Number(check.dataset.cents), 0);
    bar.querySelector("[data-selected]").textContent = `${chosen.length} selected`;
    bar.querySelector("[data-selected-sum]").textContent = cents ? money.format(cents / 100) : "";
    for (const button of bar.querySelectorAll("[data-bulk]")) button.textContent = `${button.dataset.bulk} ${chosen.length}…`;
  };
  document.addEventListener("change", (event) => { if (event.target.matches(".req .check")) count(); });
  document.addEventListener("reset", (event) => { if (event.target.id === "bulk") setTimeout(count); });
  window.addEventListener("pageshow", count);
  count();

  // ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  const areOff = document.documentElement.dataset.singleKeys === "off"; // see keys.js
  const reached = () => rowOf(document.activeElement) ?? inbox().querySelector(".req.is-focused");
  document.addEventListener("focusin", (event) => {
    const row = rowOf(event.target);
    if (!row) return;
    for (const one of rows()) one.classList.toggle("is-focused", one === row);
  });
  document.addEventListener("keydown", (event) => {
    if (areOff || event.ctrlKey || event.metaKey || event.altKey || event.repeat || isTyping(event.target)) return;
    const row = reached();
    if (!row) return;
    if (event.key === "x") {
      const check = row.querySelector(".check[name=item]");
      if (check) { check.checked = !check.checked; count(); event.preventDefault(); }
      return;
    }
    const button = row.querySelector(`[data-row-key="${CSS.escape(event.key)}"]`);
    if (!button) return;
    event.preventDefault();
    button.click();
  });

  // ── Drawn anew ────────────────────────────────────────────────────────────────────────────────────────────────────
  const refresh = () => {
    const news = byId("inbox-news");
    if (news && Number(news.dataset.change) > Number(inbox().dataset.change)) window.htmx.trigger(inbox(), "refresh");
  };
  document.addEventListener("htmx:wsAfterMessage", refresh);
  let kept = null;
  const keep = () => {
    const all = rows(), row = rowOf(document.activeElement);
    kept = {
      selected: checks().filter((check) => check.checked).map((check) => check.value),
      focused: document.activeElement?.id,
      row: row ? all.indexOf(row) : -1,
    };
  };
  const restore = () => {
    if (!kept) return;
    for (const check of checks()) check.checked = kept.selected.includes(check.value);
    count();
    if (document.activeElement === document.body && !document.querySelector("dialog[open]")) {
      const all = rows();
      const next = byId(kept.focused) ?? (kept.row >= 0 ? all[Math.min(kept.row, all.length - 1)]?.querySelector("[data-walk-to]") : null);
      next?.focus({ preventScroll: true });
    }
    kept = null;
  };
  // While it is drawn anew the search field is taken out and put back, and both lists stand there for a moment: the browser loses
  // what it held on to, and jumps to the end. The row with the focus stays where it is seen, or else the first that is seen.
  let stood = null;
  const noteWhere = () => {
    const own = rowOf(document.activeElement);
    const seen = rows()
      .map((row) => ({ row, id: row.id, box: row.getBoundingClientRect() }))
      .filter(({ box }) => box.bottom > 0 && box.top < window.innerHeight)
      .sort((one, other) => (other.row === own) - (one.row === own));
    // At the very top news come in sight.
    stood = { scrolled: window.scrollY, rows: window.scrollY ? seen.map(({ id, box }) => [id, box.top]) : [] };
  };
  const standThere = () => {
    if (!stood) return;
    const { scrolled, rows: seen } = stood;
    stood = null;
    count(); // the bar comes unhidden, and goes
    const [id, top] = seen.find(([one]) => byId(one)) ?? [];
    window.scrollTo({ top: id ? window.scrollY + byId(id).getBoundingClientRect().top - top : scrolled, behavior: "instant" });
  };
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target.id !== "inbox") return;
    keep();
    noteWhere();
  });
  // htmx settles the classes of what it swapped a moment later, to what the server sent.
  const paint = () => {
    count();
    const row = rowOf(document.activeElement);
    if (row) for (const one of rows()) one.classList.toggle("is-focused", one === row);
  };
  const afterSwap = () => {
    standThere();
    setTimeout(restore);
    setTimeout(paint, window.htmx.config.defaultSettleDelay + 50);
  };
  document.addEventListener("htmx:afterSwap", afterSwap);
  // A decided row has no button any more; the focus stays in its row.
  document.addEventListener("htmx:oobBeforeSwap", (event) => { if (event.detail.target.matches?.(".req")) keep(); });
  document.addEventListener("htmx:oobAfterSwap", afterSwap);
})();
