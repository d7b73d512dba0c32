import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { systemRandom } from "../../lib/index.ts";
import type { Entry } from "../storage.ts";
import { openLmdbStorage } from "./index.ts";

const rounds = 6;
const writesMax = 400;

let path: string;
aroundTests(
  async () => {
    path = await mkdtemp(join(tmpdir(), "storage-crash-"));
  },
  () => rm(path, { recursive: true }),
);

interface Acknowledged {
  readonly numbers: Map<string, number>;
  readonly revision: number;
}

/** Runs a writer and kills it after `writes` acknowledgements; gives the last number that each writer heard of. */
async function writeAndKill(round: number, writes: number): Promise<Acknowledged> {
  const program = resolve(import.meta.dirname, "crash-writer.ts");
  const writer = spawn(process.execPath, [program, path, String(round)], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(writer, "exit");
  const numbers = new Map<string, number>();
  let revision = 0;
  let heard = 0;
  for await (const line of createInterface({ input: writer.stdout })) {
    const [name, number, at] = line.split(" ") as [string, string, string];
    numbers.set(name, Number(number));
    revision = Math.max(revision, Number(at));
    if (++heard === writes) writer.kill("SIGKILL");
  }
  const [, signal] = await exited;
  assert.equal(signal, "SIGKILL", "the writer was still writing when it was killed");
  return { numbers, revision };
}

function numberOf(entries: ReadonlyMap<string, Entry>, round: number, writer: string, side: string): number {
  const entry = entries.get(`/registry/${round}/${writer}/${side}`);
  return entry === undefined ? 0 : Number(entry.value.object.metadata.name);
}

test("kill -9 at any point loses no acknowledged write and leaves none half-written", async () => {
  for (let round = 0; round < rounds; round++) {
    const writes = 1 + Math.floor(systemRandom.next() * writesMax);
    const acknowledged = await writeAndKill(round, writes);
    const storage = await openLmdbStorage(path);
    const { entries, revision } = await storage.range("/registry/");
    const byKey = new Map(entries.map((entry) => [entry.key, entry]));
    assert.ok(revision >= acknowledged.revision, `round ${round}, ${writes} writes: revision`);
    for (const [writer, number] of acknowledged.numbers) {
      const left = numberOf(byKey, round, writer, "left");
      const right = numberOf(byKey, round, writer, "right");
      assert.ok(left >= number, `round ${round}, ${writes} writes: writer ${writer} heard of ${number}, found ${left}`);
      assert.equal(right, left, `round ${round}, ${writes} writes: both keys of writer ${writer}`);
    }
    for (const { modRevision, createRevision } of entries) {
      assert.ok(createRevision <= modRevision && modRevision <= revision);
    }
    await storage.close();
  }
});
