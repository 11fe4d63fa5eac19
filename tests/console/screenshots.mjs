// Pictures of every page, for people to look at: `scripts/screenshots` calls it with a directory.
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { takeCard } from "./holder.mjs";
import { admit, demo, launch, origin, originOf, request, visitor } from "./pages.mjs";

const [directory] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });

const holder = "/console/holders/TEST-HANAKO";
const card = `${holder}/cards/CARD-HANAKO`;
const serial = demo.samples.find((sample) => sample.kind === "sign" && sample.state === "good" && sample.municipality === "13115").serial;

/** A form of the counter, filled in and sent; gives the address of what came. */
async function sent(clerk, path, typed, button = "form.task p.actions button.primary") {
  await clerk.goto(origin + path);
  for (const [name, text] of Object.entries(typed)) {
    const field = clerk.locator(`[name="${name}"]`);
    if (text === true) await field.check();
    else if (await field.evaluate((element) => element.tagName === "SELECT")) await field.selectOption(text);
    else await field.fill(text);
  }
  await Promise.all([clerk.waitForNavigation(), clerk.click(button)]);
  return clerk.url().slice(origin.length);
}

/** A whole page; what was scrolled over is not painted again unless the page is at its beginning. */
async function fromTheTop(page, name) {
  await page.evaluate(() => scrollTo(0, 0));
  await page.waitForTimeout(200);
  await page.screenshot({ path: join(directory, `${name}.png`), fullPage: true });
}

/** What the pages of pictures are about: a receipt, an application under way, an exception that waits. */
async function prepare(clerk) {
  const key = () => readFileSync(request(), "utf8");
  const facts = { name: "試験 次郎", address: "東京都杉並区試験町１丁目２番３号", sex: "1" };
  const adult = () => ({ reference: "TEST-PICTURE", birth: "昭和55年2月17日", card: "CARD-PICTURE", card_issue_day: "R8.4.1", ...facts, auth: key(), sign: key() });
  const receipt = await sent(clerk, "/console/new", adult());
  const child = { ...adult(), reference: "TEST-CHILD", card: "CARD-CHILD", birth: "平成30年5月5日" };
  await sent(clerk, "/console/new", child);
  const why = { reason: "出願に署名が必要で、相談のうえ認めるため", agent_present: true };
  for (const [name, text] of Object.entries(why)) await (text === true ? clerk.check(`[name="${name}"]`) : clerk.fill(`[name="${name}"]`, text));
  await fromTheTop(clerk, "exception-refused");
  await Promise.all([clerk.waitForNavigation(), clerk.click('button[name="ask"]')]);
  await fromTheTop(clerk, "exception-asked");
  const application = await sent(clerk, `${card}/application?procedure=pin-reset&applicant=agent`, { agent: "AGENT-1" });
  await clerk.fill('[name="address"]', "東京都杉並区試験町１丁目２番３号　実印荘１０１");
  await Promise.all([clerk.waitForNavigation(), clerk.click("form.event button.primary")]);
  // A card of ten years ago ends in two months, and its certificates with it: their letter goes out now.
  const soon = new Date();
  soon.setMonth(soon.getMonth() + 2, 15);
  const [year, month] = [soon.getFullYear(), String(soon.getMonth() + 1).padStart(2, "0")];
  const old = { reference: "TEST-OLD", birth: `1970-${month}-15`, card: "CARD-OLD", card_issue_day: `${year - 10}-${month}-20` };
  await sent(clerk, "/console/new", { ...adult(), ...old });
  const copy = await clerk.locator('a[href^="/console/certificates/auth/"]').first().getAttribute("href");
  return { receipt, application, ending: `${copy}/letter` };
}

await admit("call_centre", "call-centre-1");
takeCard();
const browser = await launch();
const clerk = await visitor(browser, "municipality");
const { receipt, application, ending } = await prepare(clerk);

const pages = [
  ["municipality", "counter", "/console/"],
  ["municipality", "new", "/console/new"],
  ["municipality", "holder", holder],
  ["municipality", "today-no", `${card}/today?procedure=renewal&applicant=holder`],
  ["municipality", "today-two-visits", `${card}/today?procedure=pin-reset&applicant=agent`],
  ["municipality", "renewal", `${card}/renewal`],
  ["municipality", "issue", `${card}/issue`],
  ["municipality", "change", `${card}/change`],
  ["municipality", "revocation", `${card}/revocation`],
  ["municipality", "hold", `${card}/hold`],
  ["municipality", "release", `${card}/release`],
  ["municipality", "receipt", receipt],
  ["municipality", "exceptions", "/console/exceptions"],
  ["municipality", "application", `${card}/application`],
  ["municipality", "applications", "/console/applications"],
  ["municipality", "application-under-way", application],
  ["municipality", "slip", `${application}/slip`],
  ["municipality", "letter", `${application}/letter`],
  ["municipality", "copy", `/console/certificates/sign/${serial}`],
  ["municipality", "missing", "/console/holders/TEST-NOBODY"],
  ["operator", "operation", "/console/"],
  ["operator", "audit", "/console/audit?verify=1"],
  ["relying_party", "usage", "/console/"],
  ["call_centre", "telephone", "/console/"],
  ["holder", "own", "/console/"],
  ["holder", "own-consents", "/console/consents"],
  ["holder", "own-asked", "/console/asked"],
  ["holder", "own-revocation", "/console/revocation?kinds=sign"],
];
const widths = { narrow: { width: 390, height: 844 }, wide: { width: 1280, height: 900 } };
const only = process.env.CONSOLE_ONLY?.split(",");

try {
  for (const language of ["ja", "en"]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const [width, viewport] of Object.entries(widths)) {
        const windows = {};
        for (const [who, name, path] of pages) {
          const picture = `${name}-${language}-${colorScheme}-${width}`;
          if (only && !only.some((part) => picture.includes(part))) continue;
          windows[who] ??= await visitor(browser, who, { viewport, colorScheme, locale: language === "ja" ? "ja-JP" : "en-GB" });
          await windows[who].goto(originOf(who) + path);
          await windows[who].screenshot({ path: join(directory, `${picture}.png`), fullPage: true });
        }
        for (const page of Object.values(windows)) await page.context().close();
      }
    }
  }
  // What is printed, as PDF.
  const printed = [
    ["copy", `/console/certificates/sign/${serial}`], ["letter-before-the-end", ending],
    ["letter", `${application}/letter`], ["slip", `${application}/slip`], ["receipt", receipt],
  ];
  for (const [name, path] of printed) {
    await clerk.goto(origin + path);
    await clerk.pdf({ path: join(directory, `${name}.pdf`), format: "A4" });
  }
} finally {
  await browser.close();
}
