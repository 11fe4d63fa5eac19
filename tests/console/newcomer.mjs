// The first minutes of a newcomer as README tells them, timed: the demonstration runs, the console is opened, and the first pair is issued
// by hand, at the pace of who types. `scripts/in-browser tests/console/newcomer.mjs [DIR]`; with a directory it takes README's pictures.
import { execFileSync } from "node:child_process";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { demo, launch, origin, visitor } from "./pages.mjs";

const [directory] = process.argv.slice(2);
/** Milliseconds from one key to the next of somebody in no hurry. */
const delay = 200;
const begun = Number(process.env.CONSOLE_BEGUN);
const steps = [];
let last = begun;

function done(step) {
  const now = Date.now();
  steps.push([step, now - last]);
  last = now;
}

done("the demonstration tells its story and listens");
const keys = mkdtempSync(join(tmpdir(), "newcomer-"));
const { certificate, key } = demo.credentials.municipality;
execFileSync("openssl", ["pkcs12", "-export", "-in", certificate, "-inkey", key, "-name", "13115", "-passout", "pass:x",
  "-out", join(keys, "13115.p12")], { stdio: "pipe" });
for (const kind of ["auth", "sign"]) {
  execFileSync("openssl", ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=card",
    "-keyout", join(keys, `${kind}.key`), "-out", join(keys, `${kind}.csr`)], { stdio: "pipe" });
}
done("the credential for the browser and two requests for certificates are made");

const browser = await launch();
try {
  const page = await visitor(browser, "municipality", { viewport: { width: 900, height: 620 }, locale: "ja-JP" });
  const picture = async (name) => {
    if (directory) await page.screenshot({ path: join(directory, `${name}.png`) });
  };
  await page.goto(`${origin}/console/`);
  await picture("1-counter");
  done("the console is open");
  await Promise.all([page.waitForNavigation(), page.click('main a[href="/console/new"]')]);
  for (const [name, text] of [["reference", "TEST-FIRST"], ["birth", "昭和55年2月17日"], ["card", "CARD-FIRST"], ["card_issue_day", "R8.4.1"],
    ["name", "実印 花子"], ["address", "東京都杉並区試験町１丁目２番３号"]]) {
    await page.locator(`[name="${name}"]`).pressSequentially(text, { delay });
  }
  await page.selectOption('[name="sex"]', "2");
  await page.evaluate(() => window.scrollTo(0, 0));
  await picture("2-new");
  for (const kind of ["auth", "sign"]) {
    await page.setInputFiles(`textarea[name="${kind}"] + input[type="file"]`, join(keys, `${kind}.csr`));
    while (!(await page.inputValue(`textarea[name="${kind}"]`)).includes("BEGIN")) await page.waitForTimeout(10);
  }
  await Promise.all([page.waitForNavigation(), page.click("form.task button.primary")]);
  assert.ok((await page.textContent("main")).includes("発行しました"), await page.textContent("main"));
  await picture("3-issued");
  done("the first pair is issued");
} finally {
  await browser.close();
}
for (const [step, took] of steps) console.log(`${(took / 1000).toFixed(1).padStart(6)} s  ${step}`);
const whole = (last - begun) / 1000;
console.log(`${whole.toFixed(1).padStart(6)} s  together; five minutes are 300 s`);
assert.ok(whole < 300, "more than five minutes");
