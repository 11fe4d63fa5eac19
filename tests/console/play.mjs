// Every task of a clerk in a real browser with a client certificate, by keyboard alone; no violation that axe-core finds on any page; and
// nothing asked of another host. Run by the Rust test `play` with a demonstration that is running.
import { readFileSync } from "node:fs";
import assert from "node:assert/strict";
import { atHome, takeCard, turnedAway } from "./holder.mjs";
import { admit, admitOfficer, axe, launch, origin, request, visitor } from "./pages.mjs";

const seen = new Set();
const violations = [];

/** Looks at the page as axe-core does, in both schemes: the first time that a kind of page is met. */
async function inspect(page, name) {
  if (seen.has(name)) return;
  seen.add(name);
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme });
    // In a world of its own, which the page's policy does not bind; the page itself may load no such thing.
    const found = await page.evaluate(`(() => { ${axe}; return axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] }); })()`);
    const said = found.violations.map((one) => `${one.id}: ${one.help}: ${one.nodes.map((node) => node.html).join(" | ")}`);
    violations.push(...said.map((text) => `${name} in ${colorScheme}: ${text}`));
  }
}

/** Goes by Tab to what is to be used: what cannot be reached that way is not there for who has no mouse. */
async function reach(page, selector) {
  for (let step = 0; step < 120; step += 1) {
    if (await page.evaluate((wanted) => document.activeElement?.matches(wanted), selector)) return;
    await page.keyboard.press("Tab");
  }
  assert.fail(`${selector} is not reached by Tab on ${page.url()}`);
}

async function press(page, selector) {
  await reach(page, selector);
  await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
}

async function type(page, name, text) {
  await reach(page, `[name="${name}"]`);
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(text);
}

async function choose(page, name, value) {
  await reach(page, `select[name="${name}"]`);
  for (let step = 0; step < 30; step += 1) {
    if (await page.evaluate((field) => document.activeElement.value === field, value)) return;
    await page.keyboard.press("ArrowDown");
  }
  assert.fail(`${name} has no ${value}`);
}

async function tick(page, name) {
  await reach(page, `input[name="${name}"]`);
  await page.keyboard.press("Space");
}

async function says(page, text) {
  const whole = await page.textContent("main");
  assert.ok(whole.includes(text), `"${text}" is not on ${page.url()}: ${whole}`);
}

async function facts(page) {
  await type(page, "name", "試験 次郎");
  await type(page, "address", "東京都杉並区試験町１丁目２番３号");
  await choose(page, "sex", "1");
}

/** One task after the other, each from the holder's page to its receipt. */
async function counter(page) {
  await page.goto(origin + "/console/");
  await inspect(page, "counter");
  await press(page, 'main a[href="/console/new"]');
  await inspect(page, "new");
  await press(page, "form.task button.primary");
  await says(page, "入力してください");
  await inspect(page, "new, with errors");
  await type(page, "reference", "ＴＥＳＴ－ＰＬＡＹ");
  await type(page, "birth", "平成31年5月1日");
  await type(page, "card", "CARD-PLAY");
  await type(page, "card_issue_day", "R8.4.1");
  await facts(page);
  for (const kind of ["auth", "sign"]) await type(page, kind, readFileSync(request(), "utf8"));
  await press(page, "form.task button.primary");
  await says(page, "令和元年5月1日");
  await type(page, "birth", "昭和55年2月17日");
  await press(page, "form.task button.primary");
  await says(page, "発行しました");
  await inspect(page, "receipt");
  await press(page, 'main a.button[href="/console/holders/TEST-PLAY"]');
  await inspect(page, "holder");
  await says(page, "有効");

  await press(page, 'a[href$="/today"]');
  await inspect(page, "today, refused");
  await says(page, "今日はできません");
  await choose(page, "procedure", "revocation");
  await press(page, "form.case button.primary");
  await inspect(page, "today, allowed");
  await says(page, "1回の来庁で終わります");

  await task(page, "renewal", async () => {
    await facts(page);
    await type(page, "auth", readFileSync(request(), "utf8"));
  });
  await says(page, "V-12");
  await inspect(page, "refusal");

  await task(page, "change", async () => {
    await choose(page, "change", "move");
    await choose(page, "confirmed", "yes");
  });
  await says(page, "受け付けました");
  await task(page, "issue", async () => {
    await facts(page);
    // A file is chosen where there is script; the field then holds it.
    await page.setInputFiles('textarea[name="sign"] + input[type="file"]', request());
    await page.waitForFunction(() => document.querySelector('textarea[name="sign"]').value.includes("BEGIN"));
  });
  await says(page, "発行しました");
  await task(page, "hold", () => choose(page, "confirmed", "yes"));
  await says(page, "受付番号");
  const receipt = page.url();
  await page.goBack();
  assert.equal(page.url(), receipt, "the back button shows the receipt");
  await task(page, "release", () => choose(page, "confirmed", "yes"));
  await says(page, "R-22");

  await task(page, "application", async () => {
    await choose(page, "procedure", "pin-reset");
    await choose(page, "applicant", "agent");
    await type(page, "agent", "AGENT-PLAY");
  });
  await says(page, "受付済み");
  await inspect(page, "application");
  await type(page, "address", "東京都杉並区試験町１丁目２番３号");
  await press(page, "form.event button.primary");
  await says(page, "照会書発送・回答待ち");
  const application = page.url();
  for (const [paper, words] of [["letter", "転送不要"], ["slip", "お持ちいただくもの"]]) {
    await page.goto(`${application}/${paper}`);
    await says(page, words);
    await inspect(page, paper);
  }
  await page.goto(origin + "/console/applications");
  await inspect(page, "applications");
  await press(page, 'main td a[href^="/console/applications/"]');
  await type(page, "agent", "AGENT-PLAY");
  for (const box of ["sealed", "pin_fits", "facts_agree", "application_is_there"]) await tick(page, box);
  await press(page, "form.event button.primary");
  await press(page, "form.event button.primary");
  await says(page, "審査済み");
  await press(page, "form.event button.primary");
  await says(page, "交付済み");

  for (const procedure of ["face-authentication-on", "face-authentication-off"]) {
    await task(page, "application", async () => {
      await choose(page, "procedure", procedure);
      await choose(page, "applicant", "holder");
    });
    await press(page, "form.event button.primary");
    await press(page, "form.event button.primary");
    await says(page, "交付済み");
  }

  await task(page, "revocation", async () => {
    await choose(page, "cause", "card-returned");
    await choose(page, "confirmed", "yes");
  });
  await says(page, "カードの返納");
  await page.goto(origin + "/console/holders/TEST-PLAY");
  await press(page, 'a[href^="/console/certificates/auth/"]');
  await inspect(page, "copy");
  await page.goto(origin + "/console/holders/TEST-NOBODY");
  await inspect(page, "missing");
}

/** The other language takes along what is typed. */
async function translated(page) {
  await page.goto(origin + "/console/new");
  await type(page, "reference", "TEST-TRANSLATED");
  await press(page, "button.language");
  await says(page, "Issue to a new holder");
  assert.equal(await page.inputValue('[name="reference"]'), "TEST-TRANSLATED");
  await press(page, "button.language");
  await says(page, "はじめての方への発行");
}

/** E-07: asked for beneath the refusal, approved at another desk, issued by the same form. */
async function exception(page, second) {
  await page.goto(origin + "/console/new");
  for (const [name, text] of [["reference", "TEST-CHILD"], ["birth", "2018-05-05"], ["card", "CARD-CHILD"], ["card_issue_day", "R8.4.1"]]) {
    await type(page, name, text);
  }
  await facts(page);
  for (const kind of ["auth", "sign"]) await type(page, kind, readFileSync(request(), "utf8"));
  await press(page, "form.task p.actions button.primary");
  await says(page, "例外を求める");
  await inspect(page, "exception, to be asked for");
  await press(page, 'button[name="ask"]');
  await says(page, "10文字以上");
  await inspect(page, "exception, with errors");
  await type(page, "reason", "出願に署名が必要で、相談のうえ認めるため");
  await tick(page, "agent_present");
  await press(page, 'button[name="ask"]');
  await says(page, "例外の承認を求めました");
  await inspect(page, "exception, asked for");
  await second.goto(origin + "/console/exceptions");
  await inspect(second, "exceptions");
  await press(second, "main form button.primary");
  await says(second, "ありません");
  await press(page, "form.task p.actions button.primary");
  await says(page, "発行しました");
}

async function task(page, word, fill) {
  await page.goto(origin + "/console/holders/TEST-PLAY");
  await press(page, `a[href="/console/holders/TEST-PLAY/cards/CARD-PLAY/${word}"]`);
  await inspect(page, word);
  await fill();
  await press(page, "form.task button.primary");
}

/** The telephone: a card is held, and what is told to the caller stands there. */
async function telephone(page) {
  await page.goto(origin + "/console/");
  await inspect(page, "telephone");
  await press(page, "form.task button.primary");
  await says(page, "入力してください");
  await inspect(page, "telephone, with errors");
  await type(page, "card", "ＣＡＲＤ－ＨＡＮＡＫＯ");
  await choose(page, "confirmed", "yes");
  await press(page, "form.task button.primary");
  await says(page, "一時停止しました");
  await inspect(page, "telephone, receipt");
  const number = await page.textContent(".number strong");
  await page.reload();
  assert.equal(await page.textContent(".number strong"), number);
  await press(page, "main p.actions a.button");
  assert.equal(await page.inputValue('[name="card"]'), "", "the next call begins with nothing");
}

/** The numbers of the lists rise by the operator's button. */
async function publish(page) {
  const numbers = () => page.$$eval('[aria-labelledby="lists"] tbody tr', (rows) => rows.map((row) => Number(row.cells[2].textContent)));
  await page.goto(origin + "/console/");
  const before = Math.max(...await numbers());
  await press(page, "form.publish button");
  assert.ok(Math.max(...await numbers()) > before, "a list has its next number");
  await inspect(page, "operation, after publishing");
}

const browser = await launch();
try {
  const visitors = [];
  const clerk = await visitor(browser, "municipality");
  visitors.push(clerk);
  await counter(clerk);
  await admit("call_centre", "call-centre-1");
  const centre = await visitor(browser, "call_centre", { viewport: { width: 390, height: 844 } });
  const operator = await visitor(browser, "operator");
  admitOfficer("second_officer", "13115", "13115-2");
  const second = await visitor(browser, "second_officer");
  visitors.push(second);
  await exception(clerk, second);
  takeCard();
  const holder = await visitor(browser, "holder", { viewport: { width: 390, height: 844 }, acceptDownloads: true });
  visitors.push(centre, operator, holder);
  await atHome(holder, { inspect, press, says });
  await telephone(centre);
  await turnedAway(holder, { inspect, says });
  await publish(operator);
  await press(operator, 'main a[href="/console/?verify=sign.1.full#lists"]');
  await says(operator, "すべてが一致しています");
  await operator.goto(origin + "/console/audit");
  await press(operator, "main form button");
  await says(operator, "すべての記録の封印が連続しています");
  await inspect(operator, "audit, verified");
  await translated(clerk);
  for (const [who, paths] of [["operator", ["/console/", "/console/audit", "/console/holders/TEST-PLAY"]], ["relying_party", ["/console/"]]]) {
    const page = await visitor(browser, who, { locale: "en-GB", viewport: { width: 390, height: 844 } });
    visitors.push(page);
    for (const path of paths) {
      const answer = await page.goto(origin + path);
      assert.equal(answer.status(), 200, path);
      await inspect(page, `${who} ${path}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
      assert.ok(!wide, `${path} is wider than the window of a telephone`);
    }
  }
  // Without script everything is there but the file field.
  const plain = await visitor(browser, "municipality", { javaScriptEnabled: false });
  visitors.push(plain);
  await plain.goto(origin + "/console/new");
  await plain.fill('[name="sought"], [name="reference"]', "TEST-PLAIN");
  await Promise.all([plain.waitForNavigation(), plain.click("form.task button.primary")]);
  assert.equal(await plain.inputValue('[name="reference"]'), "TEST-PLAIN");
  assert.deepEqual(violations, [], "axe-core finds nothing");
  for (const page of visitors) {
    assert.deepEqual(page.outside, [], "nothing is asked of another host");
    const blocked = page.errors.filter((text) => !text.includes("status of 4"));
    assert.deepEqual(blocked, [], "nothing that the policy forbids is on a page");
  }
  console.log(JSON.stringify({ pages: [...seen] }));
} finally {
  await browser.close();
}
