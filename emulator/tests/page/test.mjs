// The tests of the page, in a browser, in the order of the imports. `.ci/emulator-page` runs them.

import "./safety.mjs";
import "./messages.mjs";
import "./control.mjs";
import "./hostile.mjs";
import "./appearance.mjs";
import "./load.mjs";
import { filter, page, start, tests } from "./suite.mjs";
import { endAll } from "./support.mjs";

let passed = 0;
let failed = 0;
try {
  await start();
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
