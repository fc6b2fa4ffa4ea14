// An emulator, MQTT clients and a browser, for the tests of the page. Nothing waits for a time: each wait names what it
// waits for, and has a deadline.

import { spawn } from "node:child_process";
import { createHmac } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

// Where the script that calls this has installed it.
const { chromium } = createRequire(join(process.env.PAGE_MODULES, "index.js"))("playwright-core");

export const DEADLINE = Number(process.env.PAGE_DEADLINE ?? 60_000);

/// Ends what was started, in the reverse order.
const endings = [];

export async function endAll() {
  while (endings.length > 0) await endings.pop()();
}

/// Returns the value of `probe` once it is true.
export async function until(what, probe) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (Date.now() > end) throw new Error(`timeout: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/// An emulator with its page, as a process.
export class Emulator {
  static async start(...options) {
    const emulator = new Emulator();
    const program = process.env.PAGE_PROGRAM;
    const child = spawn(program, ["emulator", "--web", ...options], { stdio: ["ignore", "pipe", "pipe"] });
    endings.push(() => end(child));
    emulator.child = child;
    emulator.environment = {};
    const ready = new Promise((resolve, reject) => {
      child.on("exit", (code) => reject(new Error(`the emulator ended with ${code}`)));
      createInterface({ input: child.stderr }).on("line", (line) => {
        if (line.startsWith("page: ")) emulator.page = line.slice(6);
      });
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = /^export (\w+)='?(.*?)'?$/.exec(line);
        if (found) emulator.environment[found[1]] = found[2];
        if (line === "# listening") resolve();
      });
    });
    await ready;
    await until("the link", () => emulator.page);
    return emulator;
  }

  get instance() {
    return this.environment.ALIYUN_MQTT_INSTANCE_ID;
  }

  get port() {
    return new URL(this.environment.ALIYUN_MQTT_ENDPOINT).port;
  }

  get origin() {
    return new URL(this.page).origin;
  }

  get token() {
    return new URL(this.page).hash.slice(1);
  }

  /// Calls the control API.
  async call(path, body) {
    const headers = { Authorization: `Bearer ${this.token}`, "Content-Type": "application/json" };
    const options = body === undefined ? { headers } : { headers, method: "POST", body: JSON.stringify(body) };
    const response = await fetch(`${this.origin}/control/${path}`, options);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /// The options of mosquitto's clients for a login by signature.
  login(id, secret = this.environment.ALIBABA_CLOUD_ACCESS_KEY_SECRET) {
    const password = createHmac("sha1", secret).update(id).digest("base64");
    const user = `Signature|${this.environment.ALIBABA_CLOUD_ACCESS_KEY_ID}|${this.instance}`;
    return ["-h", "127.0.0.1", "-p", this.port, "-i", id, "-u", user, "-P", password];
  }

  /// Publishes and returns the exit code. `options` are those of mosquitto_pub.
  publish(id, ...options) {
    return run("mosquitto_pub", [...this.login(id), ...options]);
  }

  /// Publishes each line as a message.
  publishLines(id, topic, lines, ...options) {
    const all = [...this.login(id), "-t", topic, "-l", ...options];
    return run("mosquitto_pub", all, lines.map((line) => `${line}\n`).join(""));
  }

  /// Connects a client that stays, and returns once it has subscribed.
  async subscribe(id, filters, ...options) {
    const arguments_ = [...this.login(id), ...filters.flatMap((filter) => ["-t", filter]), ...options];
    const child = spawn("mosquitto_sub", arguments_, { stdio: "ignore" });
    endings.push(() => end(child));
    await until(`${id} has subscribed`, async () => {
      const { sessions } = await this.call("sessions");
      return sessions.some((session) => session.client_id === id && session.filters.length >= filters.length);
    });
    return child;
  }
}

/// Runs a program to its end and returns its exit code.
export function run(program, arguments_, input = "") {
  return new Promise((resolve, reject) => {
    const child = spawn(program, arguments_, { stdio: ["pipe", "ignore", "ignore"] });
    child.on("error", reject);
    child.on("exit", resolve);
    // A client that is cut does not read the rest.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

export function end(child) {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve();
    child.on("exit", resolve);
    child.kill("SIGKILL");
  });
}

/// Starts Debian's Chromium with a profile of its own.
export async function browse(more = {}) {
  const profile = mkdtempSync(join(tmpdir(), "emulator-page-"));
  endings.push(() => rmSync(profile, { recursive: true, force: true, maxRetries: 5 }));
  const args = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
  ];
  const executablePath = process.env.PAGE_CHROMIUM ?? "/usr/bin/chromium";
  const viewport = { width: 1280, height: 760 };
  const options = { executablePath, args, headless: true, viewport, locale: "en-US", ...more };
  const context = await chromium.launchPersistentContext(profile, options);
  context.setDefaultTimeout(DEADLINE);
  endings.push(() => context.close());
  return context;
}

/// Opens the page, and collects what must not happen: errors, dialogs, and requests to elsewhere.
export async function openPage(context, emulator) {
  const page = await context.newPage();
  page.trouble = [];
  // To try a change of the page without a build.
  const files = process.env.PAGE_FILES;
  if (files) {
    await page.route(/\/(\w+\.(js|css))?$/, async (route) => {
      const name = new URL(route.request().url()).pathname.slice(1) || "index.html";
      await route.fulfill({ response: await route.fetch(), path: join(files, name) });
    });
  }
  page.on("pageerror", (error) => page.trouble.push(`error: ${error}`));
  page.on("dialog", (dialog) => {
    page.trouble.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("console", (message) => {
    // Tests end an emulator, and send what it refuses.
    const isExpected = /net::ERR_|status of 4\d\d/.test(message.text());
    if (message.type() === "error" && !isExpected) page.trouble.push(`console: ${message.text()}`);
  });
  page.on("request", (request) => {
    if (!request.url().startsWith(`${emulator.origin}/`)) page.trouble.push(`request: ${request.url()}`);
    if (request.url().split("#")[0].includes(emulator.token)) page.trouble.push(`the token in ${request.url()}`);
  });
  await page.goto(emulator.page);
  await page.locator("#state[data-state=live]").waitFor();
  return page;
}
