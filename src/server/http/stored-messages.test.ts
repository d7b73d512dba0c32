import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeProtobuf, type KubeObject } from "../../api/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import { ListBody } from "./list-body.ts";
import { protobufBody, storedMessage } from "./stored-messages.ts";

/** A stored object that counts how often it is looked into. */
function stored(name: string, data: string = name): StoredObject & { reads: number } {
  const object = { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data: { data } };
  return {
    key: name,
    createRevision: 1,
    revision: 1,
    reads: 0,
    get object() {
      this.reads++;
      return object as unknown as KubeObject; // as much of one as is written
    },
    get bytes(): Uint8Array {
      throw new Error("JSON is not asked for");
    },
  };
}

test("an object's message is encoded once for all answers", () => {
  const object = stored("one");
  const message = storedMessage(object);
  const { reads } = object;
  assert.equal(storedMessage(object), message);
  assert.equal(object.reads, reads);
  const body = Buffer.concat(protobufBody(object));
  assert.deepEqual(decodeProtobuf(body), object.object);
});

test("a list of 1,000 objects encodes those that changed", () => {
  const objects = Array.from({ length: 1000 }, (_, index) => stored(`object-${index}`));
  const first = ListBody.of(objects, true, "protobuf");
  assert.equal(ListBody.of(objects, true, "protobuf"), first);
  const reads = objects.map((each) => each.reads);
  const next = objects.with(500, stored("changed"));
  assert.notEqual(ListBody.of(next, true, "protobuf"), first);
  assert.deepEqual(
    objects.map((each) => each.reads),
    reads,
  );
});

test("what is kept of messages has a bound", () => {
  const object = stored("kept");
  const message = storedMessage(object);
  const large = "x".repeat(8 << 20);
  for (let count = 0; count < 9; count++) storedMessage(stored(`large-${count}`, large));
  const again = storedMessage(object);
  assert.notEqual(again, message);
  assert.deepEqual(again, message);
});
