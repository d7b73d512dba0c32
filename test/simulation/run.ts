// Runs seeds of the simulation: `npm run simulate -- --seeds 1000`, `--seconds 120`, or `--seed 17` to see one again;
// `--actors createJob,suspendJob` leaves the others out, `--trace web-8` tells of every write of what is called so.
import { readOptions, refuse, wholeNumber } from "../command-line.ts";
import { type Outcome, simulate } from "./world.ts";

const values = readOptions({
  seeds: { type: "string" },
  seconds: { type: "string" },
  seed: { type: "string" },
  from: { type: "string", default: "0" },
  actors: { type: "string" },
  trace: { type: "string" },
});
const number = (option: "seeds" | "seconds") => {
  const text = values[option];
  return text === undefined ? Number.POSITIVE_INFINITY : wholeNumber(option, text);
};
/** Every so many seeds one is run twice: both histories have to be the same. */
const repeatEvery = 10;
const timelineShown = 200;
const options = {
  only: values.actors?.split(",") ?? [],
  ...(values.trace !== undefined ? { trace: values.trace } : {}),
};

if (values.seed !== undefined) {
  const seed = wholeNumber("seed", values.seed);
  report(seed, await simulate(seed, options), Number.POSITIVE_INFINITY);
} else {
  const count = number("seeds");
  const endMs = performance.now() + number("seconds") * 1_000;
  const first = wholeNumber("from", values.from);
  if (count === Number.POSITIVE_INFINITY && endMs === Number.POSITIVE_INFINITY) {
    refuse("say how long: --seeds 1000 or --seconds 120");
  }
  let writes = 0;
  let done = 0;
  const startMs = performance.now();
  for (; done < count && performance.now() < endMs && !process.exitCode; done++) {
    const seed = first + done;
    const outcome = await simulate(seed, options);
    writes += outcome.writes;
    report(seed, outcome, timelineShown);
    if (process.exitCode || seed % repeatEvery !== 0) continue;
    const again = await simulate(seed, options);
    if (again.digest === outcome.digest) continue;
    console.log(`seed ${seed} has two histories: ${outcome.digest} and ${again.digest}`);
    process.exitCode = 1;
  }
  const seconds = ((performance.now() - startMs) / 1_000).toFixed(0);
  console.log(
    `${done} seeds from ${first}, ${writes} writes, ${seconds} s: ${process.exitCode ? "a failure" : "all is well"}`,
  );
}

function report(seed: number, { problems, timeline, digest, writes }: Outcome, lines: number): void {
  if (problems.length === 0) {
    if (lines === Number.POSITIVE_INFINITY)
      console.log(`${timeline.join("\n")}\nseed ${seed}: all is well, ${writes} writes, ${digest}`);
    return;
  }
  process.exitCode = 1;
  console.log(timeline.slice(-lines).join("\n"));
  console.log(`\nseed ${seed} fails:\n${problems.map((each) => `  ${each}`).join("\n")}`);
  console.log(`see it again: npm run simulate -- --seed ${seed}${values.actors ? ` --actors ${values.actors}` : ""}`);
}
