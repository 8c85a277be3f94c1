// Runs in the head, before the first paint: the chosen theme must not flash. Three states: as the system, light, dark.
// Who is logged in has it in their profile, which goes with them from browser to browser.
(() => {
  const ORDER = ["system", "light", "dark"];
  const WORDS = { system: "as the system", light: "light", dark: "dark" };
  const page = document.documentElement;
  const keep = (theme) => { try { localStorage.setItem("theme", theme); } catch { /* private window: it holds for this page */ } };
  if (page.dataset.ownTheme) keep(page.dataset.ownTheme);
  const read = () => {
    if (page.dataset.ownTheme) return page.dataset.ownTheme;
    try { return ORDER.includes(localStorage.getItem("theme")) ? localStorage.getItem("theme") : "system"; } catch { return "system"; }
  };
  const apply = (theme) => {
    if (theme === "system") page.removeAttribute("data-theme");
    else page.dataset.theme = theme;
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
    keep(next);
    if (page.dataset.ownTheme || document.body.dataset.me) page.dataset.ownTheme = next;
    apply(next);
    const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value;
    if (document.body.dataset.me && token) {
      fetch("/accounts/profile/theme/", { method: "POST", body: new URLSearchParams({ theme: next }), headers: { "X-CSRFToken": token } })
        .catch(() => { /* it holds in this browser, as before there were profiles */ });
    }
  });
  window.addEventListener("storage", (event) => {
    if (event.key !== "theme") return;
    if (page.dataset.ownTheme && ORDER.includes(event.newValue)) page.dataset.ownTheme = event.newValue;
    apply(read());
  });
})();
