// The search box: what is found opens under it, the arrows walk it, Enter opens, Escape closes. The focus stays in the box.
(() => {
  const listOf = (box) => document.getElementById(box.getAttribute("aria-controls"));
  const options = (box) => [...listOf(box).querySelectorAll("a[role=option]")];
  const chosen = (box) => document.getElementById(box.getAttribute("aria-activedescendant"));

  const choose = (box, option) => {
    for (const one of options(box)) one.setAttribute("aria-selected", String(one === option));
    if (option) box.setAttribute("aria-activedescendant", option.id);
    else box.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  };
  const show = (box, on) => {
    const list = listOf(box);
    list.hidden = !(on && list.childElementCount);
    box.setAttribute("aria-expanded", String(!list.hidden));
    choose(box, null);
  };
  const isOpen = (box) => box.getAttribute("aria-expanded") === "true";
  const step = (box, by) => {
    const all = options(box);
    if (!all.length) return;
    const next = all.indexOf(chosen(box)) + by;
    // Past either end is the box itself again, with what was typed.
    choose(box, by < 0 && !chosen(box) ? all.at(-1) : all[next] ?? null);
  };

  document.addEventListener("keydown", (event) => {
    const box = event.target;
    if (!box.matches?.("[data-search]") || event.isComposing) return;
    const keys = {
      ArrowDown: () => (isOpen(box) ? step(box, 1) : show(box, true)),
      ArrowUp: () => isOpen(box) && step(box, -1),
      Enter: () => {
        if (!isOpen(box) || !chosen(box)) return false; // the form is sent
        location.assign(chosen(box).href);
        return true;
      },
      Escape: () => {
        if (isOpen(box)) show(box, false);
        else if (box.value) box.value = "";
        else box.blur();
        return true;
      },
    };
    if (!(event.key in keys)) return;
    if (keys[event.key]() === false) return;
    event.preventDefault();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const box = document.querySelector(`[data-search][aria-controls="${CSS.escape(event.target.id)}"]`);
    if (box) show(box, document.activeElement === box);
  });
  document.addEventListener("focusin", (event) => {
    if (event.target.matches("[data-search]") && event.target.value) show(event.target, true);
  });
  document.addEventListener("focusout", (event) => {
    const box = event.target;
    // A press on what was found takes the focus; it has to be there still when the button comes up.
    if (box.matches("[data-search]") && !listOf(box).contains(event.relatedTarget)) show(box, false);
  });
  document.addEventListener("pointerdown", (event) => {
    for (const box of document.querySelectorAll("[data-search]")) {
      if (isOpen(box) && !box.form.contains(event.target)) show(box, false);
    }
  });
  // An answer to what is no longer asked must not open the list again.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const box = document.querySelector(`[data-search][aria-controls="${CSS.escape(event.target.id)}"]`);
    if (box && !box.value.trim()) event.detail.serverResponse = "";
  });
})();
