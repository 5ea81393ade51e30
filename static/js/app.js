// What every page has of an app: the service worker, sheets that buttons open, questions before what cannot be undone,
// and the notice that the server does not answer.
const { worker } = document.getElementById("app").dataset;
const trouble = document.getElementById("trouble");

if ("serviceWorker" in navigator) {
  navigator.serviceWorker.register(worker).catch(() => {}); // not over plain http, nor in private windows of some browsers
}

for (const button of document.querySelectorAll("[data-opens]")) {
  button.hidden = false;
}

document.addEventListener("click", ({ target }) => {
  const opener = target.closest("[data-opens]");
  if (opener) {
    document.getElementById(opener.dataset.opens).showModal();
  } else if (target.matches("dialog")) {
    target.close(); // a click beside the sheet is one on its backdrop
  }
});

document.addEventListener("submit", (event) => {
  const { question } = event.target.dataset;
  if (question && !window.confirm(question)) {
    event.preventDefault();
  }
});

document.addEventListener("htmx:sendError", () => {
  trouble.hidden = false;
});
document.addEventListener("htmx:responseError", ({ detail }) => {
  trouble.hidden = detail.xhr.status < 500;
});
document.addEventListener("htmx:afterOnLoad", ({ detail }) => {
  if (detail.xhr.status < 500) {
    trouble.hidden = true;
  }
});
