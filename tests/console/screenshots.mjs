// Pictures of every page, for people to look at: `scripts/screenshots` calls it with a directory.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { takeCard } from "./holder.mjs";
import { admit, demo, launch, origin, originOf, visitor } from "./pages.mjs";

const [directory] = process.argv.slice(2);
mkdirSync(directory, { recursive: true });

const holder = "/console/holders/TEST-HANAKO";
const card = `${holder}/cards/CARD-HANAKO`;
const serial = demo.samples.find((sample) => sample.kind === "sign" && sample.state === "good" && sample.municipality === "13115").serial;

const pages = [
  ["municipality", "counter", "/console/"],
  ["municipality", "new", "/console/new"],
  ["municipality", "holder", holder],
  ["municipality", "today-no", `${card}/today?procedure=renewal&applicant=holder`],
  ["municipality", "today-two-visits", `${card}/today?procedure=pin-reset&applicant=agent`],
  ["municipality", "renewal", `${card}/renewal`],
  ["municipality", "revocation", `${card}/revocation`],
  ["municipality", "application", `${card}/application`],
  ["municipality", "applications", "/console/applications"],
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

await admit("call_centre", "call-centre-1");
takeCard();
const browser = await launch();
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
  // What is printed, as PDF: an application is taken for it, and its letter posted.
  const clerk = await visitor(browser, "municipality");
  await clerk.goto(`${origin}${card}/application?procedure=pin-reset&applicant=agent`);
  await clerk.fill('[name="agent"]', "AGENT-1");
  await Promise.all([clerk.waitForNavigation(), clerk.click("form.task button.primary")]);
  await clerk.fill('[name="address"]', "東京都杉並区試験町１丁目２番３号　実印荘１０１");
  await Promise.all([clerk.waitForNavigation(), clerk.click("form.event button.primary")]);
  const application = new URL(clerk.url()).pathname;
  await clerk.screenshot({ path: join(directory, "application-under-way.png"), fullPage: true });
  for (const [name, path] of [["copy", `/console/certificates/sign/${serial}`], ["letter", `${application}/letter`], ["slip", `${application}/slip`]]) {
    await clerk.goto(origin + path);
    await clerk.pdf({ path: join(directory, `${name}.pdf`), format: "A4" });
  }
} finally {
  await browser.close();
}
