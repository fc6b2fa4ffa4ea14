// Clients and their messages: shown, filtered, held and published.

import assert from "node:assert/strict";

import { emulator, filter, messages, noted, page, payload, press, row, tab, test, textIs } from "./suite.mjs";

test("a client appears with its login and its subscriptions, and its messages as they come", async () => {
  await emulator.subscribe("GID_emulator@@@reader", ["emulator/a/#", "emulator/b"], "-q", "1");
  await row("GID_emulator@@@reader").waitFor();
  const shown = await row("GID_emulator@@@reader").textContent();
  const parts = ["online", "Signature", "3.1.1", "tcp", "emulator/a/#", "emulator/b"];
  for (const part of parts) assert.ok(shown.includes(part), part);
  await tab("messages");
  assert.equal(await emulator.publish("GID_emulator@@@writer", "-t", "emulator/a/1", "-q", "1", "-m", "Hello"), 0);
  await row("↑ Published").filter({ hasText: "Hello" }).waitFor();
  await row("↓ Delivered").filter({ hasText: "GID_emulator@@@reader" }).waitFor();
});

test("a payload is shown as text, as JSON with its numbers as they are, and as hex", async () => {
  const json = '{"id":12345678901234567890,"list":[],"text":"a,{b}","deep":{"x":[1,2]}}';
  await emulator.publish("GID_emulator@@@writer", "-t", "emulator/json", "-m", json);
  await row("↑ Published").filter({ hasText: "emulator/json" }).click();
  assert.equal(await payload(), [
    "{", '  "id": 12345678901234567890,', '  "list": [],', '  "text": "a,{b}",', '  "deep": {', '    "x": [',
    "      1,", "      2", "    ]", "  }", "}",
  ].join("\n"));
  await press("Text");
  assert.equal(await payload(), json);
  await press("Hex");
  const line = '000000  7b 22 69 64 22 3a 31 32 33 34 35 36 37 38 39 30  {"id":1234567890';
  assert.equal((await payload()).split("\n")[0], line);
  await emulator.call("publish", { topic: "emulator/bytes", payload: { base64: "AP+AwA==" } });
  await row("By the service").filter({ hasText: "emulator/bytes" }).click();
  assert.equal(await payload(), `000000  ${"00 ff 80 c0".padEnd(47)}  ....`);
});

test("a large payload comes in full when asked for", async () => {
  const text = `${"x".repeat(9000)}end`;
  await emulator.call("publish", { topic: "emulator/large", payload: text });
  await row("emulator/large").click();
  await press("Text");
  assert.equal((await payload()).length, 4096);
  await press("Load all");
  await page.waitForFunction(() => document.querySelector("#detail .payload pre").textContent.endsWith("xend"));
  assert.equal(await payload(), text);
  await page.keyboard.press("Escape");
  await page.locator("#detail").waitFor({ state: "hidden" });
});

test("the filter takes words, excluded words and a direction", async () => {
  await filter("emulator/a/1 -delivered");
  await textIs("#count", `1 of ${await messages()}`);
  await filter("hello");
  await textIs("#count", `2 of ${await messages()}`);
  await page.locator("#direction").selectOption("delivered");
  await textIs("#count", `1 of ${await messages()}`);
  await filter("no such thing");
  await page.locator(".empty", { hasText: "Nothing matches the filter" }).waitFor();
  await page.locator("#filter").press("Escape");
  assert.equal(await page.locator("#filter").inputValue(), "");
});

test("a pause holds the list and counts what comes", async () => {
  await page.getByRole("button", { name: "Pause" }).click();
  const before = await page.locator("#count").textContent();
  for (const text of ["while paused 1", "while paused 2", "while paused 3"]) {
    await emulator.call("publish", { topic: "emulator/pause", payload: text });
  }
  await textIs("#pause", "Resume (3 new)");
  assert.equal(await row("while paused").count(), 0);
  assert.equal(await page.locator("#count").textContent(), before);
  await page.locator("#pause").click();
  await row("while paused 3").waitFor();
  assert.equal(await row("while paused").count(), 3);
});

test("a message is published from the page, as text and as hex", async () => {
  await page.locator("#publish").click();
  const form = page.locator("#publishing");
  await form.locator("[name=topic]").fill("emulator/a/page");
  await form.locator("[name=payload]").fill("from the page");
  await form.locator("[value=send]").click();
  await noted("Published to emulator/a/page.");
  await row("↓ Delivered").filter({ hasText: "from the page" }).waitFor();
  await page.locator("#publish").click();
  await form.locator("[name=format]").selectOption("hex");
  await form.locator("[name=payload]").fill("0x01");
  await form.locator("[value=send]").click();
  await form.locator("#publishing-error", { hasText: "pairs" }).waitFor();
  await form.locator("[name=payload]").fill("de ad BE EF");
  await form.locator("[name=topic]").fill("nowhere/a");
  await form.locator("[value=send]").click();
  await form.locator("#publishing-error", { hasText: "parent topic" }).waitFor();
  await form.locator("[name=topic]").fill("emulator/hex");
  await form.locator("[value=send]").click();
  await row("de ad be ef").waitFor();
});
