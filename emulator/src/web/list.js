// A table of any length that has elements only for the rows in sight.

import { make } from "./dom.js";
import { t } from "./strings.js";

const ROW_HEIGHT = 26;
const OVERSCAN = 6;

export class List {
  /// `columns` have `key`, the key of their title too, and `cell(item)`, a text or [text, class]; with `parts(text)`,
  /// the text in two elements. `on.select(item)` and `on.leave()` follow the keyboard and the pointer.
  constructor(root, on) {
    this.on = on;
    this.head = make("div", "row head");
    this.space = make("div", "space");
    this.empty = make("div", "empty");
    this.scroller = make("div", "scroller", this.head, this.space, this.empty);
    this.scroller.tabIndex = 0;
    this.scroller.setAttribute("role", "listbox");
    root.append(this.scroller);
    this.rows = [];
    this.items = [];
    this.keyOf = (item) => item.sequence;
    this.columns = [];
    this.selected = null;
    this.isFollowing = true;
    this.follows = true;
    /// Where the list was scrolled to.
    this.top = 0;
    this.wanted = false;
    this.scroller.addEventListener("scroll", () => {
      // Only who scrolls back leaves the end: an event may be late, and the list longer by then.
      if (this.scroller.scrollTop < this.top - 1) this.follows = false;
      if (this.isFollowing && this.#distance() < 2) this.follows = true;
      this.top = this.scroller.scrollTop;
      this.schedule();
    });
    this.scroller.addEventListener("keydown", (event) => this.#key(event));
    this.space.addEventListener("mousedown", (event) => this.#pointer(event));
    new ResizeObserver(() => this.schedule()).observe(this.scroller);
  }

  /// Shows another kind of items. A list that follows stays at its end while it grows.
  show({ name, label, columns, keyOf, follows }) {
    this.columns = columns;
    this.keyOf = keyOf;
    this.isFollowing = follows;
    this.follows = follows;
    this.selected = null;
    this.scroller.setAttribute("aria-label", label);
    this.scroller.dataset.view = name;
    this.head.replaceChildren(...columns.map(({ key }) => make("span", `c-${key}`, t(key))));
    for (const row of this.rows) row.remove();
    this.rows = [];
    this.scroller.scrollTop = 0;
    this.top = 0;
  }

  /// Sets the items. `dropped` of them, or of those shown before, are gone from the beginning.
  update(items, dropped = 0) {
    this.items = items;
    if (dropped > 0 && !this.follows) {
      this.scroller.scrollTop = Math.max(0, this.scroller.scrollTop - dropped * ROW_HEIGHT);
    }
    this.schedule();
  }

  select(key) {
    this.selected = key;
    this.schedule();
  }

  /// Asks for one drawing in the next frame, however often it is called.
  schedule() {
    if (this.wanted) return;
    this.wanted = true;
    requestAnimationFrame(() => {
      this.wanted = false;
      this.#draw();
    });
  }

  #distance() {
    const { scrollHeight, scrollTop, clientHeight } = this.scroller;
    return scrollHeight - scrollTop - clientHeight;
  }

  #draw() {
    const height = `${this.items.length * ROW_HEIGHT}px`;
    if (this.space.style.height !== height) this.space.style.height = height;
    this.space.hidden = this.items.length === 0;
    this.head.hidden = this.items.length === 0;
    if (this.follows) {
      this.scroller.scrollTop = this.scroller.scrollHeight;
      this.top = this.scroller.scrollTop;
    }
    const { scrollTop, clientHeight } = this.scroller;
    const first = Math.max(0, Math.floor(scrollTop / ROW_HEIGHT) - OVERSCAN);
    const last = Math.min(this.items.length, Math.ceil((scrollTop + clientHeight) / ROW_HEIGHT) + OVERSCAN);
    while (this.rows.length < last - first) this.#addRow();
    let active = "";
    this.rows.forEach((row, index) => {
      const at = first + index;
      row.hidden = at >= last;
      if (row.hidden) return;
      this.#fill(row, at);
      if (row.classList.contains("selected")) active = row.id;
    });
    if (active) this.scroller.setAttribute("aria-activedescendant", active);
    else this.scroller.removeAttribute("aria-activedescendant");
  }

  #addRow() {
    const cell = ({ parts }) => (parts ? make("span", "", make("span", ""), make("span", "")) : make("span", ""));
    const row = make("div", "row", ...this.columns.map(cell));
    row.setAttribute("role", "option");
    row.id = `row-${this.rows.length}`;
    this.rows.push(row);
    this.space.append(row);
  }

  #fill(row, at) {
    const item = this.items[at];
    row.style.transform = `translateY(${at * ROW_HEIGHT}px)`;
    const isSelected = this.keyOf(item) === this.selected;
    row.classList.toggle("selected", isSelected);
    row.classList.toggle("odd", at % 2 === 1);
    row.setAttribute("aria-selected", String(isSelected));
    row.setAttribute("aria-posinset", String(at + 1));
    row.setAttribute("aria-setsize", String(this.items.length));
    this.columns.forEach(({ key, cell, parts }, index) => {
      const shown = cell(item);
      const [text, className] = Array.isArray(shown) ? shown : [shown, ""];
      const element = row.children[index];
      const wanted = `c-${key} ${className}`;
      if (element.className !== wanted) element.className = wanted;
      if (element.textContent === text) return;
      if (parts) parts(text).forEach((part, at) => { element.children[at].textContent = part; });
      else element.textContent = text;
    });
  }

  #pointer(event) {
    const top = this.space.getBoundingClientRect().top;
    const item = this.items[Math.floor((event.clientY - top) / ROW_HEIGHT)];
    if (item) this.#choose(item);
  }

  #key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 2);
    const at = this.items.findIndex((item) => this.keyOf(item) === this.selected);
    const last = this.items.length - 1;
    const targets = {
      ArrowDown: at < 0 ? 0 : at + 1,
      ArrowUp: at < 0 ? last : at - 1,
      PageDown: at + page,
      PageUp: at - page,
      Home: 0,
      End: last,
    };
    if (event.key === "Escape") {
      this.on.leave();
    } else if (event.key in targets && last >= 0) {
      event.preventDefault();
      const to = Math.min(last, Math.max(0, targets[event.key]));
      // The event of scrolling comes later than the next message may.
      if (to < last) this.follows = false;
      this.#reveal(to);
      this.#choose(this.items[to]);
    }
  }

  /// Scrolls until the row is in sight, below the head.
  #reveal(at) {
    const { scrollTop, clientHeight } = this.scroller;
    const top = at * ROW_HEIGHT;
    const room = clientHeight - 2 * ROW_HEIGHT;
    if (top < scrollTop) this.scroller.scrollTop = top;
    else if (top > scrollTop + room) this.scroller.scrollTop = top - room;
  }

  #choose(item) {
    this.select(this.keyOf(item));
    this.on.select(item);
  }
}
