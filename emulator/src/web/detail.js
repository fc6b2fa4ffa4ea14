// The panel with everything about one item, and what can be done with it.

import { button, byId, bytes, duration, make, moment, visible } from "./dom.js";
import { SHOWN, asHex, asJson, asText, bytesOf } from "./payload.js";
import { count, t } from "./strings.js";
import { kindOf, reasonOf, secondsLeft, tokenState } from "./views.js";

export class Detail {
  /// `act` has the actions, and `filter(words)` and `close()`.
  constructor(act) {
    this.act = act;
    this.panel = byId("detail");
    this.format = null;
  }

  hide() {
    this.panel.hidden = true;
    byId("work").classList.remove("narrow");
    this.panel.replaceChildren();
  }

  show(view, item) {
    const parts = { clients: () => this.#client(item), tokens: () => this.#token(item) };
    const [title, facts, rest, buttons] = (parts[view.name] ?? (() => this.#entry(item)))();
    const close = button("×", this.act.close, "close");
    close.setAttribute("aria-label", t("close"));
    const list = make("dl", "");
    for (const [key, value, className = ""] of facts) {
      if (value !== "" && value !== undefined) list.append(make("dt", "", t(key)), make("dd", className, value));
    }
    const bar = make("div", "actions", ...buttons);
    this.panel.replaceChildren(make("div", "top", make("h2", "", title), close), list, bar, ...rest);
    this.panel.hidden = false;
    byId("work").classList.add("narrow");
  }

  #entry(entry) {
    const [title, tone] = kindOf(entry);
    const flags = [entry.dup && t("flag_dup"), entry.ordered && t("flag_ordered")].filter(Boolean).join(", ");
    const code = entry.what === "login_refused" ? t(`code_${entry.code}`) : visible(String(entry.code ?? ""));
    const isApi = entry.what.startsWith("api_");
    const facts = [
      ["reason", reasonOf(entry), `strong ${tone}`],
      ["code", code],
      ["action", isApi ? visible(entry.action) : ""],
      ["client", visible(entry.client_id), "mono"],
      ["topic", visible(entry.topic ?? ""), "mono"],
      ["filters", visible(entry.filter ?? ""), "mono"],
      ["permission", entry.permission],
      ["qos", entry.qos === undefined ? "" : String(entry.qos)],
      ["packet", entry.packet_id ? String(entry.packet_id) : ""],
      ["flags", flags],
      ...connectionFacts(entry),
      ["keep_alive", entry.keep_alive === undefined ? "" : `${entry.keep_alive} s`],
      ["size", entry.payload ? bytes(entry.payload.size) : ""],
      ["time", moment(entry.time_ms)],
      ["sequence", String(entry.sequence)],
    ];
    const buttons = [];
    if (entry.client_id) buttons.push(button(t("only_client"), () => this.act.filter(entry.client_id)));
    if (entry.topic) {
      buttons.push(button(t("only_topic"), () => this.act.filter(entry.topic)));
      if (/^[A-Za-z0-9@_/-]+$/.test(entry.topic)) {
        buttons.push(button(t("forbid_topic"), () => this.act.forbid(entry.topic)));
        if (entry.payload) buttons.push(button(t("publish_again"), () => this.act.compose(entry)));
      }
    }
    return [title, facts, entry.payload ? [this.#payload(entry)] : [], buttons];
  }

  #payload(entry) {
    const box = make("div", "payload");
    const bar = make("div", "segments");
    bar.setAttribute("role", "group");
    bar.setAttribute("aria-label", t("show_as"));
    const shown = make("pre", "");
    shown.tabIndex = 0;
    const hints = make("p", "muted");
    const draw = () => {
      const payload = entry.payload;
      const json = asJson(payload);
      const isText = payload.text !== undefined;
      const fits = { as_text: isText, as_json: json !== null, as_hex: true };
      const best = json !== null ? "as_json" : isText ? "as_text" : "as_hex";
      const format = fits[this.format] ? this.format : best;
      bar.replaceChildren(...Object.keys(fits).map((key) => {
        const choice = button(t(key), () => {
          this.format = key;
          draw();
          bar.querySelector("[aria-pressed=true]").focus();
        });
        choice.disabled = !fits[key];
        choice.setAttribute("aria-pressed", String(key === format));
        return choice;
      }));
      const render = { as_text: asText, as_json: () => json, as_hex: asHex };
      shown.textContent = render[format](payload);
      hints.replaceChildren();
      if (payload.size === 0) hints.append(t("no_payload"));
      else if (!isText) hints.append(t("not_text"));
      if (payload.cut) {
        const loaded = bytesOf(payload).length;
        hints.append(" ", t("cut", { shown: count(loaded), size: count(payload.size) }), " ");
        hints.append(button(t("load"), () => this.act.load(entry, draw)));
      } else if (payload.size > SHOWN) {
        hints.append(" ", t("cut", { shown: count(SHOWN), size: count(payload.size) }));
      }
    };
    draw();
    box.append(bar, hints, shown);
    return box;
  }

  #client(session) {
    const { client_id: id, connection, filters, online } = session;
    const facts = [
      ["status", t(online ? "online" : "offline"), online ? "strong good" : "muted"],
      ...connectionFacts({ ...connection, what: "connected" }),
      ["since", connection ? moment(Date.parse(connection.since)) : ""],
      ["filters", filters.length ? "" : t("none"), "muted"],
    ];
    const list = make("ul", "mono", ...filters.map((filter) => make("li", "", visible(filter))));
    const buttons = [
      button(t("its_messages"), () => this.act.messagesOf(id)),
      button(t("message_it"), () => this.act.composeTo(id)),
    ];
    if (online) buttons.unshift(button(t("kick"), () => this.act.kick(id), "danger"));
    const rest = filters.length ? [make("h3", "", `${t("filters")} (${filters.length})`), list] : [];
    return [visible(id), facts, rest, buttons];
  }

  #token(token) {
    const [state, tone] = tokenState(token);
    const isValid = state === "token_valid";
    const facts = [
      ["status", t(state), `strong ${tone}`],
      ["left", isValid ? duration(secondsLeft(token)) : ""],
      ["expires", moment(Date.parse(token.expires))],
      ["permission", token.permission],
      ["key", visible(token.access_key_id), "mono"],
    ];
    const list = make("ul", "mono", ...token.resources.map((resource) => make("li", "", visible(resource))));
    const buttons = isValid
      ? [
        button(t("expire"), () => this.act.endToken("expire", token.number), "danger"),
        button(t("revoke"), () => this.act.endToken("revoke", token.number), "danger"),
      ]
      : [];
    return [`Token ${token.number}`, facts, [make("h3", "", t("resources")), list], buttons];
  }
}

function connectionFacts(connection) {
  if (!connection.login) return [];
  const session = t(connection.clean_session ? "session_clean" : "session_kept");
  return [
    ["login", connection.login],
    ["version", connection.version],
    ["transport", connection.listener],
    ["session", connection.session_present ? `${session}, ${t("session_present")}` : session],
  ];
}
