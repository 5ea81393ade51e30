// The library: remembers grid or list in a cookie that the server reads, and takes deleted entries away when their time
// to come back is over.
const YEAR_SECONDS = 31_536_000;

document.addEventListener("change", ({ target }) => {
  if (target.name === "layout") {
    document.cookie = `layout=${target.value}; path=/library; max-age=${YEAR_SECONDS}; samesite=lax`;
  }
});

function leave(entry) {
  if (!entry.isConnected) {
    return; // it came back
  }
  if (entry.contains(document.activeElement)) {
    const neighbour = entry.nextElementSibling ?? entry.previousElementSibling;
    neighbour?.querySelector("a")?.focus();
  }
  entry.remove();
}

document.addEventListener("htmx:load", ({ detail }) => {
  const seconds = detail.elt.dataset?.goneAfter;
  if (seconds) {
    setTimeout(() => leave(detail.elt), seconds * 1000);
  }
});

// A picture that cannot be had leaves its place to the icon behind it.
document.addEventListener(
  "error",
  ({ target }) => {
    if (target.matches?.(".item-picture img")) {
      target.remove();
    }
  },
  true,
);
