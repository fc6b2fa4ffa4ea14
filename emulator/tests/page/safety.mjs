// Who gets to the page at all, and what it never shows.

import assert from "node:assert/strict";

import { context, emulator, page, tab, test } from "./suite.mjs";

test("without its token the page shows nothing, and nothing answers", async () => {
  const stranger = await context.newPage();
  for (const hash of ["", "#0123456789abcdef0123456789abcdef"]) {
    await stranger.goto("about:blank");
    await stranger.goto(`${emulator.origin}/${hash}`);
    await stranger.locator("#locked").waitFor();
    assert.equal(await stranger.locator("#instance").textContent(), "");
    assert.equal(await stranger.locator("#publish").isDisabled(), true);
  }
  await stranger.close();
  for (const path of ["settings", "sessions", "log", "events", "tokens", "openapi.json"]) {
    assert.equal((await fetch(`${emulator.origin}/control/${path}`)).status, 401, path);
    assert.equal((await fetch(`${emulator.origin}/control/${path}?token=${emulator.token}`)).status, 401, path);
  }
});

test("the files have the headers that keep others out, and no secret", async () => {
  const { environment } = emulator;
  const secrets = [emulator.token, environment.ALIBABA_CLOUD_ACCESS_KEY_SECRET, environment.ALIYUN_MQTT_TOKEN];
  for (const path of ["", "page.js", "page.css", "control/settings", "nothing"]) {
    const response = await fetch(`${emulator.origin}/${path}`);
    const header = (name) => response.headers.get(name);
    assert.equal(header("content-security-policy"), "default-src 'none'; script-src 'self'; style-src 'self'; " +
      "connect-src 'self'; frame-ancestors 'none'");
    assert.equal(header("x-content-type-options"), "nosniff");
    assert.equal(header("referrer-policy"), "no-referrer");
    assert.equal(header("cache-control"), "no-store");
    const text = await response.text();
    for (const secret of secrets) assert.ok(!text.includes(secret));
  }
});

test("the token leaves the address bar, and a reload works", async () => {
  assert.equal(page.url(), `${emulator.origin}/`);
  await page.reload();
  await page.locator("#state[data-state=live]").waitFor();
});

test("an empty page tells the environment, without the secret", async () => {
  const text = await page.locator(".empty").textContent();
  assert.ok(text.includes("No message yet") && text.includes(`ALIYUN_MQTT_ENDPOINT=mqtt://127.0.0.1:${emulator.port}`));
  assert.ok(!text.includes(emulator.environment.ALIBABA_CLOUD_ACCESS_KEY_SECRET));
  await tab("clients");
  await page.locator(".empty", { hasText: "No client has connected yet" }).waitFor();
});
