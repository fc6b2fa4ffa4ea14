// Elements of the page. Whatever clients choose becomes text, never markup.

import { t } from "./strings.js";

export const byId = (id) => document.getElementById(id);

/// Makes an element of this class with these children, which are elements or texts.
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.map((child) => (child instanceof Node ? child : document.createTextNode(child))));
  return element;
}

export function button(label, action, className = "") {
  const element = make("button", className, label);
  element.type = "button";
  element.addEventListener("click", action);
  return element;
}

/// Puts the texts of the language into the elements that the document has.
export function translate(root) {
  for (const element of root.querySelectorAll("[data-t]")) element.textContent = t(element.dataset.t);
  for (const element of root.querySelectorAll("[data-hint]")) element.placeholder = t(element.dataset.hint);
  for (const element of root.querySelectorAll("[data-label]")) {
    element.setAttribute("aria-label", t(element.dataset.label));
  }
}

/// Shows a short note that goes away by itself.
export function note(text, isBad = false) {
  const element = make("p", isBad ? "bad" : "", text);
  byId("notes").append(element);
  setTimeout(() => element.remove(), 6000);
}

// Control characters, and those that change the direction of what follows.
const HIDDEN = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/g;

/// Makes characters visible that could hide or reorder others.
export function visible(text) {
  return text.replace(HIDDEN, (c) => {
    const code = c.charCodeAt(0);
    return code < 0x20 ? String.fromCharCode(0x2400 + code) : `\\u${code.toString(16).padStart(4, "0")}`;
  });
}

/// As `visible`, but keeps tabs and the ends of lines.
export function visibleLines(text) {
  return text.replace(HIDDEN, (c) => (c === "\n" || c === "\t" ? c : visible(c)));
}

const two = (number) => String(number).padStart(2, "0");

/// Writes a time of day with milliseconds.
export function clock(milliseconds) {
  const date = new Date(milliseconds);
  const rest = String(date.getMilliseconds()).padStart(3, "0");
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${rest}`;
}

/// Writes a point in time with its date.
export function moment(milliseconds) {
  const date = new Date(milliseconds);
  return `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock(milliseconds)}`;
}

/// Writes a duration in its two largest units.
export function duration(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const first = units.findIndex(([length]) => whole >= length);
  if (first < 0) return "0 s";
  const [length, name] = units[first];
  const large = `${Math.floor(whole / length)} ${name}`;
  const next = units[first + 1];
  return next ? `${large} ${Math.floor((whole % length) / next[0])} ${next[1]}` : large;
}

export function bytes(size) {
  return size < 10_000 ? `${size} B` : `${(size / 1024).toFixed(1)} KB`;
}
