// Many messages, and an emulator that stops.

import assert from "node:assert/strict";

import { context, emulator, filter, page, row, tab, test, textIs } from "./suite.mjs";
import { Emulator, end, openPage } from "./support.mjs";

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
  await textIs("#count", "10,000");
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
  // Between two frames there may be no row at this place.
  const place = (wanted) => page.waitForFunction((wanted) => {
    const { x, y } = document.querySelector(".head .c-payload").getBoundingClientRect();
    const row = document.elementFromPoint(x + 10, y + 60).closest(".row");
    const text = row?.querySelector(".c-payload").textContent;
    return text?.startsWith(wanted) ? text : null;
  }, wanted).then((handle) => handle.jsonValue());
  await page.waitForFunction(() => document.querySelector(".space .row[aria-posinset='12005']"));
  const before = await place("more ");
  const late = Array.from({ length: 5000 }, (_, at) => `late ${at}`);
  assert.equal(await emulator.publishLines("GID_emulator@@@many", "emulator/many/late", late), 0);
  await textIs("#tab-messages .number", "21,000");
  assert.equal(await place(before), before);
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
