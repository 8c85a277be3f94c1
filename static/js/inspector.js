// A person's page moves with the clock too: the line of now goes on, and when a moment comes at which something else holds –
// a slot gets free, quiet hours end – the page is asked for anew, once. So it is when the socket tells of more in their log.
(() => {
  const byId = (id) => document.getElementById(id);
  let asked = "", told = byId("actor-told")?.dataset.number;
  const clockIn = new Map();
  const words = (zone, at) => {
    if (!clockIn.has(zone)) {
      clockIn.set(zone, new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone: zone }));
    }
    return clockIn.get(zone).format(at);
  };
  const tick = () => {
    if (document.hidden) return;
    const plot = document.querySelector(".dayline__plot"), now = Date.now();
    if (plot) {
      const from = Date.parse(plot.dataset.from), until = Date.parse(plot.dataset.until);
      // The last and the next 24 hours move with now, which stays in their middle.
      if (!plot.hasAttribute("data-rolls")) {
        const x = `${Math.max(0, Math.min(100, (100 * (now - from)) / (until - from))).toFixed(2)}%`;
        const line = plot.querySelector(".now"), label = plot.querySelector(".now__t");
        line?.setAttribute("x1", x);
        line?.setAttribute("x2", x);
        label?.setAttribute("x", x);
        if (label) label.textContent = words(plot.dataset.zoneName, now);
      }
    }
    const logged = byId("actor-told")?.dataset.number;
    const hasMore = logged !== told;
    told = logged;
    if (hasMore) window.htmx.trigger("#actor-turns", "turn");
    const turns = byId("actor-head")?.dataset.turnsAt;
    if (!turns || turns === asked || Date.parse(turns) > now) return;
    asked = turns;
    window.htmx.trigger("#actor-turns", "turn");
  };
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
})();
