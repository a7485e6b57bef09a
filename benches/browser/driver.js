// Playwright and Puppeteer behind the line protocol of `cargo xtask bench browser`: `driver.js playwright|puppeteer WS ORIGIN`.
"use strict";

const { createRequire } = require("node:module");
const readline = require("node:readline");

// What it needs is installed where it is run, not beside this file.
const installed = createRequire(`${process.cwd()}/`);

const VIEWPORT = { width: 1280, height: 720 };

// Each library by its own recommended means, with its own checks before it acts.
const LIBRARIES = {
  async playwright(ws) {
    const browser = await installed("playwright-core").chromium.connectOverCDP(ws);
    return {
      async open() {
        const context = await browser.newContext({ viewport: VIEWPORT });
        return { page: await context.newPage(), close: () => context.close() };
      },
      click: (page, selector) => page.locator(selector).click(),
      fill: (page, selector, value) => page.locator(selector).fill(value),
      select: (page, selector, value) => page.locator(selector).selectOption(value),
      check: (page, selector) => page.locator(selector).check(),
      wait: (page, selector) => page.locator(selector).waitFor(),
      text: (page, selector) => page.locator(selector).innerText(),
      texts: (page, selector) => page.locator(selector).allInnerTexts(),
      end: () => browser.close(),
    };
  },
  async puppeteer(ws) {
    const browser = await installed("puppeteer-core").connect({ browserWSEndpoint: ws, defaultViewport: VIEWPORT });
    return {
      async open() {
        const context = await browser.createBrowserContext();
        return { page: await context.newPage(), close: () => context.close() };
      },
      click: (page, selector) => page.locator(selector).click(),
      fill: (page, selector, value) => page.locator(selector).fill(value),
      select: (page, selector, value) => page.locator(selector).fill(value),
      check: (page, selector) => page.locator(selector).click(),
      wait: (page, selector) => page.waitForSelector(selector, { visible: true }),
      text: (page, selector) => page.$eval(selector, (element) => element.innerText),
      texts: (page, selector) => page.$$eval(selector, (elements) => elements.map((element) => element.innerText)),
      end: () => browser.disconnect(),
    };
  },
};

class Bench {
  constructor(library, origin) {
    this.library = library;
    this.origin = origin;
  }

  // A page of a context of its own, while `use` has it.
  async on(name, use) {
    const { page, close } = await this.library.open();
    await page.goto(`${this.origin}/${name}.html`);
    const samples = await use(page);
    await close();
    return samples;
  }

  async click(count) {
    return this.on("controls", async (page) => {
      const samples = await times(count, () => this.library.click(page, "#count"));
      demand(await this.library.text(page, "#counted"), String(count));
      return samples;
    });
  }

  async fill(count) {
    return this.on("controls", (page) => times(count, (at) => this.library.fill(page, "#name", `Ada ${at}`)));
  }

  async select(count) {
    const sizes = ["large", "small"];
    return this.on("controls", (page) => times(count, (at) => this.library.select(page, "#size", sizes[at % 2])));
  }

  // From the moment when it appears to that when it is noticed.
  async wait(count) {
    return this.on("controls", async (page) => {
      const samples = [];
      for (let at = 0; at < count; at += 1) {
        await this.library.click(page, "#later");
        await this.library.wait(page, "#late");
        const noticed = performance.timeOrigin + performance.now();
        samples.push((noticed - Number(await this.library.text(page, "#late"))) * 1e3);
      }
      return samples;
    });
  }

  async extract(count) {
    return this.on("list", (page) =>
      times(count, async () => demand((await this.library.texts(page, ".item")).length, 50)),
    );
  }

  async screenshot(count) {
    return this.on("list", (page) => times(count, () => page.screenshot()));
  }

  async navigate(count) {
    return this.on("list", (page) => times(count, (at) => page.goto(`${this.origin}/controls.html?${at}`)));
  }

  async context(count) {
    const opened = [];
    const samples = await times(count, async () => opened.push(await this.library.open()));
    for (const { close } of opened) await close();
    return samples;
  }

  // Each a context of its own, a navigation and 50 actions.
  async form(count) {
    const opened = [];
    const samples = await times(count, async () => {
      opened.push(await this.library.open());
      const { page } = opened.at(-1);
      await page.goto(`${this.origin}/form.html`);
      for (let at = 0; at < 24; at += 1) await this.library.fill(page, `#f${at}`, `Value ${at}`);
      for (let at = 0; at < 10; at += 1) await this.library.select(page, `#s${at}`, "b");
      for (let at = 0; at < 15; at += 1) await this.library.check(page, `#c${at}`);
      await this.library.click(page, "#send");
      demand(await this.library.text(page, "#sent"), "49");
    });
    for (const { close } of opened) await close();
    return samples;
  }
}

async function times(count, act) {
  const samples = [];
  for (let at = 0; at < count; at += 1) {
    const start = process.hrtime.bigint();
    await act(at);
    samples.push(Number(process.hrtime.bigint() - start) / 1e3);
  }
  return samples;
}

function demand(found, wanted) {
  if (found !== wanted) throw new Error(`${found} instead of ${wanted}`);
}

async function main() {
  const [name, ws, origin] = process.argv.slice(2);
  const library = await LIBRARIES[name](ws);
  const bench = new Bench(library, origin);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { measure, steps } = JSON.parse(line);
    process.stdout.write(`${JSON.stringify({ samples: await bench[measure](steps) })}\n`);
  }
  await library.end();
}

main();
