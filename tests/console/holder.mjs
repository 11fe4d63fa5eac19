// A holder's own window in a real browser, by keyboard alone: the certificates, the consents, who asked, revocation, and the page for
// a card that is held. The keys are those of the demonstration's card; OpenSSL signs what the holder's software would.
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import assert from "node:assert/strict";
import { demo, home } from "./pages.mjs";

const sample = (name) => demo.samples.find((one) => one.name === name);

/** Who comes with the card of TEST-HANAKO. */
export function takeCard() {
  const { certificate, key } = sample("moved-auth");
  demo.credentials.holder = { certificate, key };
}

function signed(text) {
  const directory = mkdtempSync(join(tmpdir(), "signed-"));
  const [application, message] = [join(directory, "revocation.txt"), join(directory, "revocation.cms")];
  writeFileSync(application, text);
  const { certificate, key } = sample("reissued-sign");
  execFileSync("openssl", ["cms", "-sign", "-nodetach", "-binary", "-in", application, "-signer", certificate, "-inkey", key,
    "-outform", "DER", "-out", message], { stdio: "pipe" });
  return message;
}

/** From the first page to the end of the signing certificate. */
export async function atHome(page, { inspect, press, says }) {
  await page.goto(home + "/console/");
  await says(page, "わたしの電子証明書");
  await says(page, "次にすること");
  await inspect(page, "own certificates");
  await press(page, 'nav a[href="/console/consents"]');
  await says(page, "取消し");
  await inspect(page, "own consents");
  await press(page, 'nav a[href="/console/asked"]');
  await says(page, "回答した");
  await inspect(page, "who asked");
  await press(page, 'nav a[href="/console/revocation"]');
  await inspect(page, "own revocation, choice");
  await press(page, 'main a[href$="kinds=sign"]');
  await inspect(page, "own revocation");
  const [download] = await Promise.all([page.waitForEvent("download"), enter(page, "main a[download]")]);
  const text = readFileSync(await download.path());
  assert.ok(text.includes("電子証明書の失効申請書"), String(text));
  await press(page, "form.task button.primary");
  await says(page, "入力してください");
  await inspect(page, "own revocation, with errors");
  await page.setInputFiles('textarea[name="cms"] + input[type="file"]', signed(text));
  await page.waitForFunction(() => document.querySelector('textarea[name="cms"]').value.length > 1000);
  await press(page, "form.task button.primary");
  await says(page, "失効しました");
  await inspect(page, "own revocation, done");
  await press(page, "main p.actions a.button");
  await says(page, "本人の失効申請");
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.ok(!wide, "the page is wider than the window of a telephone");
}

/** The same card, once it is held. */
export async function turnedAway(page, { inspect, says }) {
  const answer = await page.goto(home + "/console/");
  assert.equal(answer.status(), 403);
  await says(page, "一時停止中");
  await inspect(page, "a held card");
}

/** Enter on what is reached by Tab, where no page follows. */
async function enter(page, selector) {
  for (let step = 0; step < 120; step += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return page.keyboard.press("Enter");
    await page.keyboard.press("Tab");
  }
  return assert.fail(`${selector} is not reached by Tab on ${page.url()}`);
}
