// The home page: a new socket says what the page shows now, not what it was drawn with; and what waits for you is fetched anew
// when socket or poll say that something of it has changed.
(() => {
  const byId = (id) => document.getElementById(id);
  const connect = window.htmx.createWebSocket;
  window.htmx.createWebSocket = (url) => connect(url.replace(/seen=\w*/, `seen=${byId("home-seen").dataset.after.split("-")[0]}`));

  let asked = "";
  const fetchMine = () => {
    const change = byId("home-news")?.dataset.change, mine = byId("home-mine");
    if (!change || change === asked || !mine) return;
    asked = change;
    window.htmx.trigger(mine, "refresh");
  };
  document.addEventListener("htmx:wsAfterMessage", fetchMine);
  document.addEventListener("htmx:oobAfterSwap", fetchMine);
})();
