// Serves the pages of scenarios, for whoever plays them, and plays them in Playwright.
//
// A line with `{ scenarios, chromium, sandbox }` comes in, a line with `{ origin }` goes out. A second line asks for the
// scenarios to be played; their states go out in one line. It ends with its input.

"use strict";
const http = require("node:http");
const readline = require("node:readline");
const { createRequire } = require("node:module");
const { chromium } = createRequire(`${process.cwd()}/`)("playwright-core");

// How long an action may take, in milliseconds, and how many scenarios are played at a time.
const LIMIT = 10_000;
const AT_ONCE = 6;

function serve(scenarios) {
  const server = http.createServer((request, response) => {
    const [, number, name] = new URL(request.url, "http://x").pathname.split("/");
    const scenario = scenarios[number];
    const body = name ? scenario?.pages[name] : scenario?.html;
    const origin = `http://${request.headers.host}/${number}`;
    response.writeHead(body == null ? 404 : 200, { "content-type": "text/html; charset=utf-8" });
    response.end((body ?? "").replaceAll("{near}", origin));
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

// The locator of a document in Playwright's words.
function located(scope, given) {
  const locator = Array.isArray(given) ? given[0] : given;
  let base = scope;
  if (locator.frame) for (const frame of [locator.frame].flat()) base = located(base, frame).contentFrame();
  if (locator.within) base = located(base, locator.within);
  const options = { exact: locator.exact ?? false };
  let found;
  if (locator.testId) found = base.getByTestId(locator.testId);
  else if (locator.role) found = base.getByRole(locator.role, locator.name ? { name: locator.name, ...options } : {});
  else if (locator.label) found = base.getByLabel(locator.label, options);
  else if (locator.placeholder) found = base.getByPlaceholder(locator.placeholder, options);
  else if (locator.altText) found = base.getByAltText(locator.altText, options);
  else if (locator.title) found = base.getByTitle(locator.title, options);
  else if (locator.text) found = base.getByText(locator.text, options);
  else if (locator.xpath) found = base.locator(`xpath=${locator.xpath}`);
  else found = base.locator(`css=${locator.css}`);
  if (locator.hasText) found = found.filter({ hasText: locator.hasText });
  if (locator.visible != null) found = found.filter({ visible: locator.visible });
  if (locator.first) found = found.first();
  if (locator.last) found = found.last();
  if (locator.nth != null) found = found.nth(locator.nth);
  return found;
}

const chosen = ({ value, label, index }) => {
  const list = (given, key) => [given].flat().map((each) => ({ [key]: each }));
  if (label != null) return list(label, "label");
  return index != null ? list(index, "index") : [value].flat();
};

const pointed = ({ position, modifiers, button, count, force }) => ({
  ...(position && { position }),
  ...(modifiers && { modifiers }),
  ...(button && { button }),
  ...(count && { clickCount: count }),
  ...(force && { force }),
});

const ACTIONS = {
  navigate: (page, action) => page.goto(action.url),
  back: (page) => page.goBack(),
  forward: (page) => page.goForward(),
  reload: (page) => page.reload(),
  click: (page, action) => located(page, action.target).click(pointed(action)),
  hover: (page, action) => located(page, action.target).hover(pointed(action)),
  fill: (page, action) => located(page, action.target).fill(String(action.value)),
  type: (page, action) => located(page, action.target).pressSequentially(String(action.value)),
  clear: (page, action) => located(page, action.target).clear(),
  press: (page, action) =>
    action.target ? located(page, action.target).press(action.keys) : page.keyboard.press(action.keys),
  select: (page, action) => located(page, action.target).selectOption(chosen(action)),
  check: (page, action) => located(page, action.target).check(),
  uncheck: (page, action) => located(page, action.target).uncheck(),
  drag: (page, { from, to, moves }) => {
    const place = (end) => ({ locator: located(page, end.target ?? end), position: end.offset });
    const [source, target] = [place(from), place(to)];
    return source.locator.dragTo(target.locator, {
      ...(source.position && { sourcePosition: source.position }),
      ...(target.position && { targetPosition: target.position }),
      steps: moves ?? 5,
    });
  },
};

// What takes longer than any action may: a page whose script never ends answers nothing.
function limited(work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error("the page is still busy")), 2 * LIMIT);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function play(browser, origin, scenario, number) {
  const context = await browser.newContext();
  try {
    return await limited(played(context, origin, scenario, number));
  } catch (error) {
    return { error: String(error.message ?? error).split("\n")[0] };
  } finally {
    await limited(context.close()).catch(() => {});
  }
}

async function played(context, origin, scenario, number) {
  const page = await context.newPage();
  page.setDefaultTimeout(LIMIT);
  await page.goto(`${origin}/${number}/`);
  for (const action of scenario.actions) {
    const placed = JSON.parse(JSON.stringify(action).replaceAll("{near}", `${origin}/${number}`));
    await ACTIONS[action.action](page, placed);
  }
  return { state: await page.evaluate(`(async () => { ${scenario.script} })()`) };
}

async function main() {
  const lines = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();
  const { scenarios, chromium: executablePath, sandbox } = JSON.parse((await lines.next()).value);
  const server = await serve(scenarios);
  const origin = `http://127.0.0.1:${server.address().port}`;
  console.log(JSON.stringify({ origin }));
  if ((await lines.next()).done) return server.close();
  const browser = await chromium.launch({ executablePath, chromiumSandbox: sandbox });
  const states = [];
  const waiting = [...scenarios.entries()];
  const player = async () => {
    for (let next = waiting.shift(); next; next = waiting.shift()) {
      const [number, scenario] = next;
      states[number] = await play(browser, origin, scenario, number);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, player));
  await browser.close();
  console.log(JSON.stringify({ states }));
  await lines.next();
  server.close();
  server.closeAllConnections();
}

main();
