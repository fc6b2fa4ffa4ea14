// Writes a picture of the page with a made-up fleet of vehicles: `screenshot.mjs FILE [light|dark] [en-US|zh-CN] [VIEW]
// [WIDTH]`.

import { Emulator, browse, endAll, openPage, run, until } from "./support.mjs";

const [file, scheme = "light", locale = "en-US", view = "messages", width = "1200"] = process.argv.slice(2);

const id = (device) => `GID_fleet@@@${device}`;

/// The same numbers in each run.
let seed = 7;
const random = (below) => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % below;
};

const degrees = (from) => Number((from + random(900) / 10_000).toFixed(4));

function telemetry(vehicle, number) {
  return JSON.stringify({
    vehicle,
    speed: 40 + random(50),
    soc: 90 - number - random(20),
    position: { lat: degrees(30.2), lon: degrees(120.1) },
    doors: "closed",
  });
}

try {
  const names = ["--instance-id", "post-cn-demo0001", "--group-id", "GID_fleet", "--parent-topic", "fleet"];
  const emulator = await Emulator.start(...names);
  await emulator.call("tokens", {
    token: "made-up-token-of-the-fleet", permission: "R", lifetime: 86_400,
    resources: ["fleet/+/telemetry", "fleet/alarm/#"],
  });
  await emulator.subscribe(id("dispatch"), ["fleet/+/telemetry", "fleet/alarm/#"], "-q", "1");
  await emulator.subscribe(id("archive"), ["fleet/#"], "-q", "1", "-c");
  await emulator.subscribe(id("dashboard-web"), ["fleet/alarm/#", "fleet/+/state"], "-q", "0", "-V", "5");
  const vehicles = ["bus-0142", "bus-0143", "van-0007", "van-0031", "tram-0002"];
  for (const vehicle of vehicles) {
    await emulator.subscribe(id(vehicle), [`fleet/${vehicle}/command`], "-q", "1", "-V", "5");
  }
  const driver = (number) => id(`tablet-${String(number).padStart(3, "0")}`);
  await run("mosquitto_pub", [...emulator.login(driver(7), "an-old-secret"), "-t", "fleet/x", "-m", "x"]);
  await emulator.call("forbid", { filter: "fleet/billing/#" });
  await emulator.publish(driver(12), "-t", "fleet/billing/trips", "-q", "1", "-m", "{}");
  await run("mosquitto_pub", [...emulator.login("GID_unknown@@@tablet-003"), "-t", "fleet/x", "-m", "x"]);
  for (let round = 0; round < 2; round += 1) {
    for (const vehicle of vehicles) {
      const message = ["-t", `fleet/${vehicle}/telemetry`, "-q", "1", "-m", telemetry(vehicle, round)];
      await emulator.publish(id(`${vehicle}-t`), ...message);
    }
  }
  const at = "2026-01-15T08:30:12.250Z";
  const alarm = JSON.stringify({ vehicle: "van-0031", code: "BATTERY_HOT", celsius: 61.5, at });
  await emulator.publish(id("van-0031-t"), "-t", "fleet/alarm/van-0031", "-q", "1", "-m", alarm);
  const command = JSON.stringify({ command: "reduce_speed", limit: 30 });
  await emulator.call("publish", { topic: "fleet/van-0031/command", payload: command });

  const context = await browse({ colorScheme: scheme, locale, viewport: { width: Number(width), height: 620 } });
  const page = await openPage(context, emulator);
  await page.locator(`#tab-${view}`).click();
  const row = page.locator(".space .row:visible");
  if (view === "messages") {
    await row.filter({ hasText: "BATTERY_HOT" }).first().click();
    await page.locator("#detail .payload pre", { hasText: "BATTERY_HOT" }).waitFor();
  } else if (view !== "rules" && view !== "calls") {
    await row.nth(1).click();
    await page.locator("#detail dl").waitFor();
  }
  await until("the fonts", () => page.evaluate(() => document.fonts.status === "loaded"));
  await page.mouse.move(0, 0);
  await page.screenshot({ path: file });
} finally {
  await endAll();
}
