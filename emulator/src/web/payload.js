// Payloads: as text, as indented JSON, as hex.

import { visible, visibleLines } from "./dom.js";

/// The most characters that a view of one payload shows.
export const SHOWN = 200_000;

const PREVIEW = 240;

/// Returns the bytes of a payload as the control API writes it.
export function bytesOf(payload) {
  if (payload.text !== undefined) return new TextEncoder().encode(payload.text);
  return Uint8Array.from(atob(payload.base64), (c) => c.charCodeAt(0));
}

/// Returns the beginning of a payload in one line.
export function preview(payload) {
  if (payload.text !== undefined) return visible(payload.text.slice(0, PREVIEW));
  const shown = atob(payload.base64.slice(0, 64));
  return Array.from(shown, (c) => c.charCodeAt(0).toString(16).padStart(2, "0")).join(" ");
}

export function asText(payload) {
  return visibleLines(payload.text.slice(0, SHOWN));
}

/// Returns the payload as indented JSON, with every number and text as it is written there; `null` if it is not JSON.
export function asJson(payload) {
  const text = payload.text;
  if (text === undefined || !/^\s*[[{]/.test(text)) return null;
  try {
    JSON.parse(text);
  } catch {
    return null;
  }
  let out = "";
  let depth = 0;
  const line = () => `\n${"  ".repeat(depth)}`;
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g)) {
    if (token === "{" || token === "[") {
      depth += 1;
      out += token + line();
    } else if (token === "}" || token === "]") {
      depth -= 1;
      const isEmpty = /[{[]\s*$/.test(out.slice(-(2 * depth + 4)));
      out = isEmpty ? out.trimEnd() + token : out + line() + token;
    } else if (token === ",") {
      out += token + line();
    } else {
      out += token === ":" ? ": " : token;
    }
    if (out.length > SHOWN) break;
  }
  return visibleLines(out);
}

/// Returns lines of offset, sixteen bytes, and their ASCII characters.
export function asHex(payload) {
  const all = bytesOf(payload);
  const end = Math.min(all.length, SHOWN / 4);
  const lines = [];
  for (let at = 0; at < end; at += 16) {
    const row = Array.from(all.subarray(at, Math.min(at + 16, end)));
    const hex = row.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const ascii = row.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${hex.padEnd(47)}  ${ascii}`);
  }
  return lines.join("\n");
}

/// Reads pairs of hex digits and returns them as base64; `null` for anything else.
export function hexToBase64(text) {
  const digits = text.replace(/\s+/g, "");
  if (digits.length % 2 !== 0 || /[^0-9a-f]/i.test(digits)) return null;
  return btoa(digits.replace(/../g, (pair) => String.fromCharCode(parseInt(pair, 16))));
}
