// A stand-in for the softphone app. It talks to /api/v1/softphone as an app does: no cookies, a token per device.

import { localize } from "./time.js";

const store = {
  get: () => { try { return JSON.parse(localStorage.getItem("softphone")) ?? {}; } catch { return {}; } },
  set: (value) => localStorage.setItem("softphone", JSON.stringify(value)),
};

let state = store.get(); // {device: {id, number}, username, token, profile}
let listening; // AbortController of the events' request
let password; // of a sign-in that met the limit, for "Try again"; never stored

const platform = (() => {
  const agent = navigator.userAgent;
  if (/iPhone|iPad/.test(agent)) return ["iphone", "iPhone"];
  if (/Android/.test(agent)) return ["android", "Android"];
  if (/Windows/.test(agent)) return ["windows", "Windows"];
  if (/Macintosh/.test(agent)) return ["mac", "Mac"];
  return ["other", /Linux/.test(agent) ? "Linux" : "this computer"];
})();

const platforms = { mac: "Mac", iphone: "iPhone", windows: "Windows", android: "Android", other: "Other" };

// keep stores what changed. What did not is left alone: another tab may have stored something else meanwhile.
function keep(change) {
  const before = JSON.stringify(state);
  state = { ...state, ...change };
  if (JSON.stringify(state) !== before) store.set(state);
}

// unique is 128 random bits. crypto.randomUUID is only there over https, this is everywhere.
const unique = () => [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

function newDevice() {
  const number = (state.device?.number ?? 0) + 1;
  keep({ device: { id: `browser-${unique()}`, number }, token: undefined, profile: undefined });
}

if (!state.device) newDevice();

const deviceName = () => `Browser ${state.device.number} on ${platform[1]}`;

async function call(method, path, body) {
  const headers = { Accept: "application/json" };
  if (body) headers["Content-Type"] = "application/json";
  if (state.token) headers.Authorization = `Bearer ${state.token}`;
  let response;
  try {
    response = await fetch(`/api/v1/softphone/${path}`, {
      method, headers, body: body && JSON.stringify(body), credentials: "omit", cache: "no-store",
    });
  } catch {
    return { status: 0, body: {} };
  }
  const answer = await response.json().catch(() => ({}));
  return { status: response.status, body: answer, later: response.headers.get("Retry-After") };
}

async function signIn(username, secret) {
  const answer = await call("POST", "sign-in", {
    username, password: secret, device: { id: state.device.id, platform: platform[0], name: deviceName() },
  });
  password = undefined;
  if (answer.status === 200) {
    keep({ username, token: answer.body.token, profile: answer.body });
    return open();
  }
  if (answer.status === 403) {
    keep({ username });
    password = secret;
    return limit(answer.body);
  }
  return fault(words(answer));
}

function words({ status, later }) {
  if (status === 401 || status === 400) return "The username or the password is not right.";
  if (status === 429) return later ? `Too many attempts. Try again in ${later} s.` : "Too many attempts. Try again in a while.";
  return "The softphone cannot sign in at the moment. Try again; it is safe.";
}

// open shows the signed-in screen and stays informed.
function open() {
  const p = state.profile;
  put("name", p.displayName);
  put("username", p.username ?? state.username);
  put("initials", initials(p.displayName));
  put("seats", `Device ${p.used} of ${p.limit}`);
  show("in");
  listen();
}

const initials = (name) => (name ?? "").split(/\s+/).filter((w) => /^[\p{L}\p{N}]/u.test(w)).slice(0, 2).map((w) => [...w][0].toUpperCase()).join("");

function learn(profile) {
  const before = state.profile?.displayName;
  keep({ profile: { ...state.profile, ...profile } });
  open();
  if (before && before !== profile.displayName) put("news", `The name is now ${profile.displayName}.`);
}

function ended() {
  keep({ token: undefined, profile: undefined });
  listening?.abort();
  welcome();
  fault("This device was signed out: its seat was removed, or the app was disabled.");
}

// listen reads the server's events with fetch, because an EventSource cannot send the token.
async function listen() {
  if (listening && !listening.signal.aborted) return;
  const mine = (listening = new AbortController());
  while (!mine.signal.aborted) {
    try {
      const response = await fetch("/api/v1/softphone/events", {
        headers: { Authorization: `Bearer ${state.token}`, Accept: "text/event-stream" }, signal: mine.signal, credentials: "omit", cache: "no-store",
      });
      if (response.status === 401) return ended();
      if (response.ok) await follow(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch { /* the connection ended: try again below */ }
    if (!mine.signal.aborted) await new Promise((resolve) => setTimeout(resolve, 2000));
  }
}

// follow takes events until the stream ends. The first tells the profile as it is.
async function follow(reader) {
  for (let rest = ""; ;) {
    const { value, done } = await reader.read();
    if (done) return;
    const events = (rest + value).split("\n\n");
    rest = events.pop();
    for (const event of events) {
      const [, name] = event.match(/^event: (.*)$/m) ?? [];
      const [, data] = event.match(/^data: (.*)$/m) ?? [];
      if (name === "profile") learn(JSON.parse(data));
      if (name === "signed-out") ended();
    }
  }
}

function limit(problem) {
  const full = problem.limit ? `All ${problem.limit} seats of this license are taken.` : "All seats of this license are taken.";
  put("limit", `${full} Ask your administrator to remove a device, then try again.`);
  const list = document.querySelector("[data-list]");
  list.replaceChildren(...(problem.devices ?? []).map(seat));
  show("limit");
}

function seat(device) {
  const item = document.querySelector("#seat").content.cloneNode(true);
  const known = device.platform in platforms ? device.platform : "other";
  item.querySelector("use").setAttribute("href", `#icon-${known}`);
  item.querySelector("bdi").textContent = device.name || platforms[known];
  const since = document.createElement("time");
  since.dateTime = device.since;
  item.querySelector(".who span").append(`${platforms[known]}, since `, since);
  localize(item);
  return item;
}

function put(what, text) {
  for (const element of document.querySelectorAll(`[data-text="${what}"]`)) element.textContent = text;
}

function fault(text) {
  const note = document.querySelector('[data-text="fault"]');
  note.textContent = text;
  note.hidden = !text;
}

function show(screen) {
  put("device", deviceName());
  let moved = false;
  for (const section of document.querySelectorAll("[data-screen]")) {
    const mine = section.dataset.screen === screen;
    moved ||= mine && section.hidden;
    section.hidden = !mine;
  }
  if (moved) document.querySelector(`[data-screen="${screen}"] h1`).focus();
}

function welcome() {
  fault("");
  document.querySelector("#username").value = state.username ?? "";
  document.querySelector("#password").value = "";
  show("sign-in");
}

async function busy(button, work) {
  if (button.ariaBusy) return;
  button.ariaBusy = "true";
  try { await work(); } finally { button.ariaBusy = null; }
}

document.querySelector("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const username = document.querySelector("#username").value.trim();
  const secret = document.querySelector("#password").value;
  if (!username || !secret) return fault("Enter the username and the password.");
  busy(event.target.querySelector("button"), () => signIn(username, secret));
});

const actions = {
  "sign-out": async () => {
    listening?.abort();
    await call("POST", "sign-out");
    keep({ token: undefined, profile: undefined });
    welcome();
  },
  another: () => {
    listening?.abort();
    newDevice();
    welcome();
  },
  again: () => (password ? signIn(state.username, password) : welcome()),
};

document.addEventListener("click", (event) => {
  const button = event.target.closest("[data-do]");
  if (button) busy(button, actions[button.dataset.do]);
});

// Tabs of one browser are one softphone: when another tab made it a different one, this tab begins again.
const identity = ({ device, token }) => `${device?.id} ${token}`;
addEventListener("storage", () => { if (identity(store.get()) !== identity(state)) location.reload(); });

if (state.token) {
  open();
} else {
  welcome();
}
