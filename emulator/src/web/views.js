// The views: which items each shows, in which columns, and what stands there if there are none.

import { bytes, clock, duration, make, moment, visible } from "./dom.js";
import { preview } from "./payload.js";
import { t } from "./strings.js";

const ARROWS = { published: "↑", delivered: "↓", service_published: "↓" };
const TONES = {
  connected: "good",
  login_refused: "bad",
  violation: "bad",
  disconnected: "muted",
  api_refused: "bad",
  dropped: "warn",
  filter_ignored: "warn",
  control_ignored: "warn",
  kicked: "warn",
  published: "in",
  delivered: "out",
  service_published: "out",
};

/// Returns the kind of an entry as a text and its tone.
export function kindOf(entry) {
  const arrow = ARROWS[entry.what];
  const text = t(`what_${entry.what}`);
  const isCut = entry.what === "disconnected" && !entry.reason.endsWith("_by_client");
  return [arrow ? `${arrow} ${text}` : text, isCut ? "bad" : (TONES[entry.what] ?? "")];
}

/// Returns why something was refused or cut.
export function reasonOf(entry) {
  if (entry.what === "disconnected") return t(`reason_${entry.reason}`);
  if (entry.what === "filter_ignored") return t("reason_quota");
  if (entry.what === "violation") return `${t(`did_${entry.action}`)}: ${visible(entry.reason)}`;
  return visible(entry.reason ?? "");
}

/// The part of the line for people that follows the client id.
function eventOf(entry) {
  const prefix = entry.client_id ? `${visible(entry.client_id)}: ` : "";
  const text = visible(entry.text);
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}

/// Returns the state of a token: its key and tone.
export function tokenState(token) {
  if (token.revoked) return ["token_revoked", "bad"];
  return secondsLeft(token) > 0 ? ["token_valid", "good"] : ["token_expired", "muted"];
}

export function secondsLeft(token) {
  return Math.max(0, (token.end - performance.now()) / 1000);
}

/// Splits a client id before its device id.
function groupAndDevice(client) {
  const at = client.indexOf("@@@");
  return at < 0 ? ["", client] : [client.slice(0, at), client.slice(at)];
}

const codeOf = (entry) => (entry.code === undefined ? "" : visible(String(entry.code)));
const topicOf = (entry) => visible(entry.topic ?? entry.filter ?? "");

const TIME = { key: "time", cell: (entry) => clock(entry.time_ms) };
const CLIENT = { key: "client", cell: (item) => visible(item.client_id), parts: groupAndDevice };
const KIND = { key: "kind", cell: kindOf };

const fromRing = (name) => (store) => store.rings[name];

/// The text of an entry that filters look at, in lower case and in the language of the page.
function textOfEntry(entry) {
  const language = document.documentElement.lang;
  if (entry.language === language) return entry.words;
  entry.language = language;
  entry.words = [
    entry.what, t(`what_${entry.what}`), entry.client_id, entry.topic, entry.filter, entry.code, entry.action,
    entry.text, entry.payload?.text, reasonOf(entry),
  ].join(" ").toLowerCase();
  return entry.words;
}

export const VIEWS = [
  {
    name: "messages",
    ring: fromRing("messages"),
    textOf: textOfEntry,
    empty: "environment",
    columns: [
      TIME,
      KIND,
      CLIENT,
      { key: "topic", cell: topicOf },
      { key: "qos", cell: (entry) => String(entry.qos) },
      { key: "size", cell: (entry) => bytes(entry.payload.size) },
      { key: "payload", cell: (entry) => [preview(entry.payload), entry.payload.text === undefined ? "muted" : ""] },
    ],
  },
  {
    name: "clients",
    items: (store) => store.sessions,
    keyOf: (session) => session.client_id,
    textOf: (session) => JSON.stringify([session.client_id, session.filters, session.connection]).toLowerCase(),
    empty: "environment",
    columns: [
      { key: "status", cell: ({ online }) => (online ? [`● ${t("online")}`, "good"] : [`○ ${t("offline")}`, "muted"]) },
      CLIENT,
      { key: "login", cell: ({ connection }) => connection?.login ?? "" },
      { key: "version", cell: ({ connection }) => connection?.version ?? "" },
      { key: "transport", cell: ({ connection }) => connection?.listener ?? "" },
      { key: "clean", cell: ({ connection }) => (connection ? t(connection.clean_session ? "yes" : "no") : "") },
      { key: "since", cell: ({ connection }) => (connection ? clock(Date.parse(connection.since)) : "") },
      { key: "filters", cell: ({ filters }) => (filters.length ? visible(filters.join("   ")) : ["–", "muted"]) },
    ],
  },
  {
    name: "problems",
    ring: fromRing("problems"),
    textOf: textOfEntry,
    empty: "text",
    columns: [
      TIME,
      KIND,
      CLIENT,
      { key: "code", cell: codeOf },
      { key: "reason", cell: reasonOf },
      { key: "topic", cell: topicOf },
    ],
  },
  {
    name: "tokens",
    items: (store) => store.tokens,
    keyOf: (token) => token.number,
    textOf: (token) => `${token.permission} ${token.resources.join(" ")} ${token.access_key_id}`.toLowerCase(),
    empty: "text",
    columns: [
      { key: "number", cell: (token) => String(token.number) },
      { key: "status", cell: (token) => [t(tokenState(token)[0]), tokenState(token)[1]] },
      { key: "left", cell: (token) => (tokenState(token)[0] === "token_valid" ? duration(secondsLeft(token)) : "–") },
      { key: "expires", cell: (token) => moment(Date.parse(token.expires)) },
      { key: "permission", cell: (token) => token.permission },
      { key: "resources", cell: (token) => visible(token.resources.join("   ")) },
      { key: "key", cell: (token) => visible(token.access_key_id) },
    ],
  },
  {
    name: "calls",
    ring: fromRing("calls"),
    textOf: textOfEntry,
    empty: "api",
    columns: [
      TIME,
      {
        key: "result",
        cell: (entry) => (entry.what === "api_called" ? [t("result_ok"), "good"] : [codeOf(entry), "bad"]),
      },
      { key: "action", cell: (entry) => visible(entry.action || "–") },
      CLIENT,
    ],
  },
  {
    name: "activity",
    ring: fromRing("activity"),
    textOf: textOfEntry,
    empty: "environment",
    columns: [TIME, KIND, CLIENT, { key: "event", cell: eventOf }],
  },
  { name: "rules" },
];

/// Shows what an empty view waits for.
export function emptyState(view, settings) {
  const text = make("p", "", t(`empty_${view.name}`));
  if (view.empty === "text" || !settings) return [text];
  const { endpoints } = settings;
  if (view.empty === "api") return [text, make("pre", "", endpoints.api)];
  const [key] = settings.access_key_ids;
  const lines = [
    ["ALIYUN_MQTT_ENDPOINT", endpoints.tcp],
    ["ALIYUN_MQTT_INSTANCE_ID", settings.instance_id],
    ["ALIYUN_MQTT_GROUP_ID", settings.group_ids[0]],
    ["ALIYUN_MQTT_TOPIC", settings.parent_topics[0]],
    ["ALIYUN_MQTT_API_ENDPOINT", endpoints.api],
    ["ALIBABA_CLOUD_ACCESS_KEY_ID", key],
  ].map(([name, value]) => `${name}=${visible(value ?? "")}`);
  lines.push(`ALIBABA_CLOUD_ACCESS_KEY_SECRET=…  # ${t("secret_note")}`);
  return [text, make("pre", "", lines.join("\n"))];
}
