// Run by crash.test.ts until it is killed: `crash-writer.ts <directory> <round>`. Several writers each replace their two
// keys together with the next number, and say so on standard output when that is acknowledged.
import { writeSync } from "node:fs";
import type { KubeObject } from "../../api/index.ts";
import { valueFromObject } from "../value.ts";
import { openLmdbStorage } from "./index.ts";

const [path, round] = process.argv.slice(2) as [string, string];
const writers = 16;
const filler = "x".repeat(1_000);

const storage = await openLmdbStorage(path);

async function write(writer: number): Promise<never> {
  for (let number = 1; ; number++) {
    // Only what the test reads back.
    const value = valueFromObject({ metadata: { name: String(number) }, filler } as unknown as KubeObject);
    const keys = ["left", "right"].map((side) => `/registry/${round}/${writer}/${side}`);
    const revision = await storage.commit(keys.map((key) => ({ key, value })));
    writeSync(1, `${writer} ${number} ${revision}\n`);
  }
}

await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
