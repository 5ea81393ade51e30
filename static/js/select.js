// What is ticked in the list: ranges with Shift, all at once, how many. The ticks themselves outlive the list's polling.
const ticks = () => [...document.querySelectorAll(".pick input")];
const all = () => document.getElementById("pick-all");
let last = null;

function show() {
  const count = ticks().filter((tick) => tick.checked).length;
  const told = document.getElementById("bulk-count");
  if (told) {
    told.textContent = told.dataset.some.replace("{count}", count);
    all().checked = count === ticks().length;
    all().indeterminate = count > 0 && !all().checked;
  }
}

document.addEventListener("click", ({ target, shiftKey }) => {
  if (!target.matches(".pick input")) {
    return;
  }
  const present = ticks();
  const [from, to] = [present.findIndex((tick) => tick.id === last), present.indexOf(target)].sort((a, b) => a - b);
  if (shiftKey && from >= 0) {
    present.slice(from, to + 1).forEach((tick) => {
      tick.checked = target.checked;
    });
  }
  last = target.id;
  show();
});

document.addEventListener("change", ({ target }) => {
  if (target.id === "pick-all") {
    ticks().forEach((tick) => {
      tick.checked = target.checked;
    });
  }
  show();
});

// What was done with them is done: the next choice begins with nothing.
document.addEventListener("htmx:beforeSwap", ({ detail }) => {
  if (detail.requestConfig.elt.closest("#bulk") && detail.shouldSwap) {
    ticks().forEach((tick) => {
      tick.checked = false;
    });
  }
});

document.addEventListener("htmx:afterSettle", show);
show();
