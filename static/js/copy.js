// Buttons that copy: `data-copy` is the text; a path of this server becomes a whole address.
// They are hidden until this module is here.
const TOLD_MILLISECONDS = 2500;
const told = document.createElement("p");
told.className = "toast";
told.setAttribute("role", "status");
document.body.append(told);
let timer;

function tell(text) {
  told.textContent = text;
  told.classList.add("is-shown");
  clearTimeout(timer);
  timer = setTimeout(() => told.classList.remove("is-shown"), TOLD_MILLISECONDS);
}

// Without https browsers have no clipboard for pages: select the text in a field that is taken away again.
function copyByHand(text) {
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "unseen";
  document.body.append(field);
  field.select();
  document.execCommand("copy");
  field.remove();
}

async function copy(button) {
  const given = button.dataset.copy;
  const text = given.startsWith("/") ? new URL(given, location.href).href : given;
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text).catch(() => copyByHand(text));
  } else {
    copyByHand(text);
    button.focus();
  }
  tell(button.dataset.copied);
}

function reveal() {
  for (const button of document.querySelectorAll("[data-copy][hidden]")) {
    button.hidden = false;
  }
}

document.addEventListener("click", ({ target }) => {
  const button = target.closest("[data-copy]");
  if (button) {
    copy(button);
  }
});
document.addEventListener("focusin", ({ target }) => {
  if (target.matches(".secret input")) {
    target.select();
  }
});
document.addEventListener("htmx:afterSwap", reveal);
reveal();
