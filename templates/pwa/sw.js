// The service worker: without a network it shows the page that keeps links for later. It never answers for the server:
// with a network every page, file and script comes from there.
const CACHE = "shell-{{ version }}";
const OFFLINE = "{{ offline }}";
const SHELL = [{% for path in shell %}"{{ path }}", {% endfor %}];
const NOT_PAGES = ["/files/", "/api/"]; // downloads go on better without a worker between

self.addEventListener("install", (event) => {
  event.waitUntil(
    caches
      .open(CACHE)
      .then((cache) => cache.addAll(SHELL.map((path) => new Request(path, { cache: "no-cache" }))))
      .then(() => self.skipWaiting()),
  );
});

self.addEventListener("activate", (event) => {
  const clean = async () => {
    const names = await caches.keys();
    await Promise.all(names.filter((name) => name !== CACHE).map((name) => caches.delete(name)));
    await self.clients.claim();
  };
  event.waitUntil(clean());
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== "GET" || origin !== self.location.origin) {
    return;
  }
  if (request.mode === "navigate" && !NOT_PAGES.some((start) => pathname.startsWith(start))) {
    event.respondWith(fetch(request).catch(() => caches.match(OFFLINE)));
  } else if (SHELL.includes(pathname)) {
    event.respondWith(fetch(request).catch(() => caches.match(pathname)));
  }
});

self.addEventListener("notificationclick", (event) => {
  event.notification.close();
  const { address } = event.notification.data;
  const show = async () => {
    const [open] = await self.clients.matchAll({ type: "window", includeUncontrolled: true });
    if (open) {
      await open.focus();
      await open.navigate(address);
    } else {
      await self.clients.openWindow(address);
    }
  };
  event.waitUntil(show());
});
