// What the tests share: their list, the emulator, the page, and short names for parts of it.

import { Emulator, browse, openPage } from "./support.mjs";

export const tests = [];
export const test = (name, run) => tests.push([name, run]);

export let emulator;
export let context;
export let page;

/// Starts what the tests share. Their files see it once it is there.
export async function start() {
  emulator = await Emulator.start();
  context = await browse();
  page = await openPage(context, emulator);
}

export const tab = (name) => page.locator(`#tab-${name}`).click();
export const rows = () => page.locator(".space .row:visible");
export const row = (text) => rows().filter({ hasText: text });
export const filter = (words) => page.locator("#filter").fill(words);
export const press = (name) => page.locator("#detail").getByRole("button", { name, exact: true }).click();
export const noted = (text) => page.locator("#notes p").filter({ hasText: text }).first().waitFor();
export const payload = () => page.locator("#detail .payload pre").textContent();

/// Waits for a text of an element, and reads it in the page itself.
export const textIs = (selector, wanted) => page.waitForFunction(
  ([at, text]) => document.querySelector(at)?.textContent === text, [selector, wanted],
);

/// The number on the tab of the messages.
export const messages = () => page.locator("#tab-messages .number").textContent();
