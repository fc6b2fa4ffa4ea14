// The page: tabs, filter, pause, and the way from what the emulator says to what is drawn.

import { Actions } from "./actions.js";
import { Detail } from "./detail.js";
import { byId, note, translate } from "./dom.js";
import { List } from "./list.js";
import { Server } from "./server.js";
import { Filter, Store } from "./store.js";
import { chooseLanguage, count, otherLanguage, t } from "./strings.js";
import { VIEWS, emptyState } from "./views.js";

/// How often the sessions are read at most, and how often what changes without an entry in the log.
const REFRESH = 400;
const POLL = 5000;

/// The token is in the fragment, which no request carries. It moves out of sight, and stays for reloads of this tab.
function takeToken() {
  if (location.hash.length > 1) {
    sessionStorage.setItem("token", location.hash.slice(1));
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token") ?? "";
}

const server = new Server(takeToken());
const store = new Store(changed);
const list = new List(byId("list"), { select, leave: closeDetail });
const actions = new Actions(server, store, refresh);
const detail = new Detail({
  compose: (message) => actions.compose(message),
  composeTo: (client) => actions.composeTo(client),
  kick: (client) => actions.kick(client),
  forbid: (topic) => actions.forbid(topic),
  endToken: (how, number) => actions.endToken(how, number),
  filter: (words) => setFilter(words),
  messagesOf: (client) => { open(VIEWS[0]); setFilter(client); },
  load: loadPayload,
  close: closeDetail,
});

let view = VIEWS[0];
let filter = new Filter("", "");
let state = "connecting";
/// The items that fit the filter, and how far the ring was looked at.
let shown = [];
let seen = 0;
/// Where the ring ended when the view was paused; `null` while it is live.
let pausedAt = null;
let isStale = false;

// ---- what is shown

/// Brings `shown` up to date: what is new is looked at once.
function sync() {
  let gone = 0;
  if (view.ring) {
    const ring = view.ring(store);
    const end = pausedAt ?? ring.end;
    if (seen < end) {
      const added = ring.since(seen).slice(0, Math.max(0, end - Math.max(seen, ring.dropped)));
      for (const item of added) if (filter.fits(item, view.textOf)) shown.push(item);
      seen = end;
    }
    if (pausedAt === null) {
      const oldest = ring.entries[0]?.sequence ?? Infinity;
      gone = shown.findIndex((item) => item.sequence >= oldest);
      if (gone < 0) gone = shown.length;
      if (gone > 0) shown.splice(0, gone);
    }
  } else if (view.items && (pausedAt === null || seen === 0)) {
    seen = 1;
    shown = view.items(store).filter((item) => filter.fits(item, view.textOf));
  }
  list.update(shown, gone);
}

/// Looks at everything again, under another filter or in another view.
function rescan() {
  shown = [];
  seen = 0;
  sync();
  draw();
}

function totalOf(one) {
  if (one.ring) return one.ring(store).entries.length;
  if (one.items) return one.items(store).length;
  const faults = store.settings?.faults;
  return faults ? faults.forbidden.length + (faults.refuse_logins || faults.refuse_next_logins ? 1 : 0) : 0;
}

function draw() {
  const isList = Boolean(view.columns);
  byId("list").hidden = !isList;
  byId("rules").hidden = isList;
  byId("tools").hidden = !isList;
  byId("direction").hidden = view.name !== "messages";
  for (const tab of byId("tabs").children) {
    const total = totalOf(VIEWS.find(({ name }) => name === tab.dataset.view));
    const number = tab.querySelector(".number");
    number.textContent = total ? count(total) : "";
    number.classList.toggle("bad", ["problems", "rules"].includes(tab.dataset.view) && total > 0);
  }
  const isRunning = store.settings?.running !== false;
  const key = state === "live" && !isRunning ? "stopped" : state;
  byId("state").dataset.state = key;
  byId("state").textContent = t(`state_${key}`);
  byId("locked").hidden = state !== "locked";
  byId("publish").disabled = !store.settings || state === "locked";
  const { settings } = store;
  byId("instance").textContent = settings?.instance_id ?? "";
  byId("endpoint").textContent = settings?.endpoints.tcp ?? "";
  if (isList) drawTools();
  else actions.drawRules();
}

function drawTools() {
  const total = totalOf(view);
  const isFiltered = !filter.isEmpty;
  const missed = store.missed ? ` · ${t("missed", { n: count(store.missed) })}` : "";
  const key = isFiltered ? "count_some" : "count_all";
  byId("count").textContent = t(key, { n: count(shown.length), all: count(total) }) + missed;
  const waiting = pausedAt === null || !view.ring ? 0 : view.ring(store).end - pausedAt;
  byId("pause").setAttribute("aria-pressed", String(pausedAt !== null));
  const paused = waiting ? t("resume_new", { n: count(waiting) }) : t("resume");
  byId("pause").textContent = pausedAt === null ? t("pause") : paused;
  byId("clear").hidden = !view.ring;
  list.empty.hidden = shown.length > 0;
  if (shown.length > 0) return;
  const cause = isFiltered && total > 0 ? "empty_filtered" : pausedAt === null ? "" : "empty_paused";
  const content = JSON.stringify([cause, view.name, store.settings?.endpoints, document.documentElement.lang]);
  if (list.empty.dataset.content === content) return;
  list.empty.dataset.content = content;
  list.empty.replaceChildren(...(cause ? [t(cause)] : emptyState(view, store.settings)));
}

/// Draws in the next frame, however much comes until then.
function schedule() {
  if (isStale) return;
  isStale = true;
  requestAnimationFrame(() => {
    isStale = false;
    sync();
    draw();
  });
}

// ---- what someone does

function open(next) {
  if (next !== view) {
    view = next;
    pausedAt = null;
    closeDetail();
  }
  for (const tab of byId("tabs").children) {
    const isSelected = tab.dataset.view === view.name;
    tab.setAttribute("aria-selected", String(isSelected));
    tab.tabIndex = isSelected ? 0 : -1;
  }
  if (view.columns) {
    const { name, columns, keyOf = (item) => item.sequence } = view;
    list.show({ name, label: t(`view_${name}`), columns, keyOf, follows: Boolean(view.ring) });
  }
  if (view.name === "clients") refresh("sessions");
  if (view.name === "tokens") refresh("tokens");
  if (view.name === "rules") refresh("settings");
  applyFilter();
}

function applyFilter() {
  const direction = view.name === "messages" ? byId("direction").value : "";
  filter = new Filter(byId("filter").value, direction);
  rescan();
}

function setFilter(words) {
  byId("filter").value = words;
  byId("direction").value = "";
  applyFilter();
}

function select(item) {
  detail.show(view, item);
}

function closeDetail() {
  list.select(null);
  detail.hide();
}

async function loadPayload(entry, draw) {
  const whole = await server.entry(entry.sequence).catch(() => null);
  if (!whole) note(t("gone"), true);
  entry.payload = whole?.payload ?? { ...entry.payload, cut: false };
  draw();
}

function togglePause() {
  pausedAt = pausedAt === null ? (view.ring ? view.ring(store).end : 0) : null;
  sync();
  draw();
}

function clear() {
  view.ring(store).clear();
  store.missed = 0;
  pausedAt = null;
  closeDetail();
  rescan();
}

function setLanguage(name) {
  chooseLanguage(name);
  translate(document);
  document.title = t("title");
  buildTabs();
  closeDetail();
  open(view);
}

function buildTabs() {
  byId("tabs").replaceChildren(...VIEWS.map((one) => {
    const tab = document.createElement("button");
    tab.type = "button";
    tab.id = `tab-${one.name}`;
    tab.dataset.view = one.name;
    tab.setAttribute("role", "tab");
    tab.setAttribute("aria-controls", "work");
    const number = document.createElement("span");
    number.className = "number";
    tab.append(t(`view_${one.name}`), number);
    tab.addEventListener("click", () => open(one));
    return tab;
  }));
}

function keyOnTabs(event) {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const next = VIEWS[(VIEWS.indexOf(view) + step + VIEWS.length) % VIEWS.length];
  open(next);
  byId(`tab-${next.name}`).focus();
}

function keyOnPage(event) {
  const isTyping = event.target.matches("input, select, textarea") || byId("publishing").open;
  if (event.key === "Escape" && event.target === byId("filter")) {
    setFilter("");
    list.scroller.focus();
  } else if (event.key === "Escape" && !isTyping) {
    closeDetail();
  } else if (!isTyping && !event.ctrlKey && !event.metaKey && !event.altKey) {
    if (event.key === "/" && view.columns) byId("filter").focus();
    else if (event.key === "p" && !byId("publish").disabled) actions.compose();
    else return;
    event.preventDefault();
  }
}

// ---- what the emulator says

const READ = {
  sessions: async () => { store.sessions = (await server.get("sessions")).sessions; },
  settings: async () => { store.settings = await server.get("settings"); },
  tokens: async () => {
    const { tokens } = await server.get("tokens");
    const now = performance.now();
    store.tokens = tokens.map((token) => ({ ...token, end: now + token.left * 1000 }));
  },
};
const reading = {};

/// Reads a part of the state anew. While it is being read, one more reading waits at most.
function refresh(name) {
  const current = reading[name];
  if (current?.next) return current.next;
  const run = async () => {
    await current?.done;
    reading[name].next = null;
    await READ[name]().catch(() => {});
    refreshDetail(name);
    schedule();
  };
  const done = run();
  reading[name] = { done, next: current ? done : null };
  return done;
}

/// What the panel shows about a session or token may be another now.
function refreshDetail(name) {
  if (byId("detail").hidden || list.selected === null || view.items === undefined) return;
  if ((view.name === "clients") !== (name === "sessions")) return;
  const item = view.items(store).find((one) => view.keyOf(one) === list.selected);
  if (!item) closeDetail();
  else if (!byId("detail").contains(document.activeElement)) detail.show(view, item);
}

const timers = {};

function changed(stale) {
  for (const name of stale) {
    timers[name] ??= setTimeout(() => {
      timers[name] = undefined;
      refresh(name);
    }, REFRESH);
  }
  schedule();
}

function poll() {
  if (document.hidden || state !== "live") return;
  const name = { clients: "sessions", tokens: "tokens", rules: "settings" }[view.name];
  if (name) refresh(name);
}

function begin() {
  byId("tabs").addEventListener("keydown", keyOnTabs);
  byId("filter").addEventListener("input", applyFilter);
  byId("direction").addEventListener("change", applyFilter);
  byId("pause").addEventListener("click", togglePause);
  byId("clear").addEventListener("click", clear);
  byId("publish").addEventListener("click", () => actions.compose());
  byId("language").addEventListener("click", () => {
    const name = otherLanguage();
    localStorage.setItem("language", name);
    setLanguage(name);
  });
  document.addEventListener("keydown", keyOnPage);
  // Another link in the same tab has another token.
  addEventListener("hashchange", () => location.reload());
  setInterval(poll, POLL);
  // The life of tokens.
  setInterval(() => { if (view.name === "tokens") list.schedule(); }, 1000);
  setLanguage(localStorage.getItem("language") ?? navigator.language);
  server.follow({
    state(name) {
      state = name;
      if (name === "live") for (const part of ["sessions", "tokens"]) refresh(part);
      schedule();
    },
    settings(settings, isNew) {
      store.settings = settings;
      if (isNew) {
        store.clear();
        closeDetail();
        rescan();
      }
    },
    entries: (entries) => store.add(entries),
    missed(number) {
      store.missed += number;
      schedule();
    },
  });
}

begin();
