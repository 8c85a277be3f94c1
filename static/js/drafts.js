// What somebody has typed outlives an expired session, a lost network and a restarted server: it is kept in this tab until it
// is sent or discarded, and stands in its form again after the log-in. Never on another tab, never for another person.
(() => {
  const KEY = "draft:", RESUMES = "resumes";
  const me = document.body.dataset.me;
  const here = () => location.pathname + location.search;
  const store = window.sessionStorage;
  const keys = () => Object.keys(store).filter((key) => key.startsWith(KEY));
  const drafts = () => keys().map((key) => ({ key, ...JSON.parse(store.getItem(key)) }));
  const forget = (is = () => true) => { for (const draft of drafts()) if (is(draft)) store.removeItem(draft.key); };
  const resume = () => store.setItem(RESUMES, "yes");

  if (!me) { // the log-in page: whoever comes back from it goes on where they were
    if (keys().length) resume();
    return;
  }
  forget((draft) => draft.me !== me);

  // ── Keeping ───────────────────────────────────────────────────────────────────────────────────────────────────────
  const actionOf = (form) => new URL(form.getAttribute("hx-post") ?? form.getAttribute("action") ?? here(), location.href).pathname;
  const keyOf = (form) => KEY + actionOf(form);
  const isKept = (form) => form?.getAttribute("method")?.toLowerCase() === "post" && form.closest("main, #dialog");
  const NOT_KEPT = ["password", "file", "submit", "button", "reset", "fieldset"];
  const fieldsOf = (form) => [...form.elements].filter(
    (field) => field.name && field.name !== "csrfmiddlewaretoken" && !("unkept" in field.dataset) && !NOT_KEPT.includes(field.type),
  );
  const isTicked = (field) => field.type === "checkbox" || field.type === "radio";
  const keep = (form, state) => {
    const fields = fieldsOf(form).map((field) => ({
      name: field.name,
      value: field.type === "select-multiple" ? [...field.selectedOptions].map((option) => option.value) : field.value,
      ticked: isTicked(field) ? field.checked : null,
    }));
    const draft = { me, page: here(), action: actionOf(form), inDialog: Boolean(form.closest("dialog")), state, fields };
    try { store.setItem(keyOf(form), JSON.stringify(draft)); } catch { /* full, or not allowed: then nothing is kept */ }
  };
  let filling = false;
  const typed = (event) => { if (!filling && isKept(event.target.form)) keep(event.target.form, "typed"); };
  document.addEventListener("input", typed);
  document.addEventListener("change", typed);
  const hasDraft = (form) => isKept(form) && store.getItem(keyOf(form)) !== null;
  document.addEventListener("submit", (event) => {
    // By the attribute: a field that is called "action" hides the property.
    if (event.target.getAttribute("action")?.endsWith("/accounts/logout/")) forget(); // this person is done here
    else if (hasDraft(event.target)) keep(event.target, "sent");
  }, true);

  // ── Forgetting ────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("htmx:afterRequest", (event) => {
    const { successful, xhr, elt } = event.detail;
    if (elt.matches?.("form") && successful && xhr.status < 300 && !xhr.getResponseHeader("HX-Redirect")) store.removeItem(keyOf(elt));
  });
  document.getElementById("dialog")?.addEventListener("close", () => forget((draft) => draft.inDialog && draft.page === here()));
  document.addEventListener("click", (event) => {
    const way = event.target.closest("a, button");
    if (way?.matches("[data-forgets]")) { forget((draft) => draft.page === here()); location.assign(here()); }
    else if (way?.matches(".form__end a")) store.removeItem(keyOf(way.closest("form")));
    else if (way?.matches("[data-resumes]")) resume();
    else if (way?.matches("[data-log-in]")) way.href = `${way.pathname}?next=${encodeURIComponent(here())}`;
  });

  // ── Coming back ───────────────────────────────────────────────────────────────────────────────────────────────────
  const note = (form) => {
    const words = document.createElement("div");
    words.className = "banner form__kept";
    words.setAttribute("role", "status");
    words.innerHTML = '<div class="banner__body"><p>What you had typed is here again. Look it over, and send it.</p></div><button class="btn btn--quiet" type="button" data-forgets>Start afresh</button>';
    form.querySelector(".form__kept")?.remove();
    form.prepend(words);
  };
  const fill = async (form, fields) => {
    const standing = (name) => fieldsOf(form).filter((field) => field.name === name);
    const more = form.querySelector("[data-repeats]"); // adds one more of what a form can have many of
    const missing = more ? fields.filter(({ name }) => name === more.dataset.repeats).length - standing(more.dataset.repeats).length : 0;
    for (let number = 0; number < missing; number += 1) {
      await window.htmx.ajax("GET", more.getAttribute("hx-get"), { target: more.getAttribute("hx-target"), swap: "beforeend" });
    }
    const seen = {};
    for (const { name, value, ticked } of fields) {
      const place = (seen[name] = (seen[name] ?? -1) + 1);
      const same = standing(name);
      const field = ticked === null ? same[place] : same.find((one) => one.value === value);
      if (!field) continue;
      if (ticked !== null) field.checked = ticked;
      else if (Array.isArray(value)) for (const option of field.options) option.selected = value.includes(option.value);
      else field.value = value;
      if (field.type !== "hidden") field.dispatchEvent(new Event("change", { bubbles: true }));
    }
    note(form);
  };
  const formOf = (draft) => [...document.forms].find((form) => isKept(form) && actionOf(form) === draft.action);
  const restore = async (draft) => {
    if (draft.inDialog) await window.htmx.ajax("GET", draft.action, { target: "#dialog-body", swap: "innerHTML" });
    const form = formOf(draft); // none: it cannot be done any more, and the dialog says why
    if (!form) return;
    filling = true;
    await fill(form, draft.fields);
    filling = false;
  };
  const start = async () => {
    const resumes = store.getItem(RESUMES) !== null;
    store.removeItem(RESUMES);
    const [way] = performance.getEntriesByType("navigation");
    const mine = drafts().filter((draft) => draft.page === here() || draft.action === here());
    // Sent, and another page has come: it has arrived.
    if (!resumes) forget((draft) => draft.state === "sent" && !mine.some((one) => one.key === draft.key));
    const comesBack = (draft) => resumes || way.type === "reload" || (way.type === "back_forward" && draft.state === "sent");
    for (const draft of mine.filter(comesBack)) await restore(draft);
  };
  if (document.readyState === "complete") start();
  else window.addEventListener("load", start);
})();
