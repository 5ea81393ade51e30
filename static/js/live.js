// Live fragments poll through htmx. Here they learn to keep quiet while nobody looks, to catch up when somebody looks
// again, and to leave the page alone when the answer is "unchanged".
const etags = new Map();

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

document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.xhr === overtaken) {
    detail.shouldSwap = false;
  } else if (!isLive(detail.requestConfig.elt)) {
    etags.clear(); // an action changed a part of a fragment: what it was as a whole says nothing any more
  } else if (detail.xhr.status === 200) {
    etags.set(detail.requestConfig.path, detail.xhr.getResponseHeader("ETag"));
  }
});

// The button that was pressed is gone when its job has moved on: the keyboard goes on at what took its place.
document.addEventListener("htmx:afterSettle", ({ detail }) => {
  const isAction = detail.requestConfig.verb === "post";
  if (isAction && document.activeElement === document.body) {
    const place = document.getElementById(detail.requestConfig.target.id);
    (place?.querySelector(".job-actions button") ?? place?.querySelector("a"))?.focus();
  }
});

document.addEventListener("visibilitychange", () => {
  if (!document.hidden) {
    document.querySelectorAll("[data-live]").forEach((element) => window.htmx.trigger(element, "seen"));
  }
});
