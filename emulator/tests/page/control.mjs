// What the page shows of faults, and changes in the emulator.

import assert from "node:assert/strict";

import { emulator, noted, page, press, row, rows, tab, test } from "./suite.mjs";
import { run } from "./support.mjs";

test("a refused login is there with its reason", async () => {
  const login = emulator.login("GID_emulator@@@stranger", "not-the-secret");
  assert.notEqual(await run("mosquitto_pub", [...login, "-t", "emulator/a", "-m", "x"]), 0);
  await tab("problems");
  const refused = row("GID_emulator@@@stranger");
  await refused.waitFor();
  const shown = await refused.textContent();
  assert.ok(shown.includes("Login refused") && shown.includes("4") && shown.includes("wrong"), shown);
  await refused.click();
  await page.locator("#detail", { hasText: "4: bad user name or password" }).waitFor();
});

test("a kick cuts the client, and says so", async () => {
  await tab("clients");
  await row("GID_emulator@@@reader").click();
  await press("Kick");
  await noted("GID_emulator@@@reader was disconnected.");
  await tab("problems");
  await row("GID_emulator@@@reader").filter({ hasText: "kicked" }).waitFor();
});

test("a topic is forbidden, a client cut for it, and the topic allowed again", async () => {
  await tab("rules");
  await page.locator("#rules input[name=filter]").fill("emulator/secret/#");
  await page.locator("#rules").getByRole("button", { name: "Forbid" }).click();
  await page.locator("#rules li", { hasText: "emulator/secret/#" }).waitFor();
  await emulator.publish("GID_emulator@@@writer", "-t", "emulator/secret/1", "-q", "1", "-m", "x");
  await tab("problems");
  const cut = row("emulator/secret/1");
  await cut.waitFor();
  assert.ok((await cut.textContent()).includes("publish"));
  await tab("rules");
  await page.locator("#rules li").getByRole("button", { name: "Allow" }).click();
  await noted("emulator/secret/# is allowed again.");
  await page.locator("#rules", { hasText: "No topic is forbidden." }).waitFor();
  assert.equal(await emulator.publish("GID_emulator@@@writer", "-t", "emulator/secret/1", "-q", "1", "-m", "x"), 0);
});

test("logins are refused with a code, and accepted again", async () => {
  await page.locator("#rules select").selectOption("3");
  await page.locator("#rules").getByRole("button", { name: "Refuse" }).click();
  await page.locator("#rules", { hasText: "All logins are refused with code 3." }).waitFor();
  assert.notEqual(await emulator.publish("GID_emulator@@@writer", "-t", "emulator/a", "-m", "x"), 0);
  await page.locator("#rules").getByRole("button", { name: "Accept again" }).click();
  await page.locator("#rules", { hasText: "Logins are checked and accepted." }).waitFor();
  assert.equal(await emulator.publish("GID_emulator@@@writer", "-t", "emulator/a", "-m", "x"), 0);
});

test("tokens show their life and can be ended, and never their text", async () => {
  const token = "page-test-token-0001";
  const { number } = await emulator.call("tokens", {
    token, permission: "R", resources: ["emulator/t/#"], lifetime: 3600,
  });
  await tab("tokens");
  const shown = row("emulator/t/#");
  await shown.waitFor();
  const text = await shown.textContent();
  assert.ok(text.includes("valid") && /59 min|1 h/.test(text), text);
  await shown.click();
  await press("Revoke");
  await noted(`Token ${number} is revoked.`);
  await shown.filter({ hasText: "revoked" }).waitFor();
  assert.ok(!(await page.content()).includes(token));
});

test("calls of the API are there with their result", async () => {
  await fetch(`${emulator.environment.ALIYUN_MQTT_API_ENDPOINT}/?Action=ApplyToken&Version=2020-04-20`);
  await tab("calls");
  await rows().first().waitFor();
});
