// What could not be sent is said where it was to be sent from, and what was typed stays. (Answers that say no come as HTML.)
(() => {
  const AGAIN = "What you typed is still here. Send it again in a moment: it is done once, however often you press.";
  const WORDS = {
    0: ["There is no connection", AGAIN],
    404: ["This is no longer there", "It was taken away meanwhile, or is no longer yours to see. Nothing was changed."],
    413: ["That is too much", "What you send is larger than what is taken. What you typed is still here."],
    429: ["Too many requests", `Nothing was changed. ${AGAIN}`],
    500: ["Something broke on our side", `It has been written down. ${AGAIN}`],
  };
  const wordsOf = (status) => WORDS[status] ?? WORDS[status >= 500 ? 500 : 404];

  const banner = ([title, words]) => {
    const place = document.createElement("div");
    place.className = "banner banner--bad form__unsent";
    place.setAttribute("role", "alert");
    place.tabIndex = -1;
    const body = place.appendChild(document.createElement("div"));
    body.className = "banner__body";
    body.appendChild(document.createElement("h2")).textContent = title;
    body.appendChild(document.createElement("p")).textContent = words;
    return place;
  };
  const say = (form, status) => {
    form.querySelector(".form__unsent")?.remove();
    const place = banner(wordsOf(status));
    form.prepend(place);
    place.focus();
  };
  const failed = (event) => {
    const { elt, xhr } = event.detail;
    if (elt.matches?.("form")) say(elt, xhr.status);
    // A fragment that asks by itself asks again; whoever has pressed something is told.
    else if (elt.matches?.("a, button")) document.dispatchEvent(new CustomEvent("told", { detail: `${wordsOf(xhr.status)[0]}. Try again in a moment.` }));
  };
  document.addEventListener("htmx:sendError", failed);
  document.addEventListener("htmx:responseError", failed);
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (event.target.matches("form")) event.target.querySelector(".form__unsent")?.remove();
  });

  // A whole page's form would leave for the browser's own error page. So somebody is looked for first, who takes it.
  const isThere = async () => {
    try {
      return (await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) })).status < 500;
    } catch {
      return false;
    }
  };
  document.addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    const method = form.getAttribute("method")?.toLowerCase(); // a field of that name hides the property
    if (event.defaultPrevented || method !== "post" || form.hasAttribute("hx-post")) return;
    if (!form.closest("main") || !document.body.dataset.me || submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    const there = await isThere();
    if (!there) {
      delete form.dataset.busy;
      for (const button of form.querySelectorAll("[aria-busy]")) button.removeAttribute("aria-busy");
      say(form, 0);
      return;
    }
    if (submitter?.name) {
      const pressed = form.appendChild(document.createElement("input"));
      pressed.type = "hidden";
      pressed.name = submitter.name;
      pressed.value = submitter.value;
    }
    HTMLFormElement.prototype.submit.call(form);
  });
})();
