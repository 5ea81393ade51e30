// The page on notifications, installing and the bookmark.
const place = document.querySelector("[data-notify]");
const state = place.querySelector("[data-notify-state]");
const [on, off] = ["on", "off"].map((word) => place.querySelector(`[data-notify-turn=${word}]`));
const canNotify = "Notification" in window && window.isSecureContext;
let invitation;

function show() {
  const isDenied = canNotify && Notification.permission === "denied";
  const isOn = canNotify && Notification.permission === "granted" && localStorage.notify === "on";
  state.textContent = place.dataset[!canNotify ? "missing" : isDenied ? "denied" : isOn ? "on" : "off"];
  on.hidden = !canNotify || isDenied || isOn;
  off.hidden = !isOn;
}

on.addEventListener("click", async () => {
  if ((await Notification.requestPermission()) === "granted") {
    localStorage.notify = "on";
  }
  show();
});
off.addEventListener("click", () => {
  localStorage.removeItem("notify");
  show();
});
show();

window.addEventListener("beforeinstallprompt", (event) => {
  event.preventDefault();
  invitation = event;
  document.querySelector("[data-install]").hidden = false;
});
document.querySelector("[data-install]").addEventListener("click", async ({ currentTarget }) => {
  currentTarget.hidden = true;
  await invitation.prompt();
});

// It is for the bookmarks bar: here it could only lead to this site's own page, and the security policy stops it anyway.
document.querySelector("[data-bookmarklet]").addEventListener("click", (event) => {
  event.preventDefault();
  document.querySelector("[data-bookmarklet-hint]").hidden = false;
});
