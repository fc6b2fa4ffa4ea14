// The control API: calls, and the stream of what the emulator sees.

const KINDS = [
  "started", "stopped", "connected", "login_refused", "published", "violation", "subscribed", "filter_ignored",
  "unsubscribed", "order_enabled", "token_uploaded", "control_ignored", "notice_pushed", "delivered", "stored",
  "dropped", "kicked", "service_published", "api_called", "api_refused", "disconnected",
];

/// The bytes of each payload that come with the stream; the rest is loaded where someone looks at it.
const MAX_PAYLOAD = 4096;

/// How far back the stream begins.
const LAST = 40_000;

/// The emulator sends something every 15 s.
const SILENCE = 40_000;

/// The answer of a call that failed.
export class Failure extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}

export class Server {
  /// `token` is sent as a header only, never in a URL.
  constructor(token) {
    this.token = token;
  }

  get(path) {
    return this.#call(path, {});
  }

  post(path, body) {
    const headers = { "Content-Type": "application/json" };
    return this.#call(path, { method: "POST", headers, body: JSON.stringify(body) });
  }

  /// Returns one entry of the log with its whole payload; `null` if the log has dropped it.
  async entry(sequence) {
    const page = await this.get(`log?since=${sequence}&max=1`);
    return page.entries.find((entry) => entry.sequence === sequence) ?? null;
  }

  /// Keeps the stream open. `on` has the functions `state`, `settings`, `entries` and `missed`.
  async follow(on) {
    let next = null;
    let log = null;
    for (let delay = 250; ; delay = Math.min(delay * 2, 5000)) {
      try {
        const settings = await this.get("settings");
        // Another emulator has another log.
        const isNew = log !== null && settings.log.id !== log;
        if (isNew) next = null;
        log = settings.log.id;
        on.settings(settings, isNew);
        await this.#stream(log, next, (events) => {
          delay = 250;
          const entries = [];
          for (const event of events) {
            if (event.entry) {
              entries.push(event.entry);
              next = event.entry.sequence + 1;
            } else {
              on.missed(event.missed);
            }
          }
          on.entries(entries);
        }, () => on.state("live"));
      } catch (error) {
        if (error.status === 401 || error.status === 403) {
          on.state("locked");
          return;
        }
      }
      on.state("lost");
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  async #stream(log, next, take, begun) {
    const start = next === null ? `last=${LAST}` : `since=${next}`;
    const query = `${start}&log=${log}&max_payload=${MAX_PAYLOAD}&what=${KINDS.join(",")}`;
    const abort = new AbortController();
    let watchdog = setTimeout(() => abort.abort(), SILENCE);
    try {
      const response = await this.#fetch(`events?${query}`, { signal: abort.signal });
      if (!response.ok) throw new Failure(response.status, response.statusText);
      begun();
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
      let rest = "";
      for (;;) {
        const { value, done } = await reader.read();
        if (done) return;
        clearTimeout(watchdog);
        watchdog = setTimeout(() => abort.abort(), SILENCE);
        const blocks = (rest + value).split("\n\n");
        rest = blocks.pop();
        const events = blocks.map(parse).filter((event) => event !== null);
        if (events.length > 0) take(events);
      }
    } finally {
      clearTimeout(watchdog);
    }
  }

  async #call(path, options) {
    const response = await this.#fetch(path, options);
    if (response.ok) return response.json();
    const problem = await response.json().catch(() => ({}));
    throw new Failure(response.status, problem.detail ?? response.statusText);
  }

  #fetch(path, { headers = {}, ...options }) {
    const all = { Authorization: `Bearer ${this.token}`, ...headers };
    return fetch(`control/${path}`, { headers: all, cache: "no-store", credentials: "omit", ...options });
  }
}

/// Parses one event: an entry, or the number of missed ones; `null` for a comment and for the name of the log.
function parse(block) {
  const data = block.split("\n").find((line) => line.startsWith("data: "));
  if (data === undefined) return null;
  const value = JSON.parse(data.slice(6));
  if (value.log !== undefined) return null;
  return value.missed === undefined ? { entry: value } : { missed: value.missed };
}
