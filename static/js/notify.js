// Tells of downloads that ended while nobody looks: the pages themselves are quiet in a hidden tab, so this asks now and
// then, and only where somebody has turned it on (see apps.js).
const SOON_MILLISECONDS = 10_000; // while something runs
const LATER_MILLISECONDS = 60_000;
const told = document.getElementById("notify").dataset;
let after = "";
let timer;

const isOn = () => "Notification" in window && Notification.permission === "granted" && localStorage.notify === "on";

async function tell({ id, title, is_ready: isReady, address }) {
  const text = { body: title, tag: id, icon: told.icon, data: { address } }; // equal tags: several tabs tell it once
  const heading = isReady ? told.ready : told.failed;
  const worker = await navigator.serviceWorker?.getRegistration();
  if (worker) {
    await worker.showNotification(heading, text);
    return;
  }
  const shown = new Notification(heading, text);
  shown.addEventListener("click", () => {
    window.focus();
    location.assign(address);
  });
}

async function look() {
  let delay = LATER_MILLISECONDS;
  const response = await fetch(`${told.finished}?${new URLSearchParams({ after })}`, { redirect: "error" }).catch(() => null);
  if (response?.ok) {
    const { now, finished, goes_on: goesOn } = await response.json();
    after = now;
    delay = goesOn ? SOON_MILLISECONDS : LATER_MILLISECONDS;
    await Promise.all(finished.map(tell));
  }
  timer = setTimeout(look, delay);
}

function watch() {
  clearTimeout(timer);
  after = "";
  if (document.hidden && isOn()) {
    look();
  }
}

document.addEventListener("visibilitychange", watch);
watch();
