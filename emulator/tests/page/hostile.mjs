// What publishers send is text, whatever it is.

import assert from "node:assert/strict";

import { emulator, page, payload, row, tab, test } from "./suite.mjs";

test("script in a payload, topic, client id or user property stays text", async () => {
  const script = "<script>alert(1)</script><img src=x onerror=alert(2)>";
  await tab("messages");
  const property = ["-V", "5", "-D", "publish", "user-property", script, script];
  await emulator.publish("GID_emulator@@@evil", "-t", "emulator/evil", "-m", script, "-q", "1", ...property);
  await row("↑ Published").filter({ hasText: "emulator/evil" }).click();
  assert.equal(await payload(), script);
  await emulator.publish("GID_emulator@@@evil", "-t", `emulator/${script}`, "-m", "x", "-q", "1");
  await emulator.publish("<script>alert(3)</script>", "-t", "emulator/x", "-m", "x");
  await tab("problems");
  await row("emulator/<script>alert(1)</script>").click();
  await page.locator("#detail", { hasText: `emulator/${script}` }).waitFor();
  await row("<script>alert(3)</script>").click();
  await page.locator("#detail", { hasText: "<script>alert(3)</script>" }).waitFor();
  await tab("activity");
  await row("alert(3)").waitFor();
  assert.equal(await page.locator("#work script, #work img").count(), 0);
  // A message that reorders or hides what follows.
  await emulator.call("publish", { topic: "emulator/bidi", payload: "a\u202egpj.exe\u0000\r\nb" });
  await tab("messages");
  await row("a\\u202egpj.exe␀␍␊b").waitFor();
});
