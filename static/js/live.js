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
  // What has no id is found by its place in the nearest part that has one: the same as it was, else the one that stands there.
  const CAN_HAVE_IT = "a[href], button, input, select, textarea, summary, [tabindex]";
  let focused = null;
  const keepFocus = () => {
    const active = document.activeElement, part = active?.closest("[id]");
    const at = active && part && active !== part ? [...part.querySelectorAll(CAN_HAVE_IT)].indexOf(active) : -1;
    focused = part ? { id: part.id, at, html: active.outerHTML } : null;
  };
  const giveFocusBack = () => {
    if (!focused || document.activeElement !== document.body) return;
    const part = byId(focused.id);
    if (focused.at < 0) { part?.focus({ preventScroll: true }); return; }
    const all = [...(part?.querySelectorAll(CAN_HAVE_IT) ?? [])];
    (all.find((one) => one.outerHTML === focused.html) ?? all[focused.at])?.focus({ preventScroll: true });
  };
  // What somebody has opened stays open, without a moment in which it is not.
  document.addEventListener("htmx:oobBeforeSwap", ({ detail: { target, fragment } }) => {
    const coming = fragment.querySelectorAll("details");
    target.querySelectorAll("details").forEach((one, number) => { if (coming[number]) coming[number].open = one.open; });
  });
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
  // A part that asks for itself again and again, as behind the curtain.
  document.addEventListener("htmx:beforeSwap", ({ target }) => {
    if (target.closest("dialog") || !target.contains(document.activeElement)) return;
    keepFocus();
    setTimeout(giveFocusBack);
  });

  // ── What one reads stays where it is seen ─────────────────────────────────────────────────────────────────────────
  // The browser holds on to nothing that is drawn anew. Lines that come above what somebody reads, and get out of sight by
  // it, do not push it away: what begins highest in the window stays there – not a line of a log that rolls, if something
  // stands below it, and nothing in the column beside, unless that is all that one sees.
  let stood = [];
  const noteWhere = () => {
    // At the very top news come in sight.
    const all = window.scrollY ? [...document.querySelectorAll("main [id]")] : [];
    stood = all
      .map((one) => ({ one, id: one.id, box: one.getBoundingClientRect() }))
      .filter(({ box }) => box.height && box.top >= 0 && box.top < window.innerHeight)
      .map(({ one, id, box }) => ({ id, top: box.top, rank: (isBeside(one) ? 2 : 0) + (one.closest("[data-rolls]") ? 1 : 0) }))
      .sort((one, other) => one.rank - other.rank || one.top - other.top);
  };
  const isBeside = (one) => one.closest(".split__aside")?.getBoundingClientRect().left > window.innerWidth / 2;
  // Times and names get their words, which are shorter, as soon as what is going on now is over.
  const standThere = () => queueMicrotask(() => {
    const found = stood.find(({ id }) => byId(id)?.getClientRects().length);
    stood = [];
    const moved = found ? byId(found.id).getBoundingClientRect().top - found.top : 0;
    if (moved) window.scrollBy({ top: moved, behavior: "instant" });
  });
  document.addEventListener("htmx:wsBeforeMessage", noteWhere);
  document.addEventListener("htmx:wsAfterMessage", standThere);
  // What is fetched because a message said so comes like one. (The inbox holds on to its own rows.)
  const comesByItself = ({ target }) => target.id !== "inbox" && /^(refresh|turn|every)\b/.test(target.getAttribute?.("hx-trigger") ?? "");
  document.addEventListener("htmx:beforeSwap", (event) => { if (comesByItself(event)) noteWhere(); });
  document.addEventListener("htmx:afterSwap", standThere);

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
  // Where the page has no long poll of its own, the messages of its socket are fetched. Who did not get an answer begins anew.
  const newTab = () => Array.from(window.crypto.getRandomValues(new Uint8Array(12)), (byte) => byte.toString(16).padStart(2, "0")).join("");
  let tab = newTab();
  const lookedAt = () => new Promise((resolve) => document.addEventListener("visibilitychange", resolve, { once: true }));
  const ofSocket = () => {
    const url = new URL(root.getAttribute("ws-connect").replace(/^\/ws\//, "/polls/"), location.href);
    url.searchParams.set("tab", tab);
    url.searchParams.set("again", "1");
    // A browser has few connections: a tab that nobody looks at holds none.
    if (document.hidden) url.searchParams.set("brief", "1");
    return url.href;
  };
  const seen = () => document.querySelector("[data-after]")?.dataset.after ?? head()?.dataset.version ?? 0;
  // What else the page follows, beside its process.
  const alsoSeen = () => [...document.querySelectorAll("[data-also]")].map((one) => `&${one.dataset.also}=${one.dataset.number}`).join("");
  // As by the socket: each part takes the place of the one that has its id, whether it says so or not – a row of a list does not.
  let htmx = null;
  window.htmx.defineExtension("live", { init: (api) => { htmx = api; } });
  const draw = (message) => {
    htmx.triggerEvent(root, "htmx:wsBeforeMessage", { message });
    const settling = htmx.makeSettleInfo(root);
    for (const part of [...htmx.makeFragment(message).children]) htmx.oobSwap(part.getAttribute("hx-swap-oob") ?? "true", part, settling);
    htmx.settleImmediately(settling.tasks);
    htmx.triggerEvent(root, "htmx:wsAfterMessage", { message });
  };
  const take = async (response) => (root.dataset.fallback ? [await response.text()] : await response.json()).forEach(draw);
  const poll = async () => {
    const stop = (polling = new AbortController());
    while (!open && !ended && polling === stop) {
      let held = 0;
      try {
        const url = root.dataset.fallback ? `${root.dataset.fallback}?after=${seen()}${alsoSeen()}` : ofSocket();
        held = setTimeout(() => say("polling"), 1500); // no error by now: it is being held, as it should be
        const response = await fetch(url, { signal: stop.signal, headers: { "HX-Request": "true" } });
        const isSentAway = response.redirected || response.headers.has("HX-Redirect");
        if (isSentAway || [401, 403, 404].includes(response.status)) { ended = true; say("denied"); return; }
        if (response.status === 200 || response.status === 286) await take(response);
        if (response.status === 286) { ended = true; say(""); return; }
        if (response.status === 200 || response.status === 204) {
          say("polling");
          if (!root.dataset.fallback) await (document.hidden ? Promise.race([sleep(15000), lookedAt()]) : sleep(500));
        }
        else await sleep(3000);
      } catch {
        if (stop.signal.aborted) return;
        tab = newTab();
        clearTimeout(held);
        say("lost");
        await sleep(3000);
      } finally {
        clearTimeout(held);
      }
    }
  };
  // A socket that opens again says so: the badges, which carry no number of their own, may have changed meanwhile.
  let hasBeenOpen = false;
  const connect = window.htmx.createWebSocket;
  window.htmx.createWebSocket = (address) => {
    const url = new URL(address);
    if (hasBeenOpen) url.searchParams.set("again", "1");
    return connect(url.href);
  };
  document.addEventListener("htmx:wsOpen", () => {
    open = true;
    hasBeenOpen = true;
    ended = false;
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
      // While it polls, that one knows whether the connection is there: the socket is only tried again.
      if (open || ended || polling) return;
      say("lost");
      poll();
    }, 1500);
  });
  // The browser knows of a pulled plug long before the socket does.
  window.addEventListener("offline", () => { if (!ended) say("lost"); });
  window.addEventListener("online", () => { if (open && !ended) say(""); });
  window.addEventListener("pagehide", () => { ended = true; });
  window.addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
})();
