// Words every <time data-show> in the viewer's zone and keeps it true; runs the countdowns. Exact UTC stays in the tooltip.
(() => {
  const NB = "\u00a0";
  const MINUTE = 60e3, HOUR = 60 * MINUTE, DAY = 24 * HOUR;
  // The zone of the profile, else the browser's.
  const ZONE = document.documentElement.dataset.timeZone || undefined;
  const OWN_ZONE = ZONE ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const format = (options) => new Intl.DateTimeFormat(undefined, { ...options, timeZone: ZONE });
  const shifted = (at) => (ZONE ? new Date(at.toLocaleString("en-US", { timeZone: ZONE })) : at);
  const CLOCK = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const SECONDS = format({ hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
  const WEEKDAY = format({ weekday: "short" });
  const DATE = format({ day: "numeric", month: "short" });
  const LONG = format({ day: "numeric", month: "short", year: "numeric" });

  const midnight = (moment) => {
    const at = shifted(moment);
    return new Date(at.getFullYear(), at.getMonth(), at.getDate());
  };
  const daysFrom = (now, at) => Math.round((midnight(at) - midnight(now)) / DAY);
  const date = (at, now) => (shifted(at).getFullYear() === shifted(now).getFullYear() ? DATE : LONG).format(at).replaceAll(" ", NB);
  const pad = (number) => String(number).padStart(2, "0");

  const span = (ms) => {
    if (ms < MINUTE) return `0:${pad(Math.floor(ms / 1e3))}`;
    if (ms < HOUR) return `${Math.floor(ms / MINUTE)}${NB}m`;
    const days = Math.floor(ms / DAY), hours = Math.floor(ms / HOUR), minutes = Math.floor((ms % HOUR) / MINUTE);
    if (days >= 2) return `${days}${NB}d${NB}${Math.floor((ms % DAY) / HOUR)}${NB}h`;
    return minutes ? `${hours}${NB}h${NB}${minutes}${NB}m` : `${hours}${NB}h`;
  };

  // Within a sentence; a name with a capital, as "Ago", stands at the beginning of one, or of a cell.
  const SHOWS = {
    ago(at, now) {
      const passed = now - at;
      if (passed < 45e3) return "just now";
      if (passed < HOUR) return `${Math.max(1, Math.floor(passed / MINUTE))}${NB}m ago`;
      const days = -daysFrom(now, at);
      if (days === 0) return `${Math.floor(passed / HOUR)}${NB}h ago`;
      if (days === 1) return "yesterday";
      return days < 7 ? WEEKDAY.format(at) : date(at, now);
    },
    until(at, now) {
      return at - now <= 0 ? "now" : `in ${span(at - now)}`;
    },
    left(at, now) {
      return at - now <= 0 ? `${span(now - at)} late` : span(at - now);
    },
    clock(at, now) {
      return daysFrom(now, at) === 0 ? CLOCK.format(at) : `${SHOWS.day(at, now)}, ${CLOCK.format(at)}`;
    },
    seconds(at, now) {
      return daysFrom(now, at) === 0 ? SECONDS.format(at) : `${date(at, now)}, ${SECONDS.format(at)}`;
    },
    at(at, now) {
      return daysFrom(now, at) === 0 ? `at ${CLOCK.format(at)}` : `on ${SHOWS.day(at, now)} at ${CLOCK.format(at)}`;
    },
    day(at, now) {
      return `${WEEKDAY.format(at)}${NB}${date(at, now)}`;
    },
    soon(at, now) {
      const days = daysFrom(now, at);
      return { [-1]: "yesterday", 0: "today", 1: "tomorrow" }[days] ?? SHOWS.day(at, now);
    },
    full(at, now) {
      return `${date(at, now)}, ${CLOCK.format(at)}`;
    },
  };

  const word = (element, now) => {
    const at = new Date(element.dateTime);
    const name = element.dataset.show, show = SHOWS[name.toLowerCase()];
    if (!show || Number.isNaN(at.getTime())) return;
    const found = show(at, now);
    const words = name === name.toLowerCase() ? found : found[0].toUpperCase() + found.slice(1);
    if (element.textContent !== words) element.textContent = words;
  };

  // <p role="timer" data-until="…"> in large figures; <svg data-from data-until> with a fill that drains.
  const timer = (element, now) => {
    const left = new Date(element.dataset.until) - now;
    const key = left <= 0 ? "now" : left < HOUR ? Math.floor(left / 1e3) : Math.floor(left / MINUTE);
    if (element.dataset.drawn === String(key)) return;
    element.dataset.drawn = key;
    if (left <= 0) return element.replaceChildren("Now");
    if (left < HOUR) return element.replaceChildren(`${Math.floor(left / MINUTE)}:${pad(Math.floor((left % MINUTE) / 1e3))}`);
    const units = left >= 2 * DAY
      ? [[Math.floor(left / DAY), "d"], [Math.floor((left % DAY) / HOUR), "h"]]
      : [[Math.floor(left / HOUR), "h"], [Math.floor((left % HOUR) / MINUTE), "m"]];
    const parts = units.flatMap(([number, unit]) => {
      const small = document.createElement("small");
      small.textContent = unit;
      return [String(number), small];
    });
    element.replaceChildren(...parts);
  };
  const drain = (element, now) => {
    const from = new Date(element.dataset.from), until = new Date(element.dataset.until);
    const left = Math.max(0, Math.min(100, (100 * (until - now)) / Math.max(1, until - from)));
    element.querySelector(".drain__fill").setAttribute("width", `${left.toFixed(1)}%`);
  };

  const draw = (root = document) => {
    // In the demo a process's clock may have been put ahead; its page counts by that one.
    const now = new Date(Date.now() + 1e3 * Number(document.getElementById("demo-time")?.dataset.ahead ?? 0));
    for (const field of root.querySelectorAll("[data-zone-field]")) field.value = OWN_ZONE;
    for (const element of root.querySelectorAll("time[data-show]")) word(element, now);
    for (const element of root.querySelectorAll("[role=timer][data-until]")) timer(element, now);
    for (const element of root.querySelectorAll(".drain[data-until]")) drain(element, now);
    for (const element of root.querySelectorAll("[data-zone]")) {
      element.textContent = `times in ${OWN_ZONE.split("/").pop().replaceAll("_", " ")}`;
    }
  };

  draw();
  setInterval(() => { if (!document.hidden) draw(); }, 1000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) draw(); });
  new MutationObserver((changes) => {
    for (const change of changes) {
      for (const node of change.addedNodes) {
        if (node.nodeType === Node.ELEMENT_NODE && node.localName !== "small") draw(node.parentElement ?? document);
      }
    }
  }).observe(document.body, { childList: true, subtree: true });
})();
