import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigMaps, type KubeObject, Secrets } from "../../api/index.ts";
import { silentLogger, VirtualClock } from "../../lib/index.ts";
import {
  encryptedStorage,
  MemoryStorage,
  type Storage,
  startWatchCache,
  valueFromObject,
} from "../../storage/index.ts";
import { openLmdbStorage } from "../../storage/lmdb/index.ts";
import { startTestServer } from "../server-for-tests.ts";
import { readEncryptionConfiguration } from "./index.ts";

const keyOf = (fill: number) => new Uint8Array(32).fill(fill).toBase64();
const gcm = (...names: readonly number[]) => ({
  aesgcm: { keys: names.map((each) => ({ name: `key${each}`, secret: keyOf(each) })) },
});
const cbc = { aescbc: { keys: [{ name: "key1", secret: keyOf(1) }] } };
const identity = { identity: {} };

function configuration(providers: readonly object[], resources: readonly string[] = ["secrets"]) {
  return {
    apiVersion: "apiserver.config.k8s.io/v1",
    kind: "EncryptionConfiguration",
    resources: [{ resources, providers }],
  };
}

const encrypted = async (storage: Storage, ...providers: readonly object[]) =>
  encryptedStorage(storage, await readEncryptionConfiguration(configuration(providers)));

const secretKey = "/registry/core/secrets/default/a";
const plaintext = "the plain text of a secret";
// Only what is written and read back.
const secret = { kind: "Secret", metadata: { name: "a" }, stringData: { a: plaintext } } as unknown as KubeObject;
const textOf = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
/** A store whose values have no more than their bytes, as after a restart. */
async function reopened(storage: Storage, changed: (key: string) => string = (key) => key): Promise<Storage> {
  const copy = new MemoryStorage();
  const { entries } = await storage.range("/");
  for (const { key, value } of entries) {
    const { bytes } = value;
    const kept = {
      bytes,
      isEncoded: true,
      get object(): KubeObject {
        throw new Error("only its bytes are there");
      },
    };
    await copy.commit([{ key: changed(key), value: kept }]);
  }
  return copy;
}

for (const [name, providers, prefix] of [
  ["aesgcm", [gcm(1)], "k8s:enc:aesgcm:v1:key1:"],
  ["aescbc", [cbc], "k8s:enc:aescbc:v1:key1:"],
] as const)
  test(`${name} keeps a secret in the form that Kubernetes has on its disk, and nothing else`, async () => {
    const disk = new MemoryStorage();
    const storage = await encrypted(disk, ...providers);
    await storage.commit([{ key: secretKey, value: valueFromObject(secret) }]);
    await storage.commit([{ key: "/registry/core/configmaps/default/a", value: valueFromObject(secret) }]);
    const { entries } = await disk.range("/");
    const [map = "", sealed = ""] = entries.map(({ value }) => textOf(value.bytes));
    assert.ok(map.includes(plaintext));
    assert.ok(sealed.startsWith(prefix) && !sealed.includes("plain"));
    const again = await encrypted(await reopened(disk), ...providers);
    const [, read] = (await again.range("/")).entries;
    assert.deepEqual(read?.value.object, secret);
  });

test("the same secret is never written twice alike", async () => {
  const disk = new MemoryStorage();
  const storage = await encrypted(disk, gcm(1));
  for (const name of ["a", "b"])
    await storage.commit([{ key: `/registry/core/secrets/x/${name}`, value: valueFromObject(secret) }]);
  const [a, b] = (await disk.range("/")).entries.map(({ value }) => textOf(value.bytes));
  assert.notEqual(a, b);
});

test("the file of the store does not contain a secret's text", async () => {
  const path = await mkdtemp(join(tmpdir(), "encryption-"));
  try {
    const disk = await openLmdbStorage(path);
    const storage = await encrypted(disk, gcm(1));
    const server = await startTestServer();
    await storage.commit([{ key: secretKey, value: valueFromObject(secret) }]);
    await storage.commit([
      { key: "/registry/core/configmaps/default/a", value: valueFromObject({ ...secret, kind: "not hidden" }) },
    ]);
    await storage.close();
    await server.close();
    const file = textOf(await readFile(join(path, "data.mdb")));
    assert.equal(file.split(plaintext).length - 1, 1, "the one that is no secret");
    const again = await openLmdbStorage(path);
    const cache = await startWatchCache(await encrypted(again, gcm(1)), {
      clock: new VirtualClock(),
      log: silentLogger,
    });
    const object = cache.resource("/registry/core/secrets/").get(secretKey)?.object as typeof secret & {
      stringData: object;
    };
    assert.deepEqual(object.stringData, { a: plaintext });
    await cache.close();
    await again.close();
  } finally {
    await rm(path, { recursive: true });
  }
});

test("a secret that was moved to another place is refused", async () => {
  const disk = new MemoryStorage();
  await (await encrypted(disk, gcm(1))).commit([{ key: secretKey, value: valueFromObject(secret) }]);
  const moved = await encrypted(await reopened(disk, (key) => `${key}-moved`), gcm(1));
  await assert.rejects(moved.range("/"), {
    message: `cannot decrypt ${secretKey}-moved: it was changed or moved, or the key is another one`,
  });
});

test("another key, no key and an encrypted value that is called plain are refused", async () => {
  const disk = new MemoryStorage();
  await (await encrypted(disk, gcm(1))).commit([{ key: secretKey, value: valueFromObject(secret) }]);
  const copy = await reopened(disk);
  const wrong = { aesgcm: { keys: [{ name: "key1", secret: keyOf(2) }] } };
  await assert.rejects((await encrypted(copy, wrong)).range("/"), /the key is another one/);
  await assert.rejects((await encrypted(copy, gcm(2))).range("/"), /no provider .* has its prefix/);
  await assert.rejects((await encrypted(copy, identity)).range("/"), /no provider .* has its prefix/);
  await assert.rejects((await encrypted(copy, identity, wrong)).range("/"), /the key is another one/);
});

test("after a rotation the first key writes, all read, and replacing every secret leaves nothing of the old key", async () => {
  const disk = new MemoryStorage();
  const before = await startTestServer({ storage: await encrypted(disk, identity) });
  const body = (name: string) => ({ metadata: { name }, stringData: { a: plaintext } });
  for (const name of ["a", "b"]) await before.send("create", Secrets, { namespace: "default", body: body(name) });
  await before.cache.close();
  const prefixes = async () =>
    (await disk.range("/registry/core/secrets/")).entries.map(({ value }) => textOf(value.bytes).slice(0, 23));
  assert.ok((await prefixes()).every((each) => each.startsWith("{")));
  let copy = await reopened(disk);
  for (const [providers, prefix] of [
    [[gcm(1), identity], "k8s:enc:aesgcm:v1:key1:"],
    [[gcm(2, 1)], "k8s:enc:aesgcm:v1:key2:"],
  ] as const) {
    const server = await startTestServer({ storage: await encrypted(copy, ...providers) });
    const { items } = await server.list(Secrets, { namespace: "default" });
    for (const each of items)
      await server.send("update", Secrets, {
        namespace: "default",
        name: each.metadata.name,
        body: structuredClone(each),
      });
    const { revision } = server.storage;
    const again = await server.list(Secrets, { namespace: "default" });
    await server.send("update", Secrets, { namespace: "default", name: "a", body: structuredClone(again.items[0]) });
    assert.equal(server.storage.revision, revision, "what is written with the first key is not written again");
    await server.cache.close();
    const { entries } = await copy.range("/registry/core/secrets/");
    assert.deepEqual(
      entries.map(({ value }) => textOf(value.bytes).slice(0, 23)),
      [prefix, prefix],
    );
    copy = await reopened(copy);
  }
});

test("watchers and readers see plain objects", async () => {
  const server = await startTestServer({ storage: await encrypted(new MemoryStorage(), gcm(1)) });
  const stop = new AbortController();
  const events = await server.watch(Secrets, { namespace: "default", signal: stop.signal, options: {} });
  await server.send("create", Secrets, {
    namespace: "default",
    body: { metadata: { name: "a" }, stringData: { a: "b" } },
  });
  const { value } = await events.next();
  assert.deepEqual(value.object.data, { a: "Yg==" });
  await server.send("create", ConfigMaps, { namespace: "default", body: { metadata: { name: "a" } } });
  stop.abort();
  await server.close();
});

const names: readonly (readonly [resource: string, key: string, covered: boolean])[] = [
  ["secrets", "/registry/core/secrets/default/a", true],
  ["secrets", "/registry/core/configmaps/default/a", false],
  ["deployments.apps", "/registry/apps/deployments/default/a", true],
  ["*.apps", "/registry/apps/deployments/default/a", true],
  ["*.apps", "/registry/batch/jobs/default/a", false],
  ["*.", "/registry/core/configmaps/default/a", true],
  ["*.", "/registry/apps/deployments/default/a", false],
  ["*.*", "/registry/example.com/widgets/default/a", true],
  ["widgets.example.com", "/registry/example.com/widgets/default/a", true],
];
for (const [resource, key, covered] of names)
  test(`${resource} ${covered ? "is" : "is not"} about ${key}`, async () => {
    const cipherOf = await readEncryptionConfiguration(configuration([gcm(1)], [resource]));
    assert.equal(cipherOf(key) !== undefined, covered);
  });

test("a configuration that cannot be used is refused without a word of its keys", async () => {
  const wrong: readonly (readonly [object, RegExp])[] = [
    [
      { ...configuration([gcm(1)]), kind: "Other" },
      /it is Other of apiserver.config.k8s.io\/v1, not EncryptionConfiguration/,
    ],
    [configuration([]), /resources\[0\].providers: Required value/],
    [configuration([{}]), /providers\[0\]: Required value: one of identity, aesgcm and aescbc/],
    [configuration([{ secretbox: { keys: [] } }]), /unknown field "resources\[0\].providers\[0\].secretbox"/],
    [configuration([{ aesgcm: { keys: [{ name: "a", secret: "c2hvcnQ=" }] } }]), /must have 16, 24, 32 bytes, not 5$/],
    [
      configuration([{ aesgcm: { keys: [{ name: "a", secret: "%hidden%" }] } }]),
      /secret: Required value: must be base64$/,
    ],
    [
      configuration([{ aesgcm: { keys: [{ name: "a", secret: 1234567 }] } }]),
      /secret: Required value: must be a string/,
    ],
    [configuration([gcm(1, 1)]), /keys\[1\].name: Duplicate value: "key1"/],
  ];
  for (const [value, message] of wrong)
    await assert.rejects(readEncryptionConfiguration(value), (error: Error) => {
      assert.match(error.message, message);
      assert.doesNotMatch(error.message, /hidden|1234567|AQEB/);
      return true;
    });
});
