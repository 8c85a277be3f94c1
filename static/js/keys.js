// Keyboard: / searches, g h, g o, g a and g c go to the areas, j and k walk a list (Enter opens its link), ? shows all of them.
// Who has turned keys off that act by themselves (WCAG 2.2, 2.1.4) has it in their profile; the page says so.
(() => {
  const areOff = document.documentElement.dataset.singleKeys === "off";
  const isTyping = (element) => element.closest("input, select, textarea, [contenteditable], dialog[open]");
  let waitsForArea = 0;

  const walk = (step) => {
    const links = [...document.querySelectorAll("[data-walk] [data-walk-to]")];
    if (!links.length) return false;
    const here = links.findIndex((link) => link.closest("tr, li")?.contains(document.activeElement));
    const next = links[Math.max(0, Math.min(links.length - 1, here < 0 ? (step > 0 ? 0 : links.length - 1) : here + step))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
    return true;
  };
  const go = (selector) => {
    const link = document.querySelector(selector);
    if (link) location.assign(link.href);
    return Boolean(link);
  };

  // What is listed works on this page, as it stands now.
  const showKeys = () => {
    const keys = document.getElementById("keys");
    for (const row of keys?.querySelectorAll("[data-needs]") ?? []) row.hidden = !document.querySelector(row.dataset.needs);
    if (!keys?.open) keys?.showModal();
  };
  document.addEventListener("click", (event) => {
    if (!event.target.closest('[data-opens="keys"]')) return;
    event.stopPropagation();
    showKeys();
  }, true);

  document.addEventListener("keydown", (event) => {
    if (areOff || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
    const wantsArea = Date.now() - waitsForArea < 1200;
    waitsForArea = 0;
    let done = false;
    if (wantsArea) done = go(`[data-go="${CSS.escape(event.key)}"]`);
    else if (event.key === "/") {
      const search = [...document.querySelectorAll(".search input")].find((input) => input.checkVisibility());
      search?.select();
      search?.focus();
      done = Boolean(search);
    } else if (event.key === "g") waitsForArea = Date.now();
    else if (event.key === "j") done = walk(1);
    else if (event.key === "k") done = walk(-1);
    else if (event.key === "n") done = go('[data-key="n"]');
    else if (event.key === "?") {
      showKeys();
      done = true;
    }
    if (done) event.preventDefault();
  });
})();
