// What the suite and the screenshots share: a real browser with a client certificate, and who comes with which.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(process.env.CONSOLE_MODULES + "/");
const { chromium } = require("playwright-core");

/** axe-core, to be run within a page; it is given to the page by the browser, not fetched by it. */
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** What a demonstration wrote about itself. */
export const demo = JSON.parse(readFileSync(process.env.CONSOLE_DEMO, "utf8"));
export const origin = demo.urls.registration.replace(/\/$/, "");

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CONSOLE_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

/** A window of who has that credential of the demonstration. Requests to anywhere else are counted in `outside`. */
export async function visitor(browser, who, options = {}) {
  const { certificate, key } = demo.credentials[who];
  const context = await browser.newContext({
    clientCertificates: [{ origin, certPath: certificate, keyPath: key }],
    ignoreHTTPSErrors: true,
    locale: "ja-JP",
    ...options,
  });
  const page = await context.newPage();
  page.outside = [];
  page.errors = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(origin + "/")) page.outside.push(request.url());
  });
  page.on("console", (message) => { if (message.type() === "error") page.errors.push(message.text()); });
  return page;
}
