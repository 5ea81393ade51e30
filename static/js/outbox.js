// Links that were given without a network: kept in this browser, sent by the first page that reaches the server. Each
// has a key of its own, so that two tabs that send it start one download.
const RETRY_MILLISECONDS = 5000;
const told = document.getElementById("outbox-told");
const { target } = document.getElementById("outbox").dataset;

function opened() {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open("outbox", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("links", { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

async function links(mode, act) {
  const database = await opened();
  return new Promise((resolve, reject) => {
    const request = act(database.transaction("links", mode).objectStore("links"));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  }).finally(() => database.close());
}

const kept = () => links("readonly", (store) => store.getAll());
const keep = (url) => links("readwrite", (store) => store.put({ key: newKey(), url, at: Date.now() }));
const drop = ({ key }) => links("readwrite", (store) => store.delete(key));

function newKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function send(link) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]")?.value ?? "";
  const response = await fetch(target, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": token, "Idempotency-Key": link.key },
    body: JSON.stringify({ url: link.url }),
  });
  if (response.ok) {
    await drop(link);
    return "sent";
  }
  if (response.status === 400 || response.status === 422) {
    await drop(link); // it will never be taken
    const answer = await response.json();
    return `${told.dataset.refused} ${link.url} – ${answer.error.message}`;
  }
  return "later"; // too many at once, a full queue, a broken server: the next page tries again
}

async function sendAll() {
  const results = [];
  for (const link of await kept()) {
    results.push(await send(link).catch(() => "later"));
  }
  const sent = results.filter((result) => result === "sent").length;
  const refused = results.filter((result) => result !== "sent" && result !== "later");
  if (!sent && !refused.length) {
    return; // another run may have told something
  }
  const lines = [...(sent ? [sent > 1 ? told.dataset.many : told.dataset.one] : []), ...refused];
  told.textContent = lines.join(" ");
  told.hidden = false;
  if (sent) {
    window.htmx?.trigger(document.body, "jobs-changed");
  }
}

async function showKept(list) {
  const items = (await kept()).map(({ url }) => {
    const item = document.createElement("li");
    item.textContent = url;
    return item;
  });
  list.replaceChildren(...items);
  list.parentElement.hidden = items.length === 0;
}

function serveOfflinePage(form) {
  const list = document.querySelector("[data-kept]");
  const field = form.elements.namedItem("url");
  const given = new URLSearchParams(location.search);
  field.value = given.get("url") ?? given.get("text") ?? "";
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    for (const url of field.value.split(/\s+/).filter(Boolean)) {
      await keep(url.includes("://") ? url : `https://${url}`);
    }
    field.value = "";
    await showKept(list);
  });
  const leave = async () => {
    const isBack = navigator.onLine && (await fetch(location.origin + "/version", { cache: "no-store" }).catch(() => null));
    if (isBack && field.value.trim() === "") {
      location.assign("/"); // which sends what was kept; what is still being written must not get lost
    }
  };
  window.addEventListener("online", leave);
  setInterval(leave, RETRY_MILLISECONDS);
  showKept(list);
}

if (target) {
  sendAll();
  window.addEventListener("online", sendAll);
} else {
  serveOfflinePage(document.querySelector("[data-offline-form]"));
}
