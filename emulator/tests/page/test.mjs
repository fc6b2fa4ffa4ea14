// The tests of the page, in a browser. `.ci/emulator-page` runs them.

import assert from "node:assert/strict";

import { Emulator, browse, end, endAll, openPage, run } from "./support.mjs";

const tests = [];
const test = (name, run) => tests.push([name, run]);

let emulator;
let context;
let page;

const tab = (name) => page.locator(`#tab-${name}`).click();
const rows = () => page.locator(".space .row:visible");
const row = (text) => rows().filter({ hasText: text });
const filter = (words) => page.locator("#filter").fill(words);
const press = (name) => page.locator("#detail").getByRole("button", { name, exact: true }).click();
const noted = (text) => page.locator("#notes p").filter({ hasText: text }).first().waitFor();
const payload = () => page.locator("#detail .payload pre").textContent();

/// Waits for a text of an element, and reads it in the page itself.
const textIs = (selector, wanted) => page.waitForFunction(
  ([at, text]) => document.querySelector(at)?.textContent === text, [selector, wanted],
);

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

/// The number on the tab of the messages.
const messages = () => page.locator("#tab-messages .number").textContent();

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

test("10,000 messages: all are counted, few have elements, and the page stays quick", async () => {
  await tab("messages");
  await page.locator("#clear").click();
  await page.evaluate(() => {
    window.frames_ = [];
    const step = (now) => {
      window.frames_.push(now);
      window.request_ = requestAnimationFrame(step);
    };
    step(performance.now());
  });
  const before = Date.now();
  const lines = Array.from({ length: 10_000 }, (_, at) => `{"number":${at},"temperature":${(at % 400) / 10}}`);
  assert.equal(await emulator.publishLines("GID_emulator@@@many", "emulator/many/data", lines), 0);
  const sent = Date.now() - before;
  await textIs("#count", "10,000");
  const took = Date.now() - before;
  const seen = await page.evaluate(() => {
    cancelAnimationFrame(window.request_);
    const gaps = window.frames_.slice(1).map((at, index) => at - window.frames_[index]).sort((a, b) => a - b);
    return { frames: gaps.length, median: gaps[gaps.length >> 1], p99: gaps[Math.floor(gaps.length * 0.99)] };
  });
  const elements = await page.evaluate(() => document.querySelectorAll("*").length);
  assert.ok(elements < 1500, `${elements} elements`);
  const work = await page.evaluate(() => {
    const input = document.getElementById("filter");
    const time = (value) => {
      const start = performance.now();
      input.value = value;
      input.dispatchEvent(new Event("input"));
      return performance.now() - start;
    };
    return { firstFilter: time("9999"), nextFilter: time("temperature"), noFilter: time("") };
  });
  await filter('"number":9999');
  await textIs("#count", "1 of 10,000");
  await filter("");
  await page.locator(".scroller").focus();
  await page.keyboard.press("Home");
  await row('{"number":0,').waitFor();
  await page.keyboard.press("End");
  await row('{"number":9999,').waitFor();
  console.log(`    10,000 messages: sent in ${sent} ms, shown after ${took} ms; ${elements} elements; ` +
    `frames ${JSON.stringify(seen)} ms; filter ${JSON.stringify(work)} ms`);
});

test("the list is bounded, and a place in it stays where it is while the oldest go", async () => {
  await page.keyboard.press("Escape");
  const lines = Array.from({ length: 20_000 }, (_, at) => `more ${at}`);
  assert.equal(await emulator.publishLines("GID_emulator@@@many", "emulator/many/more", lines), 0);
  await row("more 19999").waitFor();
  // Of 30,000; the oldest go in steps of 2,000.
  await textIs("#tab-messages .number", "20,000");
  assert.ok((await page.locator(".space .row").count()) < 80);
  // Above the middle, and far from the end.
  await page.evaluate(() => { document.querySelector(".scroller").scrollTop = 12_000 * 26; });
  const place = () => page.evaluate(() => {
    const { x, y } = document.querySelector(".head .c-payload").getBoundingClientRect();
    return document.elementFromPoint(x + 10, y + 60).closest(".row").querySelector(".c-payload").textContent;
  });
  await page.waitForFunction(() => document.querySelector(".space .row[aria-posinset='12005']"));
  const before = await place();
  assert.ok(before.startsWith("more "), before);
  const late = Array.from({ length: 5000 }, (_, at) => `late ${at}`);
  assert.equal(await emulator.publishLines("GID_emulator@@@many", "emulator/many/late", late), 0);
  await textIs("#tab-messages .number", "21,000");
  assert.equal(await place(), before);
  await page.keyboard.press("End");
  await row("late 4999").waitFor();
});

test("a restart of the emulator is seen, and the stream goes on", async () => {
  await emulator.call("stop", {});
  await page.locator("#state[data-state=stopped]").waitFor();
  await emulator.call("restart", {});
  await page.locator("#state[data-state=live]").waitFor();
  await emulator.publish("GID_emulator@@@writer", "-t", "emulator/after", "-m", "after the restart");
  await row("after the restart").waitFor();
});

test("an emulator that ends is missed", async () => {
  const mortal = await Emulator.start();
  const other = await openPage(context, mortal);
  await end(mortal.child);
  await other.locator("#state[data-state=lost]").waitFor();
  assert.deepEqual(other.trouble, []);
  await other.close();
});

test("nothing went wrong on the way", () => {
  assert.deepEqual(page.trouble, []);
});

let passed = 0;
let failed = 0;
try {
  emulator = await Emulator.start();
  context = await browse();
  page = await openPage(context, emulator);
  console.log(`\nrunning ${tests.length} tests`);
  for (const [name, check] of tests) {
    try {
      if (await page.locator("#filter").isVisible()) await filter("");
      await check();
      passed += 1;
      console.log(`test ${name} ... ok`);
    } catch (error) {
      failed += 1;
      console.log(`test ${name} ... FAILED\n${error.stack}`);
      if (process.env.PAGE_FAILED) await page.screenshot({ path: process.env.PAGE_FAILED });
    }
  }
} catch (error) {
  failed += 1;
  console.log(error.stack);
} finally {
  await endAll();
}
console.log(`\ntest result: ${failed ? "FAILED" : "ok"}. ${passed} passed; ${failed} failed; 0 ignored`);
process.exit(failed ? 1 : 0);
