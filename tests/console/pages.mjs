// What the suite and the screenshots share: a real browser with a client certificate, and who comes with which.
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { request as ask } from "node:https";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

const require = createRequire(process.env.CONSOLE_MODULES + "/");
const { chromium } = require("playwright-core");

/** axe-core, to be run within a page; it is given to the page by the browser, not fetched by it. */
export const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

/** What a demonstration wrote about itself. */
export const demo = JSON.parse(readFileSync(process.env.CONSOLE_DEMO, "utf8"));
export const origin = demo.urls.registration.replace(/\/$/, "");
export const home = demo.urls.holders.replace(/\/$/, "");

/** Where who comes with that credential is let in. */
export const originOf = (who) => (who === "holder" ? home : origin);

/** A file with the request for a key that a card would have made. */
export function request() {
  const directory = mkdtempSync(join(dirname(process.env.CONSOLE_DEMO), "request-"));
  const file = join(directory, "card.csr");
  execFileSync("openssl", ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=card",
    "-keyout", join(directory, "key"), "-out", file], { stdio: "pipe" });
  return file;
}

/** Has the operator of the demonstration give a credential out, as for any new client: key and request are made here. */
export async function admit(who, name) {
  const directory = mkdtempSync(join(dirname(process.env.CONSOLE_DEMO), "admitted-"));
  const [key, certificate, sent] = ["key", "pem", "der"].map((kind) => join(directory, kind));
  execFileSync("openssl", ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=client",
    "-keyout", key, "-outform", "DER", "-out", sent], { stdio: "pipe" });
  const operator = demo.credentials.operator;
  const asked = ask(origin + "/v1/credentials", {
    method: "POST",
    ca: readFileSync(demo.ca.access), cert: readFileSync(operator.certificate), key: readFileSync(operator.key),
    headers: { "content-type": "application/json", "idempotency-key": `admit-${name}` },
  });
  asked.end(JSON.stringify({ role: who.replaceAll("_", "-"), name, request: readFileSync(sent).toString("base64") }));
  const answer = await new Promise((resolve, reject) => asked.on("response", resolve).on("error", reject));
  const text = (await answer.setEncoding("utf8").toArray()).join("");
  if (answer.statusCode >= 300) throw new Error(text);
  const lines = JSON.parse(text).certificate.match(/.{1,64}/g).join("\n");
  writeFileSync(certificate, `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`);
  demo.credentials[who] = { certificate, key };
}

/** The same for another officer of a municipality, which takes the approval of the second operator: by the operator's own commands. */
export function admitOfficer(who, municipality, name) {
  const directory = dirname(process.env.CONSOLE_DEMO);
  const approval = join(mkdtempSync(join(directory, "approval-")), "two.jws");
  const whom = ["credential", "--dir", directory, "--role", "municipality", "--municipality", municipality, name];
  const jitsuin = (...words) => spawnSync(process.env.CONSOLE_PROGRAM, words, { encoding: "utf8" });
  const approve = ["approve", ...whom, "--credential", "operator-2", "--to", approval];
  // Without a terminal it says what there is to approve, and waits to be told the digest of that.
  const [digest] = jitsuin(...approve).stderr.match(/[0-9a-f]{64}/);
  jitsuin(...approve, "--yes", digest);
  const issued = jitsuin("credential", "issue", ...whom.slice(1), "--approval", approval);
  if (issued.status !== 0) throw new Error(issued.stderr);
  const file = (end) => join(directory, "credentials", `${name}.${end}`);
  demo.credentials[who] = { certificate: file("pem"), key: file("key"), passphrase: readFileSync(file("passphrase"), "utf8").trim() };
}

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CONSOLE_CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
      "--disable-component-update", "--disable-sync"],
  });
}

/** A window of who has that credential of the demonstration. Requests to anywhere else are counted in `outside`. */
export async function visitor(browser, who, options = {}) {
  const [{ certificate, key, passphrase }, own] = [demo.credentials[who], originOf(who)];
  const context = await browser.newContext({
    clientCertificates: [{ origin: own, certPath: certificate, keyPath: key, passphrase }],
    ignoreHTTPSErrors: true,
    locale: "ja-JP",
    ...options,
  });
  const page = await context.newPage();
  page.outside = [];
  page.errors = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(own + "/")) page.outside.push(request.url());
  });
  page.on("console", (message) => { if (message.type() === "error") page.errors.push(message.text()); });
  return page;
}
