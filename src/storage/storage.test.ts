// What every driver promises; each test runs for all of them.
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { KubeObject } from "../api/index.ts";
import { encryptedStorage, type ValueCipher } from "./encrypted-storage.ts";
import { openLmdbStorage } from "./lmdb/index.ts";
import { MemoryStorage } from "./memory.ts";
import {
  type Change,
  ChangeConflict,
  Compacted,
  type Storage,
  StorageClosed,
  type StorageEvent,
  type Value,
} from "./storage.ts";
import { valueFromObject } from "./value.ts";

const historyEventsMax = 20;

interface Opened {
  readonly storage: Storage;
  cleanUp(): Promise<void>;
}

const drivers: Record<string, () => Promise<Opened>> = {
  async memory() {
    const storage = new MemoryStorage({ historyEventsMax });
    return { storage, cleanUp: () => storage.close() };
  },
  async encrypted() {
    // A cipher that changes every byte; the real ones are the server's.
    const flip = (bytes: Uint8Array) => bytes.map((byte) => byte ^ 0xff);
    const cipher: ValueCipher = {
      seal: async (_, bytes) => flip(bytes),
      open: async (_, bytes) => ({ bytes: flip(bytes), isStale: false }),
    };
    const storage = encryptedStorage(new MemoryStorage({ historyEventsMax }), (key) =>
      key.includes("plain") ? undefined : cipher,
    );
    return { storage, cleanUp: () => storage.close() };
  },
  async lmdb() {
    const path = await mkdtemp(join(tmpdir(), "storage-"));
    const storage = await openLmdbStorage(path, { historyEventsMax });
    return {
      storage,
      async cleanUp() {
        await storage.close();
        await rm(path, { recursive: true });
      },
    };
  },
};

function value(text: string): Value {
  // The storage does not care what an object holds.
  return valueFromObject({ metadata: { name: text } } as KubeObject);
}

const put = (key: string, text: string, expect?: number): Change => ({
  key,
  value: value(text),
  ...(expect === undefined ? {} : { expect }),
});

async function contents(storage: Storage, prefix = "/"): Promise<string[]> {
  const { entries } = await storage.range(prefix);
  return entries.map(
    ({ key, value, createRevision, modRevision }) =>
      `${key}=${value.object.metadata.name} ${createRevision}/${modRevision}`,
  );
}

/** The next `count` events of a watch, or fewer when it ends. */
async function take(watch: AsyncIterable<readonly StorageEvent[]>, count: number): Promise<string[]> {
  const taken: string[] = [];
  for await (const events of watch) {
    for (const { key, revision, entry } of events) {
      taken.push(`${revision} ${entry === undefined ? "-" : "+"}${key}`);
    }
    if (taken.length >= count) break;
  }
  return taken;
}

for (const [name, open] of Object.entries(drivers)) {
  describe(`${name} storage`, () => {
    const behaves = (behaviour: string, run: (storage: Storage) => Promise<void>) =>
      test(behaviour, async () => {
        const { storage, cleanUp } = await open();
        try {
          await run(storage);
        } finally {
          await cleanUp();
        }
      });
    const never = new AbortController().signal;

    behaves("starts empty at revision 0", async (storage) => {
      assert.equal(storage.revision, 0);
      assert.equal(storage.compacted, 1);
      assert.deepEqual(await storage.range("/"), { revision: 0, entries: [] });
    });

    behaves("refuses a value larger than etcd takes, and takes the next commit", async (storage) => {
      await assert.rejects(storage.commit([put("/a", "x".repeat(1_600_000))]), {
        name: "ValueTooLarge",
        message: "etcdserver: request is too large",
      });
      assert.equal(await storage.commit([put("/a", "one")]), 1);
    });

    behaves("counts a value as Kubernetes writes it to etcd", async (storage) => {
      const config = (apiVersion: string, lines: number) =>
        valueFromObject({
          apiVersion,
          kind: "ConfigMap",
          metadata: { name: "a" },
          data: { text: "\n".repeat(lines) },
        } as unknown as KubeObject); // the storage does not care
      // Two bytes each in JSON, and one in protobuf, which custom resources do not have.
      assert.equal(await storage.commit([{ key: "/a", value: config("v1", 1_500_000) }]), 1);
      for (const large of [config("v1", 1_600_000), config("example.com/v1", 1_500_000)])
        await assert.rejects(storage.commit([{ key: "/a", value: large }]), { name: "ValueTooLarge" });
      assert.equal(await storage.commit([{ key: "/a", value: config("example.com/v1", 700_000) }]), 2);
    });

    behaves("gives each commit the next revision and keeps the revision of creation", async (storage) => {
      assert.equal(await storage.commit([put("/a", "one", 0)]), 1);
      assert.equal(await storage.commit([put("/a", "two", 1)]), 2);
      assert.equal(storage.revision, 2);
      assert.deepEqual(await contents(storage), ["/a=two 1/2"]);
    });

    behaves("creates anew after a deletion", async (storage) => {
      await storage.commit([put("/a", "one")]);
      assert.equal(await storage.commit([{ key: "/a", expect: 1 }]), 2);
      assert.deepEqual(await contents(storage), []);
      await storage.commit([put("/a", "two", 0)]);
      assert.deepEqual(await contents(storage), ["/a=two 3/3"]);
    });

    behaves("lists a prefix in key order at the revision that it names", async (storage) => {
      await storage.commit([put("/r/b", "b"), put("/r/a-b", "ab"), put("/r/a/x", "ax"), put("/s/a", "other")]);
      assert.deepEqual(await contents(storage, "/r/"), ["/r/a-b=ab 1/1", "/r/a/x=ax 1/1", "/r/b=b 1/1"]);
      assert.equal((await storage.range("/s/")).revision, 1);
    });

    behaves("refuses a change whose key is at another revision, and says which", async (storage) => {
      await storage.commit([put("/a", "one")]);
      await assert.rejects(storage.commit([put("/a", "two", 0)]), new ChangeConflict("/a", 0, 1));
      await assert.rejects(storage.commit([{ key: "/b", expect: 7 }]), new ChangeConflict("/b", 7, 0));
      assert.deepEqual(await contents(storage), ["/a=one 1/1"]);
    });

    behaves("keeps nothing of a commit of which one change conflicts", async (storage) => {
      await storage.commit([put("/a", "one")]);
      await assert.rejects(storage.commit([put("/b", "new", 0), put("/a", "two", 9)]), ChangeConflict);
      assert.equal(storage.revision, 1);
      assert.deepEqual(await contents(storage), ["/a=one 1/1"]);
    });

    behaves("lets exactly one of many concurrent writers through", async (storage) => {
      const attempts = Array.from({ length: 20 }, (_, writer) => storage.commit([put("/a", `writer-${writer}`, 0)]));
      const results = await Promise.allSettled(attempts);
      assert.equal(results.filter((result) => result.status === "fulfilled").length, 1);
      assert.equal(storage.revision, 1);
    });

    behaves("runs concurrent commits one after the other", async (storage) => {
      const attempts = ["one", "two", "three"].map((text, index) => storage.commit([put("/a", text, index)]));
      assert.deepEqual(await Promise.all(attempts), [1, 2, 3]);
      assert.deepEqual(await contents(storage), ["/a=three 1/3"]);
    });

    behaves(
      "gives changes of one resource in one commit a revision each, and none for what changes nothing",
      async (storage) => {
        const [a, b, c] = ["a", "b", "c"].map((name) => `/registry/core/pods/x/${name}`);
        const node = "/registry/core/nodes/n";
        assert.equal(await storage.commit([put(a!, "1"), { key: b! }, put(node, "1"), put(c!, "1")]), 2);
        assert.deepEqual(await contents(storage), [`${node}=1 2/2`, `${a}=1 1/1`, `${c}=1 2/2`]);
        assert.equal(await storage.commit([{ key: a! }, { key: c! }, put(node, "2", 2)]), 4);
        assert.deepEqual(await contents(storage), [`${node}=2 2/4`]);
        await assert.rejects(storage.commit([put(a!, "2", 0), put(b!, "2", 0), put(node, "3", 2)]), ChangeConflict);
        assert.equal(storage.revision, 4);
        assert.deepEqual(await take(storage.watch("/registry/", 0, never), 6), [
          `1 +${a}`,
          `2 +${node}`,
          `2 +${c}`,
          `3 -${a}`,
          `4 -${c}`,
          `4 +${node}`,
        ]);
      },
    );

    behaves("takes no revision for deleting what does not exist", async (storage) => {
      await storage.commit([put("/a", "one")]);
      assert.equal(await storage.commit([{ key: "/b" }]), 1);
      assert.equal(storage.revision, 1);
    });

    behaves("refuses to change a key twice in one commit", async (storage) => {
      await assert.rejects(storage.commit([put("/a", "one"), put("/a", "two")]), /changes each key once/);
      assert.equal(storage.revision, 0);
    });

    behaves("shows a watch what comes, and what came since its revision", async (storage) => {
      await storage.commit([put("/r/a", "one")]);
      await storage.commit([put("/r/b", "two"), put("/s/b", "other")]);
      const watch = take(storage.watch("/r/", 1, never), 3);
      await storage.commit([put("/r/a", "three")]);
      await storage.commit([{ key: "/r/b" }]);
      assert.deepEqual(await watch, ["2 +/r/b", "3 +/r/a", "4 -/r/b"]);
    });

    behaves("hands a watch whole commits", async (storage) => {
      const sizes: number[] = [];
      const watching = (async () => {
        for await (const events of storage.watch("/", 0, never)) {
          sizes.push(events.length);
          if (events.at(-1)?.revision === 2) break;
        }
      })();
      await Promise.all([
        storage.commit([put("/a", "1"), put("/b", "1"), put("/c", "1")]),
        storage.commit([put("/d", "2"), put("/e", "2")]),
      ]);
      await watching;
      assert.ok(
        sizes.every((size) => size === 3 || size === 2 || size === 5),
        `sizes ${sizes}`,
      );
    });

    behaves("has published a commit when it resolves", async (storage) => {
      const events = storage.watch("/", 0, never)[Symbol.asyncIterator]();
      const first = events.next();
      await storage.commit([put("/a", "one")]);
      assert.equal((await first).value?.[0]?.key, "/a");
      assert.deepEqual(await contents(storage), ["/a=one 1/1"]);
      await events.return?.();
    });

    behaves("ends a watch with its signal", async (storage) => {
      const controller = new AbortController();
      const watch = take(storage.watch("/", 0, controller.signal), 1);
      controller.abort();
      assert.deepEqual(await watch, []);
    });

    behaves("refuses a watch from before the compaction, and keeps the state", async (storage) => {
      for (const text of ["one", "two", "three"]) await storage.commit([put("/a", text)]);
      await storage.compact(3);
      assert.equal(storage.compacted, 3);
      await assert.rejects(take(storage.watch("/", 1, never), 1), new Compacted(1, 3));
      assert.deepEqual(await take(storage.watch("/", 2, never), 1), ["3 +/a"]);
      assert.deepEqual(await contents(storage), ["/a=three 1/3"]);
    });

    behaves("forgets the oldest events when there are too many", async (storage) => {
      for (let index = 0; index < 3 * historyEventsMax; index++) await storage.commit([put("/a", `${index}`)]);
      assert.ok(storage.compacted > historyEventsMax);
      const kept = await take(storage.watch("/", storage.compacted - 1, never), 1);
      assert.equal(kept.length, storage.revision - storage.compacted + 1);
      assert.ok(kept.length >= historyEventsMax);
      await assert.rejects(take(storage.watch("/", 0, never), 1), Compacted);
    });

    behaves("lets go of the events that all readers have read", async (storage) => {
      const [quick, slow] = [1, 2].map(() => storage.watch("/", 0, never)[Symbol.asyncIterator]());
      for (const text of ["one", "two"]) await storage.commit([put("/a", text)]);
      for (const reader of [quick!, slow!]) assert.equal((await reader.next()).value.length, 2);
      const nextOfQuick = quick!.next();
      assert.equal(storage.compacted, 1, "the slow one may still be busy with them");
      const nextOfSlow = slow!.next();
      await storage.commit([put("/a", "three")]);
      assert.deepEqual(
        [await nextOfQuick, await nextOfSlow].map(({ value }) => value[0].revision),
        [3, 3],
      );
      assert.equal(storage.compacted, 3);
      await assert.rejects(take(storage.watch("/", 1, never), 1), new Compacted(1, 3));
    });

    behaves("tells a reader that fell behind so", async (storage) => {
      await storage.commit([put("/a", "first")]);
      const events = storage.watch("/", 0, never)[Symbol.asyncIterator]();
      await events.next();
      for (let index = 0; index < 3 * historyEventsMax; index++) await storage.commit([put("/a", `${index}`)]);
      await assert.rejects(async () => events.next(), Compacted);
    });

    behaves("refuses everything when it is closed, and ends its watches", async (storage) => {
      const watch = take(storage.watch("/", 0, never), 1);
      await storage.close();
      assert.deepEqual(await watch, []);
      await assert.rejects(storage.commit([put("/a", "one")]), StorageClosed);
      await assert.rejects(storage.range("/"), StorageClosed);
    });
  });
}
