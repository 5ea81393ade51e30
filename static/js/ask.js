// The field for links: it takes what is pasted, dropped or read from a text file, and sends with Enter while it holds one
// line. What is behind a link is read by the page's own htmx request.
const form = () => document.getElementById("ask");
const field = () => form()?.elements.url;
const grows = CSS.supports("field-sizing", "content");
const LONGEST_FILE_BYTES = 262_144;

function fit() {
  if (!grows && field()) {
    field().rows = Math.min(field().value.split("\n").length, 8);
  }
}

function add(text) {
  const lines = [field().value, text].map((part) => part.trim()).filter(Boolean);
  field().value = lines.join("\n");
  field().dispatchEvent(new Event("input", { bubbles: true }));
  field().focus();
}

async function addFile(file) {
  if (file && file.size <= LONGEST_FILE_BYTES) {
    add(await file.text());
    form().elements.file.value = "";
  }
}

function read() {
  if (field()?.value.trim()) {
    window.htmx.ajax("POST", field().getAttribute("hx-post"), { source: field(), target: "#look", swap: "outerHTML" });
  }
}

document.addEventListener("input", ({ target }) => {
  if (target === field()) {
    fit();
  }
});

document.addEventListener("keydown", (event) => {
  const isSend = event.key === "Enter" && !event.shiftKey && !event.isComposing;
  if (isSend && event.target === field() && !field().value.trim().includes("\n")) {
    event.preventDefault();
    form().requestSubmit();
  }
});

document.addEventListener("change", ({ target }) => {
  if (target === form()?.elements.file) {
    addFile(target.files[0]);
  } else if (target === form()?.elements.cookies_id) {
    read(); // other cookies may open another page
  }
});

document.addEventListener("dragover", (event) => {
  if (form()) {
    event.preventDefault();
    form().classList.add("is-over");
  }
});

document.addEventListener("dragleave", ({ relatedTarget }) => {
  if (!relatedTarget) {
    form()?.classList.remove("is-over");
  }
});

document.addEventListener("drop", (event) => {
  if (!form()) {
    return;
  }
  event.preventDefault();
  form().classList.remove("is-over");
  const { files } = event.dataTransfer;
  if (files.length) {
    addFile(files[0]);
  } else {
    add(event.dataTransfer.getData("text/uri-list") || event.dataTransfer.getData("text/plain"));
  }
});

document.addEventListener("htmx:afterSettle", ({ detail }) => {
  if (detail.elt.id === "ask") {
    fit();
    read();
  }
});

fit();
read();
