// Run by full-disk.test.ts on a small file system: `full-disk-writer.ts <directory>`. Fills the disk, shows what is left,
// makes room and writes again; the findings go to standard output as JSON.
import { rm, statfs, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { KubeObject } from "../../api/index.ts";
import { type Storage, StorageFull } from "../storage.ts";
import { valueFromObject } from "../value.ts";
import { openLmdbStorage } from "./index.ts";

const path = process.argv[2] as string;
const value = valueOfSize(20_000);

function valueOfSize(bytes: number) {
  // Only its size matters.
  return valueFromObject({ metadata: { name: "x" }, filler: "x".repeat(bytes) } as unknown as KubeObject);
}

async function keys(storage: Storage): Promise<string[]> {
  const { entries } = await storage.range("/");
  return entries.map((entry) => entry.key);
}

const ballast = join(path, "ballast");
await writeFile(ballast, Buffer.alloc(2 * 1024 * 1024));
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

// The disk ends somewhere else in each of these groups of commits.
const varying = join(path, "varying");
let seed = 7;
const below = (bound: number) => {
  seed = (seed * 48_271) % 2_147_483_647;
  return seed % bound;
};
let refused = 0;
for (let round = 0; round < 600; round++) {
  if (round % 20 === 0) {
    await rm(varying, { force: true });
    const { bavail, bsize } = await statfs(path);
    await writeFile(varying, Buffer.alloc(Math.max(0, bavail * bsize - 50_000 - below(400_000))));
  }
  const results = await Promise.allSettled(
    Array.from({ length: 1 + below(10) }, () => {
      const size = below(below(10) === 0 ? 60_000 : 3_000);
      return storage.commit([{ key: `/round-${below(3_000)}`, ...(below(8) > 0 && { value: valueOfSize(size) }) }]);
    }),
  );
  for (const each of results) {
    if (each.status === "fulfilled") continue;
    if (!(each.reason instanceof StorageFull)) throw each.reason;
    refused++;
  }
}
await rm(varying);
const revisionBefore = storage.revision;
const keptBefore = await keys(storage);

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
    refused,
    revisionBefore,
    keptBefore,
    revision,
    revisionReopened: reopened.revision,
    keptReopened: await keys(reopened),
  }),
);
await reopened.close();
