// What the page does to the emulator: publish, kick, forbid, refuse, end tokens.

import { button, byId, make, note, visible } from "./dom.js";
import { hexToBase64, bytesOf } from "./payload.js";
import { t } from "./strings.js";

export class Actions {
  /// `refresh(name)` reads sessions, tokens or settings anew.
  constructor(server, store, refresh) {
    this.server = server;
    this.store = store;
    this.refresh = refresh;
    this.dialog = byId("publishing");
    this.form = this.dialog.querySelector("form");
    this.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#publish();
    });
    this.form.querySelector("[value=cancel]").addEventListener("click", () => this.dialog.close());
    this.form.payload.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.form.requestSubmit();
    });
  }

  /// Opens the form for a message: like this one, or to this topic.
  compose({ topic, qos = 1, payload = { text: "" } } = {}) {
    const { form } = this;
    form.topic.value = topic ?? (form.topic.value || `${this.#parent()}/`);
    form.qos.value = String(qos);
    const isText = payload.text !== undefined;
    form.format.value = isText ? "text" : "hex";
    const hex = () => Array.from(bytesOf(payload), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    form.payload.value = isText ? payload.text : hex();
    byId("publishing-error").textContent = "";
    this.dialog.showModal();
    form[topic ? "payload" : "topic"].focus();
  }

  composeTo(client) {
    this.compose({ topic: `${this.#parent()}/p2p/${client}` });
  }

  kick(client) {
    const done = ({ kicked }) => note(t(kicked ? "done_kick" : "done_kick_none", { what: visible(client) }));
    return this.#run("kick", { client_id: client }, done, "sessions");
  }

  forbid(filter) {
    return this.#run("forbid", { filter }, () => note(t("done_forbid", { what: filter })), "settings");
  }

  endToken(how, number) {
    const done = () => note(t(how === "expire" ? "done_expire" : "done_revoke", { what: number }));
    return this.#run(`tokens/${how}`, { number }, done, "tokens");
  }

  /// Draws the rules that are in force, and the forms that change them.
  drawRules() {
    const faults = this.store.settings?.faults;
    const root = byId("rules");
    // Not under the fingers of someone who types.
    const isInUse = root.contains(document.activeElement) && document.activeElement.matches("input, select");
    const shown = JSON.stringify([faults, document.documentElement.lang]);
    if (!faults || shown === this.shownRules || (isInUse && this.shownRules && !this.rulesChanged)) return;
    this.shownRules = shown;
    this.rulesChanged = false;
    root.replaceChildren(this.#forbidden(faults), this.#logins(faults));
  }

  #forbidden(faults) {
    const rows = faults.forbidden.map((filter) => {
      const allow = button(t("allow"), () => {
        this.#run("allow", { filter }, () => note(t("done_allow", { what: visible(filter) })), "settings");
      });
      return make("li", "", make("code", "", visible(filter)), allow);
    });
    const list = rows.length ? make("ul", "rows", ...rows) : make("p", "muted", t("rules_none"));
    const input = make("input", "mono");
    Object.assign(input, { name: "filter", required: true, maxLength: 256, spellcheck: false, autocomplete: "off" });
    input.placeholder = `${this.#parent()}/alarm/#`;
    input.setAttribute("aria-label", t("rules_filter"));
    const form = rulesForm(t("forbid"), [input], async () => {
      if (await this.forbid(input.value.trim())) input.value = "";
    });
    return make("div", "card", make("h2", "", t("rules_forbidden")), about("rules_forbidden_about"), form, list);
  }

  #logins(faults) {
    const code = make("select", "");
    code.setAttribute("aria-label", t("code"));
    for (const number of [1, 2, 3, 4, 5]) code.append(new Option(t(`code_${number}`), String(number)));
    code.value = "5";
    const times = make("input", "short");
    Object.assign(times, { type: "number", min: "1", max: "1000000", placeholder: t("rules_count_hint") });
    times.setAttribute("aria-label", t("rules_count"));
    const form = rulesForm(t("refuse"), [code, times], () => {
      const body = { code: Number(code.value) };
      if (times.value) body.count = Number(times.value);
      const done = () => note(t("done_refuse", { what: body.code }));
      return this.#run("refuse-logins", body, done, "settings");
    });
    let state = t("rules_accepted");
    if (faults.refuse_logins) state = t("rules_refused", { n: faults.refuse_logins });
    else if (faults.refuse_next_logins) state = t("rules_refused_next", { n: faults.refuse_next_logins });
    const isRefusing = Boolean(faults.refuse_logins || faults.refuse_next_logins);
    const accept = button(t("accept"), () => {
      this.#run("accept-logins", {}, () => note(t("done_accept")), "settings");
    });
    accept.hidden = !isRefusing;
    const line = make("p", isRefusing ? "bad" : "good", state, " ", accept);
    return make("div", "card", make("h2", "", t("rules_logins")), about("rules_logins_about"), form, line);
  }

  async #publish() {
    const { topic, qos, format, payload } = this.form;
    const error = byId("publishing-error");
    const base64 = format.value === "hex" ? hexToBase64(payload.value) : null;
    if (format.value === "hex" && base64 === null) {
      error.textContent = t("bad_hex");
      return;
    }
    const body = { topic: topic.value.trim(), qos: Number(qos.value) };
    body.payload = base64 === null ? payload.value : { base64 };
    try {
      await this.server.post("publish", body);
      this.dialog.close();
      note(t("done_publish", { what: visible(body.topic) }));
    } catch (failure) {
      error.textContent = whyOf(failure);
    }
  }

  /// Calls the control API; returns true if that succeeded.
  async #run(path, body, done, stale) {
    let isDone = true;
    try {
      done(await this.server.post(path, body));
    } catch (failure) {
      isDone = false;
      note(t("failed", { why: whyOf(failure) }), true);
    }
    this.rulesChanged = true;
    await this.refresh(stale);
    return isDone;
  }

  #parent() {
    return this.store.settings?.parent_topics[0] ?? "";
  }
}

function whyOf(failure) {
  return failure.status ? visible(failure.message) : t("unreachable");
}

function about(key) {
  return make("p", "muted", t(key));
}

function rulesForm(label, fields, submit) {
  const form = make("form", "line", ...fields, make("button", "", label));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    submit();
  });
  return form;
}
