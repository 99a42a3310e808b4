// Keeps the parts of a page marked data-live as the server has them, while what is being typed stays.

import { localize } from "./time.js";

const source = document.querySelector("[data-events]")?.dataset.events;
const here = document.querySelector("[data-page]")?.dataset.page ?? location.pathname + location.search;

let running = false;
let again = false;

async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  do {
    again = false;
    const fresh = await load(here).catch(() => null);
    if (fresh) update(fresh);
  } while (again);
  running = false;
}

// load gets a page as a document; fetch gives text only. Another page in its place, to sign in, is none.
function load(url) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("GET", url);
    request.responseType = "document";
    request.onload = () => (request.status === 200 && request.responseURL === new URL(url, location.href).href ? resolve(request.responseXML) : reject(request.status));
    request.onerror = reject;
    request.send();
  });
}

function update(fresh) {
  const parts = [...document.querySelectorAll("[data-live]")];
  const others = fresh.querySelectorAll("[data-live]");
  const changed = document.querySelector("#changed");
  if (changed) changed.hidden = parts.length === others.length;
  for (const part of parts) {
    const other = fresh.getElementById(part.id);
    if (!other || text(part) === text(other) || part.contains(document.activeElement) && part.querySelector("[data-sent]")) continue;
    const focused = part.contains(document.activeElement) ? sign(document.activeElement) : null;
    const heard = other.dataset.live;
    part.replaceWith(document.adoptNode(other));
    localize(other);
    if (focused) [...other.querySelectorAll("a, button")].find((e) => sign(e) === focused)?.focus();
    if (heard) document.querySelector("#news").textContent = heard;
  }
}

// sign tells one link or button of a part from another.
const sign = (element) => element.getAttribute("aria-label") ?? element.getAttribute("href") ?? element.textContent.trim();

// text is what a reader sees of a part, before times were localized: tokens in hidden fields are new in every answer.
function text(part) {
  const copy = part.cloneNode(true);
  for (const time of copy.querySelectorAll("time")) time.textContent = time.dateTime;
  return copy.textContent.replace(/\s+/g, " ").trim();
}

let changes;

// listen follows the changes while somebody looks: a browser has few connections, and tabs behind others would keep all.
function listen() {
  changes?.close();
  if (document.hidden) return;
  const mine = (changes = new EventSource(source));
  mine.onopen = refresh; // what changed before it was open, or while it was away
  mine.onmessage = refresh;
  mine.onerror = () => { // a browser asks again after a broken connection, never after a refusal
    if (mine.readyState === EventSource.CLOSED) setTimeout(() => { if (mine === changes) listen(); }, 5000);
  };
}

if (source) {
  listen();
  document.addEventListener("visibilitychange", listen);
}
if (document.querySelector("[data-poll]")) setInterval(() => { if (!document.hidden) refresh(); }, 5000);
document.addEventListener("visibilitychange", () => { if (!document.hidden) refresh(); });
