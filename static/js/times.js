// Moments in the reader's own words: "3 minutes ago", or date and time of their own zone where it says data-exact.
// What is data-due and overdue happens "now".
const language = document.documentElement.lang;
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto" });
const exact = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const UNITS = [
  ["day", 86400],
  ["hour", 3600],
  ["minute", 60],
];
const REFRESH_MILLISECONDS = 10_000;

function distance(moment, isDue) {
  const seconds = Math.max((moment - Date.now()) / 1000, isDue ? 0 : -Infinity);
  const [unit, length] = UNITS.find(([, length]) => Math.abs(seconds) >= length) ?? ["second", 1];
  const count = Math.trunc(seconds / length);
  return unit === "second" && count <= 0 ? relative.format(0, "second") : relative.format(count, unit);
}

function show(root) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const moment = new Date(element.dateTime);
    element.textContent = "exact" in element.dataset ? exact.format(moment) : distance(moment, "due" in element.dataset);
    element.title = exact.format(moment);
  }
}

show(document);
document.addEventListener("htmx:afterSwap", () => show(document));
setInterval(() => show(document), REFRESH_MILLISECONDS);
