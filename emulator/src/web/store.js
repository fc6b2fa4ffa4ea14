// What the page has seen, in bounded lists.

/// The most entries of a list, and the most characters of their payloads.
const BOUNDS = { messages: 20_000, problems: 5_000, calls: 5_000, activity: 20_000 };
const MAX_CHARACTERS = 32_000_000;

/// The kinds of entries of each list besides `activity`, which has all.
const LIST_OF = {
  published: "messages",
  delivered: "messages",
  service_published: "messages",
  login_refused: "problems",
  violation: "problems",
  filter_ignored: "problems",
  control_ignored: "problems",
  dropped: "problems",
  api_called: "calls",
  api_refused: "calls",
};

/// The kinds after which the sessions or tokens of the emulator are others.
const CHANGES = {
  sessions: new Set(["connected", "disconnected", "subscribed", "unsubscribed", "filter_ignored", "kicked", "stopped"]),
  tokens: new Set(["api_called", "token_uploaded", "violation"]),
};

/// A list that drops its oldest entries.
class Ring {
  constructor(bound) {
    this.bound = bound;
    this.clear();
  }

  clear() {
    this.entries = [];
    /// The number of entries before those that are kept.
    this.dropped = 0;
    this.characters = 0;
  }

  get end() {
    return this.dropped + this.entries.length;
  }

  push(entry) {
    this.entries.push(entry);
    this.characters += sizeOf(entry);
    // In steps, since each moves all that stay.
    const step = this.bound / 10;
    if (this.entries.length >= this.bound + step) this.#drop(step);
    while (this.characters > MAX_CHARACTERS && this.entries.length > step) this.#drop(step);
  }

  #drop(number) {
    for (const entry of this.entries.splice(0, number)) this.characters -= sizeOf(entry);
    this.dropped += number;
  }

  /// Returns the entries from this position on, counted from the first one ever.
  since(position) {
    return this.entries.slice(Math.max(0, position - this.dropped));
  }
}

export class Store {
  constructor(changed) {
    this.changed = changed;
    this.rings = Object.fromEntries(Object.entries(BOUNDS).map(([name, bound]) => [name, new Ring(bound)]));
    this.settings = null;
    this.sessions = [];
    this.tokens = [];
    this.missed = 0;
  }

  clear() {
    for (const ring of Object.values(this.rings)) ring.clear();
    this.missed = 0;
  }

  add(entries) {
    const stale = new Set();
    for (const entry of entries) {
      this.rings.activity.push(entry);
      const list = listOf(entry);
      if (list) this.rings[list].push(entry);
      for (const [name, kinds] of Object.entries(CHANGES)) if (kinds.has(entry.what)) stale.add(name);
      if (entry.what === "started" || entry.what === "stopped") stale.add("settings");
    }
    this.changed(stale);
  }
}

function listOf(entry) {
  if (entry.what === "disconnected") {
    // The violation before it says more, and a DISCONNECT is no trouble.
    return ["violation", "disconnected_by_client"].includes(entry.reason) ? null : "problems";
  }
  return LIST_OF[entry.what] ?? null;
}

function sizeOf(entry) {
  return entry.payload ? (entry.payload.text ?? entry.payload.base64).length : 0;
}

/// A filter as someone types it: words that must occur, and words after a dash that must not.
export class Filter {
  constructor(text, direction) {
    const words = text.toLowerCase().split(/\s+/).filter((word) => word && word !== "-");
    this.wanted = words.filter((word) => !word.startsWith("-"));
    this.unwanted = words.filter((word) => word.startsWith("-")).map((word) => word.slice(1));
    this.direction = direction;
  }

  get isEmpty() {
    return this.wanted.length === 0 && this.unwanted.length === 0 && !this.direction;
  }

  /// `textOf` returns the text of an item, in lower case.
  fits(item, textOf) {
    if (this.direction && item.what !== this.direction) return false;
    if (this.wanted.length === 0 && this.unwanted.length === 0) return true;
    const text = textOf(item);
    return this.wanted.every((word) => text.includes(word)) && !this.unwanted.some((word) => text.includes(word));
  }
}
