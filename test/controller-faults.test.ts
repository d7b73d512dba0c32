// Whatever happens to one write of the controllers (it is refused, its answer is lost, their process dies before or after
// it), what they arrive at is the same as without. Each write has one of the four in turn; with FAULTS=all each has all.
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { scenarios } from "./controller-scenarios.ts";

const everyMode = process.env.FAULTS === "all";

for (const { name } of scenarios) {
  test(`${name}, whichever write of a controller fails or is its last`, async () => {
    const worker = new Worker(new URL("./controller-faults-worker.ts", import.meta.url), {
      workerData: { scenario: name, everyMode },
    });
    const [differences]: string[][] = await once(worker, "message");
    assert.ok(differences);
    assert.ok(differences.length === 0, differences.slice(0, 3).join("\n"));
  });
}
