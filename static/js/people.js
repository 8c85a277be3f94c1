// Fragments are the same for everybody: they name each person, and each browser turns its own user's name into "you".
(() => {
  const me = document.body.dataset.me;
  if (!me) return;
  const address = (root) => {
    for (const element of root.querySelectorAll(`[data-person="${CSS.escape(me)}"]:not([data-addressed])`)) {
      element.dataset.addressed = "";
      if (element.classList.contains("avatar")) element.classList.add("avatar--you");
      else element.textContent = element.dataset.you ?? "you";
    }
  };
  address(document);
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) address(node.parentElement ?? document);
    }
  }).observe(document.body, { childList: true, subtree: true });
})();
