import assert from "node:assert/strict";
import { test } from "node:test";
import type { APIService } from "../../../api/index.ts";
import { silentLogger, VirtualClock } from "../../../lib/index.ts";
import { ExtensionDocuments } from "./extension-documents.ts";

const path = "/openapi/v2";
const spec = { group: "shop.example.com", version: "v1", groupPriorityMinimum: 1, versionPriority: 1 };
/** All that is read of it. */
const service = (metadata: object = {}, more: object = {}) =>
  ({ metadata: { name: "v1.shop.example.com", uid: "a", ...metadata }, spec: { ...spec, ...more } }) as APIService;

function scene() {
  const clock = new VirtualClock();
  const asked: PromiseWithResolvers<object | string>[] = [];
  const fetch = async () => {
    const answer = Promise.withResolvers<object | string>();
    asked.push(answer);
    return Buffer.from(JSON.stringify(await answer.promise));
  };
  return { clock, asked, documents: new ExtensionDocuments({ fetch, clock, log: silentLogger }) };
}

test("who asks first waits for the server, and who asks later gets what is known while it is asked again", async () => {
  const { clock, asked, documents } = scene();
  const first = [documents.get(service(), path), documents.get(service(), path)];
  asked[0]?.resolve("old");
  assert.deepEqual(await Promise.all(first), ["old", "old"]);
  await clock.advance(60_000);
  assert.equal(await documents.get(service(), path), "old");
  assert.equal(await documents.get(service(), path), "old");
  assert.equal(asked.length, 2);
  asked[1]?.resolve("new");
  await clock.advance(0);
  assert.equal(await documents.get(service(), path), "new");
});

test("a server that does not say it is not asked, nor waited for, by everybody who comes", async () => {
  const { clock, asked, documents } = scene();
  const first = documents.get(service(), path);
  asked[0]?.reject(new Error("no answer within 5 seconds"));
  assert.equal(await first, undefined);
  await clock.advance(14_000);
  assert.equal(await documents.get(service(), path), undefined);
  assert.equal(asked.length, 1);
  await clock.advance(1_000);
  // It is asked again, and still nobody waits.
  assert.equal(await documents.get(service(), path), undefined);
  assert.equal(asked.length, 2);
  asked[1]?.resolve("said");
  await clock.advance(0);
  assert.equal(await documents.get(service(), path), "said");
});

test("a document that is told again is the same, so that nothing is made of it anew", async () => {
  const { clock, asked, documents } = scene();
  const first = documents.get(service(), path);
  asked[0]?.resolve({ paths: {} });
  const told = await first;
  for (const next of [{ paths: {} }, { paths: { "/": {} } }]) {
    await clock.advance(60_000);
    await documents.get(service(), path);
    asked.at(-1)?.resolve(next);
    await clock.advance(0);
    const again = await documents.get(service(), path);
    assert.deepEqual(again, next);
    assert.equal(again === told, asked.length === 2);
  }
});

test("what is known of a server outlives its status, and not its place or the APIService", async () => {
  const { asked, documents } = scene();
  const get = (of: APIService) => documents.get(of, path);
  const first = get(service());
  asked[0]?.resolve("said");
  await first;
  assert.equal(await get(service({ resourceVersion: "2" })), "said");
  assert.equal(asked.length, 1);
  const moved = service({}, { service: { name: "other", namespace: "default" } });
  const second = get(moved);
  asked[1]?.resolve("said elsewhere");
  assert.equal(await second, "said elsewhere");
  documents.keepOnly([moved]);
  assert.equal(await get(moved), "said elsewhere");
  documents.keepOnly([]);
  void get(moved);
  assert.equal(asked.length, 3);
});
