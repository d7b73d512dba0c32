import assert from "node:assert/strict";
import { test } from "node:test";
import { CachedObject } from "./cached-object.ts";
import { RecentBytes } from "./recent-bytes.ts";
import { valueFromObject } from "./value.ts";

const object = (name: string) => ({
  kind: "Thing",
  apiVersion: "v1",
  metadata: { name, uid: "u", creationTimestamp: "" },
});

function cached(name: string, recentBytes = new RecentBytes()) {
  const value = valueFromObject(object(name) as never); // a stored object has no resourceVersion
  assert.ok(value.bytes.length > 0);
  return new CachedObject(`/registry/core/things/${name}`, 7, 7, value, {
    freeze: true,
    recentBytes,
  });
}

const read = (bytes: Uint8Array) => JSON.parse(new TextDecoder().decode(bytes)) as unknown;

test("the bytes of a version name its revision, and those of its neighbours are not touched", () => {
  const [first, second] = [cached("first"), cached("sécond")];
  const both = [first.bytes, second.bytes];
  const at7 = (name: string) => ({ ...object(name), metadata: { resourceVersion: "7", ...object(name).metadata } });
  assert.deepEqual(both.map(read), [at7("first"), at7("sécond")]);
  assert.deepEqual(read(cached("third").bytes), at7("third"));
});

test("a version whose object nobody has read keeps its bytes, and no other's memory", () => {
  for (const isAsked of [false, true]) {
    const version = cached("lone");
    const before = isAsked ? version.bytes : undefined;
    version.forgetBytes();
    const { bytes } = version;
    if (before) assert.deepEqual(bytes, before);
    assert.equal((read(bytes) as { metadata: { resourceVersion: string } }).metadata.resourceVersion, "7");
    if (isAsked) assert.equal(bytes.buffer.byteLength, bytes.length);
  }
});

test("bytes that were all there was of a version go when its object is there too", () => {
  const recentBytes = new RecentBytes();
  const version = cached("lone", recentBytes);
  assert.ok(version.bytes.length > 0);
  recentBytes.forgetAll();
  const kept = version.bytes;
  assert.equal(version.object.metadata.name, "lone");
  assert.equal(version.bytes, kept);
  recentBytes.forgetAll();
  assert.notEqual(version.bytes, kept);
  assert.deepEqual(read(version.bytes), read(kept));
});

test("the JSON of a version that is not the newest is encoded again for who still asks", () => {
  const version = cached("changed");
  const { bytes } = version;
  assert.equal(version.object.metadata.name, "changed");
  assert.equal(version.bytes, bytes);
  version.outdate();
  assert.notEqual(version.bytes, bytes);
  assert.deepEqual(read(version.bytes), read(bytes));
});

test("a version of which nothing but the JSON is there keeps it when it is not the newest", () => {
  const version = cached("unread");
  const { bytes } = version;
  version.outdate();
  assert.equal(version.bytes, bytes);
});
