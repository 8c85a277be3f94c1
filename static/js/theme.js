// Runs in the head, before the first paint: the chosen theme must not flash. Three states: as the system, light, dark.
(() => {
  const ORDER = ["system", "light", "dark"];
  const WORDS = { system: "as the system", light: "light", dark: "dark" };
  const read = () => {
    try { return ORDER.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system"; } catch { return "system"; }
  };
  const apply = (theme) => {
    if (theme === "system") document.documentElement.removeAttribute("data-theme");
    else document.documentElement.dataset.theme = theme;
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.setAttribute("aria-label", `Theme: ${WORDS[theme]}`);
      button.title = `Theme: ${WORDS[theme]}`;
    }
  };
  apply(read());
  document.addEventListener("DOMContentLoaded", () => apply(read()));
  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-switch]")) return;
    const next = ORDER[(ORDER.indexOf(read()) + 1) % ORDER.length];
    try { localStorage.setItem("theme", next); } catch { /* private window: it holds for this page */ }
    apply(next);
  });
  window.addEventListener("storage", () => apply(read()));
})();
