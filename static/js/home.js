// The home page: what waits for you is fetched anew when the socket says that something of it has changed.
(() => {
  let asked = "";
  document.addEventListener("htmx:wsAfterMessage", () => {
    const change = document.getElementById("home-news")?.dataset.change;
    const mine = document.getElementById("home-mine");
    if (!change || change === asked || !mine) return;
    asked = change;
    window.htmx.trigger(mine, "refresh");
  });
})();
