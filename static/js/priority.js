// The handle of a download that waits: dragged up or down, or with the arrow keys, it comes sooner or later. The buttons
// beside it do the same by one step.
const STEP_PIXELS = 18;
const KEYS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, Home: -9, End: 9 };
const TYPING_MILLISECONDS = 300; // several presses are one change
let drag = null;
let typing;

const value = (handle) => Number(handle.getAttribute("aria-valuenow"));
const within = (number) => Math.min(Math.max(number, 0), 9);

function show(handle, number) {
  handle.setAttribute("aria-valuenow", number);
  handle.querySelector("output").textContent = number;
}

async function send(id, number) {
  const handle = document.getElementById(id); // the list may have been refreshed meanwhile
  const url = handle.dataset.priority.replace(/0$/, number);
  await window.htmx.ajax("POST", url, { source: handle, target: `#${handle.closest(".job").id}`, swap: "outerHTML" });
  window.htmx.trigger(document.body, "jobs-changed");
}

document.addEventListener("pointerdown", ({ target, clientY, pointerId }) => {
  const handle = target.closest("[data-priority]");
  if (handle) {
    handle.setPointerCapture(pointerId);
    handle.classList.add("is-dragged");
    drag = { handle, from: clientY, began: value(handle) };
  }
});

document.addEventListener("pointermove", ({ clientY }) => {
  if (drag) {
    show(drag.handle, within(drag.began + Math.round((drag.from - clientY) / STEP_PIXELS)));
  }
});

document.addEventListener("pointerup", () => {
  const { handle, began } = drag ?? {};
  drag = null;
  handle?.classList.remove("is-dragged");
  if (handle && value(handle) !== began) {
    send(handle.id, value(handle));
  }
});

document.addEventListener("pointercancel", () => {
  if (drag) {
    show(drag.handle, drag.began);
    drag.handle.classList.remove("is-dragged");
    drag = null;
  }
});

document.addEventListener("keydown", (event) => {
  const handle = event.target.closest("[data-priority]");
  const by = handle && KEYS[event.key];
  if (by) {
    event.preventDefault();
    const number = within(value(handle) + by);
    show(handle, number);
    clearTimeout(typing);
    typing = setTimeout(() => send(handle.id, number), TYPING_MILLISECONDS);
  }
});

document.addEventListener("htmx:beforeRequest", (event) => {
  if (drag && event.detail.elt.matches("[data-live]")) {
    event.preventDefault(); // what is being dragged must not be taken away
  }
});
