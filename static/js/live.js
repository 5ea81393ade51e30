// Live fragments poll through htmx. Here they learn to keep quiet while nobody looks, to catch up when somebody looks
// again, to leave the page alone when the answer is "unchanged", and the rows that are as they were.
const PIECES = /(?=<li class="job\b|<\/ul>)/;
const ROW = /^<li class="job\b[^>]*? id="([^"]+)"/;
const TOKEN = /name="csrfmiddlewaretoken" value="\w+"/g; // another one in each answer
const etags = new Map();
const shown = new Map(); // the pieces of what a poll brought last, by path

const isLive = (element) => element.matches("[data-live]");

document.addEventListener("htmx:configRequest", ({ detail }) => {
  const etag = isLive(detail.elt) && etags.get(detail.path);
  if (etag) {
    detail.headers["If-None-Match"] = etag;
  }
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (document.hidden && isLive(event.detail.elt)) {
    event.preventDefault();
  }
});

// What a poll that is under way brings would take the button away that somebody presses meanwhile, and htmx never sends
// what waits in its queue for an element that is gone. So that answer is left out: the action brings its own.
let poll = null;
let overtaken = null;

function overtake({ target }) {
  if (target.closest("[data-live] [hx-post]")) {
    overtaken = poll;
  }
}

document.addEventListener("htmx:beforeSend", ({ detail }) => {
  if (isLive(detail.elt)) {
    poll = detail.xhr;
  }
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  poll = poll === detail.xhr ? null : poll;
});
document.addEventListener("click", overtake, true);
document.addEventListener("submit", overtake, true);

// Most polls change one row of many. Where nothing else has changed, only such rows are swapped.
function swapRows({ requestConfig, xhr }) {
  const pieces = xhr.responseText.split(PIECES);
  const now = pieces.map((piece) => piece.replace(TOKEN, ""));
  const before = shown.get(requestConfig.path) ?? [];
  shown.set(requestConfig.path, now);
  const changed = [...now.keys()].filter((place) => now[place] !== before[place]);
  const rows = changed.map((place) => {
    const id = now[place].match(ROW)?.[1];
    return id === before[place]?.match(ROW)?.[1] ? document.getElementById(id) : null;
  });
  if (now.length !== before.length || rows.includes(null)) {
    return false;
  }
  rows.forEach((row, index) => {
    const eventInfo = { requestConfig, xhr };
    window.htmx.swap(row, pieces[changed[index]].trim(), { swapStyle: "outerHTML", settleDelay: 20 }, { eventInfo });
  });
  return true;
}

let place = null; // where the keyboard was before a swap

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  place = document.activeElement.closest(".job, [data-live]")?.id;
  if (detail.xhr === overtaken) {
    detail.shouldSwap = false;
  } else if (!isLive(detail.requestConfig.elt)) {
    etags.clear(); // an action changed a part of a fragment: what it was as a whole says nothing any more
    shown.clear();
  } else if (detail.xhr.status === 200) {
    etags.set(detail.requestConfig.path, detail.xhr.getResponseHeader("ETag"));
    detail.shouldSwap = !swapRows(detail);
  }
});

// What had the focus is gone when its job has moved on, or was off while the server worked: the keyboard goes on there,
// or at what took its place. After a poll that is the name, for nobody expects another button under the finger.
document.addEventListener("htmx:afterSettle", ({ detail: { requestConfig } }) => {
  if (document.activeElement !== document.body) {
    return;
  }
  const pressed = requestConfig.triggeringEvent?.submitter;
  const isAction = requestConfig.verb === "post";
  const left = document.getElementById(isAction ? requestConfig.target.id : place);
  const next = [
    pressed?.isConnected && pressed,
    isAction && left?.querySelector(".job-actions button"),
    left?.querySelector("a, button"),
    left,
  ].find(Boolean);
  if (next === left) {
    left?.setAttribute("tabindex", "-1");
  }
  next?.focus();
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    document.querySelectorAll("[data-live]").forEach((element) => window.htmx.trigger(element, "seen"));
  }
});
