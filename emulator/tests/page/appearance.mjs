// Languages, keys and small windows.

import assert from "node:assert/strict";

import { context, emulator, messages, page, row, tab, test, textIs } from "./suite.mjs";

test("all of it in Chinese, and back", async () => {
  await page.locator("#language").click();
  await textIs("h1", "MQTT 模拟器");
  assert.equal(await page.locator("html").getAttribute("lang"), "zh-CN");
  await tab("problems");
  await row("登录被拒绝").first().waitFor();
  for (const name of ["clients", "tokens", "calls", "activity", "rules", "messages"]) {
    await tab(name);
    const english = await page.locator("#tools:visible, #rules:visible, .head:visible").allTextContents();
    const words = english.join(" ").replace(/Topic|QoS|MQTT|Clean|Client ID|AccessKey ID|Token|emulator\/\S*/g, "");
    assert.ok(!/[A-Za-z]{5,}/.test(words), words);
  }
  await page.reload();
  await textIs("h1", "MQTT 模拟器");
  await page.locator("#language").click();
  await textIs("h1", "MQTT emulator");
  await page.locator("#state[data-state=live]").waitFor();
});

test("the language is that of the browser at first", async () => {
  const other = await context.newPage();
  await other.addInitScript(() => {
    localStorage.removeItem("language");
    Object.defineProperty(navigator, "language", { get: () => "zh-TW" });
  });
  await other.goto(emulator.page);
  await other.locator("h1", { hasText: "模拟器" }).waitFor();
  await other.close();
});

test("everything works by keyboard", async () => {
  await page.locator("#tab-messages").focus();
  await page.keyboard.press("ArrowRight");
  assert.equal(await page.locator("#tab-clients").getAttribute("aria-selected"), "true");
  await page.keyboard.press("ArrowLeft");
  await page.keyboard.press("/");
  assert.equal(await page.evaluate(() => document.activeElement.id), "filter");
  await page.keyboard.type("hello");
  await page.keyboard.press("Escape");
  await page.keyboard.press("Home");
  await page.locator("#detail").waitFor();
  const first = await page.locator(".row.selected").getAttribute("aria-posinset");
  await page.keyboard.press("ArrowDown");
  await page.locator(".row.selected[aria-posinset='2']").waitFor();
  assert.equal(first, "1");
  await page.keyboard.press("End");
  await page.locator(`.row.selected[aria-posinset='${await messages()}']`).waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#detail").waitFor({ state: "hidden" });
  await page.keyboard.press("p");
  await page.locator("#publishing[open]").waitFor();
  await page.keyboard.press("Escape");
  await page.locator("#publishing[open]").waitFor({ state: "hidden" });
});

test("a small window has no scrolling to the side", async () => {
  for (const width of [1280, 700, 360]) {
    await page.setViewportSize({ width, height: 640 });
    for (const name of ["messages", "clients", "problems", "tokens", "calls", "activity", "rules"]) {
      await tab(name);
      const wide = await page.evaluate(() => [...document.querySelectorAll("html, .scroller, #rules")]
        .some((element) => element.scrollWidth > element.clientWidth));
      assert.equal(wide, false, `${name} at ${width}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 760 });
});
