// Live pages: what comes in is marked, never older than what stands there, and takes nobody's focus. When the socket is
// lost the page says so, falls back to the long poll, and goes back to the socket as soon as it opens again.
(() => {
  const MARKED_FOR = 5000;
  const root = document.getElementById("live");
  const byId = (id) => document.getElementById(id);
  const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  // ── What has just changed ─────────────────────────────────────────────────────────────────────────────────────────
  const known = new Map();
  const marked = (scope) => [...(scope.matches?.("[data-mark]") ? [scope] : []), ...scope.querySelectorAll("[data-mark]")];
  for (const element of marked(document)) known.set(element.id, element.dataset.mark);
  const mark = (element) => {
    if (known.get(element.id) === element.dataset.mark) return;
    known.set(element.id, element.dataset.mark);
    element.classList.add("is-changed");
    setTimeout(() => element.classList.remove("is-changed"), MARKED_FOR);
  };
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) marked(node).forEach(mark);
    }
  }).observe(document.body, { childList: true, subtree: true });

  // ── Never an older version over a newer one ───────────────────────────────────────────────────────────────────────
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    const { target, fragment } = event.detail;
    const incoming = fragment.firstElementChild ?? fragment;
    const has = Number(target.dataset.version), comes = Number(incoming.dataset?.version);
    if (comes < has) event.detail.shouldSwap = false;
  });

  // ── Focus, half-typed input, and the personal fragment ──────────────────────────────────────────────────────────────────────────────
  const head = () => document.querySelector("[data-live-head]");
  let focused = null;
  const keepFocus = () => { focused = document.activeElement?.id || null; };
  const giveFocusBack = () => {
    if (focused && document.activeElement === document.body) byId(focused)?.focus({ preventScroll: true });
  };
  // Asked once for each version, and again after a while should the answer have come from the database.
  let asked = { version: "", at: 0 };
  const refreshActions = () => {
    const actions = document.querySelector("[data-personal]");
    const version = head()?.dataset.actionsVersion;
    if (!actions || version === actions.dataset.actionsVersion) return;
    // The answer to a form that is taken away meanwhile has nowhere to go: it comes first, and mostly draws them anew.
    if (actions.querySelector(".htmx-request")) return;
    if (asked.version === version && Date.now() - asked.at < 3000) return;
    asked = { version, at: Date.now() };
    window.htmx.trigger(actions, "refresh");
  };
  // An answer on its way to a fragment that an action has just drawn anew has nowhere to go.
  document.addEventListener("htmx:oobBeforeSwap", (event) => {
    if (event.detail.target.matches?.("[data-personal]")) window.htmx.trigger(event.detail.target, "htmx:abort");
  });
  // What was typed into the personal fragment goes on in the one that takes its place, at the same place in the text; also
  // when one without the field comes between, as while a request waits to be asked again.
  const typed = new Map();
  document.addEventListener("htmx:beforeSwap", (event) => {
    if (!event.target.matches?.("[data-personal]")) return;
    for (const field of event.target.querySelectorAll("[data-keeps]")) {
      const active = field === document.activeElement;
      typed.set(field.id, { value: field.value, active, from: field.selectionStart, to: field.selectionEnd });
    }
    keepFocus();
    setTimeout(() => {
      for (const [id, { value, active, from, to }] of typed) {
        const field = byId(id);
        if (!field) continue;
        typed.delete(id);
        field.value = value;
        if (!active || document.activeElement !== document.body) continue;
        field.focus({ preventScroll: true });
        field.setSelectionRange(from, to);
      }
      giveFocusBack();
    });
  });
  document.addEventListener("htmx:wsBeforeMessage", keepFocus);
  // The tab says how it stands, also to who looks at another one.
  const tellTab = () => { const words = document.querySelector("[data-title]")?.dataset.title; if (words) document.title = words; };
  document.addEventListener("htmx:wsAfterMessage", () => { giveFocusBack(); refreshActions(); tellTab(); });
  document.addEventListener("htmx:afterSettle", () => { refreshActions(); tellTab(); });
  document.addEventListener("htmx:afterRequest", refreshActions);

  if (!root) return;

  // ── The connection ────────────────────────────────────────────────────────────────────────────────────────────────
  window.htmx.config.wsReconnectDelay = (tries) => Math.min(1000 * 2 ** tries, 15000) * (0.5 + Math.random() / 2);
  let open = false, ended = false, polling = null;

  const say = (kind) => {
    const banner = byId("connection");
    if (!banner) return;
    banner.hidden = !kind;
    for (const words of banner.querySelectorAll("[data-when]")) words.hidden = words.dataset.when !== kind;
  };
  const version = () => head()?.dataset.version ?? 0;
  const take = async (response) => {
    const html = await response.text();
    keepFocus();
    window.htmx.swap("#live-sink", html, { swapStyle: "innerHTML" });
    giveFocusBack();
    refreshActions();
    tellTab();
  };
  const poll = async () => {
    const stop = (polling = new AbortController());
    while (!open && !ended && polling === stop) {
      let held = 0;
      try {
        const url = `${root.dataset.fallback}?after=${version()}`;
        held = setTimeout(() => say("polling"), 1500); // no error by now: it is being held, as it should be
        const response = await fetch(url, { signal: stop.signal, headers: { "HX-Request": "true" } });
        if (response.redirected || [401, 403, 404].includes(response.status)) { say("denied"); return; }
        if (response.status === 200 || response.status === 286) await take(response);
        if (response.status === 286) { ended = true; say(""); return; }
        if (response.status === 200 || response.status === 204) say("polling");
        else await sleep(3000);
      } catch {
        if (stop.signal.aborted) return;
        clearTimeout(held);
        say("lost");
        await sleep(3000);
      } finally {
        clearTimeout(held);
      }
    }
  };
  document.addEventListener("htmx:wsOpen", () => {
    open = true;
    polling?.abort();
    polling = null;
    say("");
  });
  document.addEventListener("htmx:wsClose", (event) => {
    open = false;
    const code = event.detail.event.code;
    if (code === 1000) { ended = true; return; }
    if (code === 4403 || code === 4404) { ended = true; say("denied"); return; }
    setTimeout(() => {
      if (open || ended) return;
      say("lost");
      if (root.dataset.fallback && !polling) poll();
    }, 1500);
  });
  // The browser knows of a pulled plug long before the socket does.
  window.addEventListener("offline", () => { if (!ended) say("lost"); });
  window.addEventListener("online", () => { if (open && !ended) say(""); });
  window.addEventListener("pagehide", () => { ended = true; });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
