// Buttons that go busy and cannot be pressed twice, dialogs, copy buttons, lines of the order form.
(() => {
  const byId = (id) => document.getElementById(id);

  // ── Busy ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  const buttonOf = (form, submitter) => submitter ?? form.querySelector("button[type=submit]");
  const busy = (form, on, submitter) => {
    if (on) form.dataset.busy = "true";
    else delete form.dataset.busy;
    const button = buttonOf(form, submitter);
    if (on) button?.setAttribute("aria-busy", "true");
    else for (const one of form.querySelectorAll("[aria-busy]")) one.removeAttribute("aria-busy");
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (form.dataset.busy) {
      event.preventDefault();
      event.stopImmediatePropagation();
    } else if (form.method === "post" && !form.hasAttribute("hx-post")) {
      busy(form, true, event.submitter);
    }
  }, true);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("form")) busy(event.target, true, event.detail.requestConfig.triggeringEvent?.submitter);
  });
  document.addEventListener("htmx:afterRequest", (event) => {
    if (event.target.matches("form")) busy(event.target, false);
  });
  // The page comes back from the browser's own cache with its buttons still turning.
  window.addEventListener("pageshow", () => {
    for (const form of document.querySelectorAll("form[data-busy]")) busy(form, false);
  });

  // ── Dialogs ───────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("click", (event) => {
    const opener = event.target.closest("[data-opens]");
    if (opener) {
      event.preventDefault();
      byId(opener.dataset.opens)?.showModal();
    }
    if (event.target.closest("[data-closes]") && event.target.closest("dialog")) {
      event.preventDefault();
      event.target.closest("dialog").close();
    }
    if (event.target.matches("dialog")) event.target.close(); // the backdrop
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const dialog = event.target.closest?.("dialog");
    if (!dialog || !event.target.children.length) return;
    if (!dialog.open) dialog.showModal();
    (dialog.querySelector("[role=alert]") ?? dialog.querySelector("[autofocus], input:not([type=hidden]), select, textarea"))?.focus();
  });
  document.body.addEventListener("dialogDone", (event) => {
    byId("dialog")?.close();
    tell(event.detail.told);
  });
  // What opened the dialog may have been drawn anew meanwhile; the focus goes back to what stands in its place.
  let opener = null;
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.detail.target?.id === "dialog-body" && !event.target.matches("form")) opener = event.target.id;
  });
  byId("dialog")?.addEventListener("close", () => {
    byId("dialog-body").replaceChildren();
    setTimeout(() => {
      if (document.activeElement === document.body) (byId(opener) ?? byId("main"))?.focus({ preventScroll: true });
    });
  });

  const tell = (words) => {
    const place = byId("told");
    if (!place || !words) return;
    const note = document.createElement("p");
    note.className = "told__note";
    note.textContent = words;
    place.replaceChildren(note);
    setTimeout(() => note.remove(), 6000);
  };

  document.addEventListener("told", (event) => tell(event.detail));
  for (const note of document.querySelectorAll("#told .told__note")) setTimeout(() => note.remove(), 6000);

  // ── Copy ──────────────────────────────────────────────────────────────────────────────────────────────────────────
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    try {
      await navigator.clipboard.writeText(button.dataset.copy);
      tell(`Copied ${button.dataset.copy}`);
    } catch {
      tell("The browser does not allow copying here.");
    }
  });

  // ── Demo log-ins, selects that apply at once, lines of an order ───────────────────────────────────────────────────
  document.addEventListener("change", (event) => {
    if (event.target.matches("select[data-applies]")) event.target.form.requestSubmit();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-removes-line]");
    if (!button) return;
    event.preventDefault();
    const line = button.closest(".line");
    const next = line.nextElementSibling ?? line.previousElementSibling;
    line.remove();
    next?.querySelector("select, input:not([type=hidden])")?.focus();
    window.htmx?.trigger("#order-total", "refresh");
  });
})();
