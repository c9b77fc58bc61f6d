// A service worker that keeps the page itself, so that it opens when the hub cannot be reached, or is slow. What the page
// shows is not in it: that is kept by the page, for who is signed in. The API and the documents are none of its business.
const name = 'baton-page';
/** So long the hub may take to give its page; then the kept one is shown. */
const patience = 1500;

addEventListener('install', (event) => {
  skipWaiting();
  event.waitUntil(fetch('/').then(keep));
});
addEventListener('activate', (event) => event.waitUntil(clients.claim()));

addEventListener('fetch', (event) => {
  const { request } = event;
  const { origin, pathname } = new URL(request.url);
  if (request.method !== 'GET' || origin !== location.origin) return;
  if (request.mode === 'navigate') {
    if (pathname === '/') event.respondWith(page(event));
  } else if (pathname.startsWith('/assets/') || /^\/[^/]+\.(js|svg)$/.test(pathname)) {
    event.respondWith(file(request));
  }
});

/** The page of the hub, so that a new release shows at once; the kept one if that does not come. */
function page(event) {
  const fresh = fetch(event.request);
  event.waitUntil(fresh.then((response) => keep(response.clone())).catch(() => {}));
  const kept = caches.match('/');
  const otherwise = fresh.then(
    async (response) => (response.status < 500 ? response : ((await kept) ?? response)),
    async (err) => (await kept) ?? Promise.reject(err),
  );
  const late = new Promise((resolve) => setTimeout(resolve, patience)).then(() => kept);
  return Promise.race([otherwise, late.then((found) => found ?? otherwise)]);
}

/** Their names change with what is in them; the few others are kept anew with each release. */
async function file(request) {
  return (await caches.match(request)) ?? fetch(request);
}

/** Keeps a page and what it begins with, and lets go of those of the page before. */
async function keep(response) {
  if (!response.ok) return;
  const cache = await caches.open(name);
  const text = await response.clone().text();
  const before = await cache.match('/');
  if (before !== undefined && (await before.text()) === text) return;
  const files = [...text.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map(([, path]) => path);
  await cache.addAll(files);
  await cache.put('/', response);
  for (const one of await cache.keys()) {
    const { pathname } = new URL(one.url);
    if (pathname !== '/' && !files.includes(pathname)) await cache.delete(one);
  }
}
