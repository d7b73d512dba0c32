// Run by full-disk.test.ts on a small file system: `full-disk-writer.ts <directory>`. Fills the disk, shows what is left,
// makes room and writes again; the findings go to standard output as JSON.
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "../../api/index.ts";
import type { Storage } from "../storage.ts";
import { valueFromObject } from "../value.ts";
import { openLmdbStorage } from "./index.ts";

const path = process.argv[2] as string;
// Only its size matters.
const value = valueFromObject({ metadata: { name: "x" }, filler: "x".repeat(20_000) } as unknown as KubeObject);

async function keys(storage: Storage): Promise<string[]> {
  const { entries } = await storage.range("/");
  return entries.map((entry) => entry.key);
}

const ballast = join(path, "ballast");
await writeFile(ballast, Buffer.alloc(1024 * 1024));
const storage = await openLmdbStorage(join(path, "storage"));
const acknowledged: string[] = [];
let failure: unknown;
for (let pair = 100; failure === undefined; pair++) {
  const names = [`/pair-${pair}-left`, `/pair-${pair}-right`];
  try {
    await storage.commit(names.map((key) => ({ key, value })));
    acknowledged.push(...names);
  } catch (error) {
    failure = error;
  }
}
const revisionWhenFull = storage.revision;
const keptWhenFull = await keys(storage);

let createFailure: unknown;
try {
  await openLmdbStorage(join(path, "other"));
} catch (error) {
  createFailure = error;
}

await rm(ballast);
await storage.commit(acknowledged.slice(0, 20).map((key) => ({ key })));
await storage.commit([{ key: "/after", value, expect: 0 }]);
const revision = storage.revision;
await storage.close();

const reopened = await openLmdbStorage(join(path, "storage"));
console.log(
  JSON.stringify({
    error: failure instanceof Error ? failure.name : String(failure),
    message: failure instanceof Error ? failure.message : "",
    createError: createFailure instanceof Error ? createFailure.name : String(createFailure),
    acknowledged,
    keptWhenFull,
    revisionWhenFull,
    revision,
    revisionReopened: reopened.revision,
    keptReopened: await keys(reopened),
  }),
);
await reopened.close();
