// graphile-worker behind the line protocol of `cargo xtask bench store`: `driver.js URL`. A job only notes when it was run.
"use strict";

const { createRequire } = require("node:module");
const readline = require("node:readline");

// What it needs is installed where it is run, not beside this file.
const { Logger, run } = createRequire(`${process.cwd()}/`)("graphile-worker");

const IN_FLIGHT = 32;

async function main() {
  let ran;
  const runner = await run({
    connectionString: process.argv[2],
    concurrency: IN_FLIGHT,
    logger: new Logger(() => () => {}),
    taskList: { nothing: async () => ran(process.hrtime.bigint()) },
  });
  const enqueue = async () => {
    const running = new Promise((resolve) => {
      ran = resolve;
    });
    const start = process.hrtime.bigint();
    await runner.addJob("nothing", {});
    return Number((await running) - start) / 1e3;
  };
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const { measure, steps } = JSON.parse(line);
    if (measure !== "enqueue") throw new Error(`it has no measure ${measure}`);
    const samples = [];
    for (let at = 0; at < steps; at += 1) samples.push(await enqueue());
    process.stdout.write(`${JSON.stringify({ samples })}\n`);
  }
  await runner.stop();
}

main();
