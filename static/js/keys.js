// The keyboard: single keys and pairs such as "g d", never while somebody types. The sheet that `?` opens lists them.
const PAIR_MILLISECONDS = 1200;
const ROWS = "[data-row], .job, .batch-row";
const NEW_LINK = "[data-new-link], .ask textarea, .ask input[type=url], .ask input[name=url]";
const PLACES = { d: "/", l: "/library", a: "/accounts/" };
let lead = 0;

const isTyping = (element) => element.closest("input, textarea, select, [contenteditable], video, audio") !== null;

function focusOr(selector, elsewhere) {
  const field = document.querySelector(selector);
  if (field) {
    field.focus();
    field.select?.();
  } else {
    location.assign(elsewhere);
  }
}

function step(by) {
  const links = [...document.querySelectorAll(ROWS)].map((row) => row.querySelector("h3 a, a")).filter(Boolean);
  const row = document.activeElement?.closest(ROWS);
  const here = row ? links.findIndex((link) => row.contains(link)) : -1;
  const next = here < 0 ? (by > 0 ? 0 : links.length - 1) : Math.min(Math.max(here + by, 0), links.length - 1);
  links[next]?.focus();
  links[next]?.scrollIntoView({ block: "nearest" });
}

const KEYS = {
  n: () => focusOr(NEW_LINK, PLACES.d),
  "/": () => focusOr("[data-search]", `${PLACES.l}#search`),
  j: () => step(1),
  k: () => step(-1),
  "?": () => document.getElementById("keys-sheet").showModal(),
};

document.addEventListener("keydown", (event) => {
  const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if (!isPlain || event.defaultPrevented || isTyping(event.target) || document.querySelector("dialog[open]")) {
    return;
  }
  const isSecond = Date.now() - lead < PAIR_MILLISECONDS;
  lead = event.key === "g" ? Date.now() : 0;
  const action = isSecond && PLACES[event.key] ? () => location.assign(PLACES[event.key]) : KEYS[event.key];
  if (action) {
    event.preventDefault();
    action();
  }
});

if (location.hash === "#search") {
  document.querySelector("[data-search]")?.focus();
}
