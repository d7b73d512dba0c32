// Every kind that a conformant cluster has is discovered, and can be created, read, listed, watched, replaced, patched
// and deleted, alone and as a collection; and so can its status where it has one.
import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type ApiClient, apiClient, type Document } from "./api-client.ts";
import { aroundTests } from "./around-tests.ts";
import { type Kind, kinds } from "./conformant-kinds.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let api: ApiClient;
aroundTests(
  async () => {
    plane = await serveControlPlane();
    api = apiClient(plane);
  },
  () => plane.close(),
);

/** The resource as discovery lists it, found the way a client finds it. */
async function discovered({ group, version, plural }: Kind): Promise<Document> {
  if (group === "") {
    assert.ok((await api.get("/api")).versions.includes(version));
    return (await api.get(`/api/${version}`)).resources.find(({ name }: Document) => name === plural);
  }
  const { groups } = await api.get("/apis");
  const found = groups.find(({ name }: Document) => name === group);
  const groupVersion = `${group}/${version}`;
  for (const each of [found, await api.get(`/apis/${group}`)])
    assert.ok(each.versions.some((offered: Document) => offered.groupVersion === groupVersion));
  return (await api.get(`/apis/${groupVersion}`)).resources.find(({ name }: Document) => name === plural);
}

for (const kind of kinds) {
  const { behaviour, group, version, plural, clusterScoped, fields, status, keepsMetadata, rewritten } = kind;
  const apiVersion = group === "" ? version : `${group}/${version}`;
  const root = group === "" ? `/api/${version}` : `/apis/${apiVersion}`;
  const everywhere = `${root}/${plural}`;
  const collection = clusterScoped ? everywhere : `${root}/namespaces/default/${plural}`;
  const own = `labelSelector=test%3D${plural}`;
  const named = (name: string) => ({
    apiVersion,
    kind: kind.kind,
    metadata: { name, labels: { test: plural }, ...(clusterScoped ? {} : { namespace: "default" }) },
    ...fields,
  });

  test(`${behaviour}: ${plural} are discovered, created, read, listed, watched, replaced, patched and deleted`, async (t) => {
    const resource = await discovered(kind);
    assert.equal(resource.kind, kind.kind);
    assert.equal(resource.namespaced, !clusterScoped);
    assert.deepEqual([...resource.verbs].sort(), [
      "create",
      "delete",
      "deletecollection",
      "get",
      "list",
      "patch",
      "update",
      "watch",
    ]);

    const { metadata: before } = await api.get(`${everywhere}?${own}`);
    const watch = await api.watch(`${everywhere}?${own}&resourceVersion=${before.resourceVersion}`);
    t.after(() => watch.close());
    const name = "example-0";
    const path = `${collection}/${name}`;
    const created = await api.post(collection, named(name));
    assert.deepEqual(await watch.next(), ["ADDED example-0", created]);
    assert.equal((await api.get(path)).metadata.uid, created.metadata.uid);
    for (const list of [`${collection}?${own}`, `${everywhere}?${own}`]) {
      const { items } = await api.get(list);
      assert.deepEqual(
        items.map(({ metadata }: Document) => metadata.uid),
        [created.metadata.uid],
      );
    }

    const patched = await api.patch(path, { metadata: { annotations: { patched: "true" } } });
    assert.equal(patched.metadata.annotations.patched, "true");
    const updated = await api.replace(path, (object) =>
      Object.assign(object.metadata.annotations, { updated: "true" }),
    );
    assert.equal(updated.metadata.annotations.patched, "true");
    assert.equal(updated.metadata.annotations.updated, "true");
    for (let seen: Document = {}; !seen.metadata?.annotations?.updated; ) {
      const [event, object] = await watch.next();
      assert.equal(event, "MODIFIED example-0");
      seen = object;
    }

    await api.delete(path);
    for (let event = ""; event !== "DELETED example-0"; ) {
      [event] = await watch.next();
      assert.match(event, /^(MODIFIED|DELETED) /);
    }
    assert.equal((await api.answer("GET", path)).code, 404);

    for (const index of [1, 2, 3]) await api.post(collection, named(`example-${index}`));
    await api.patch(`${collection}/example-3`, { metadata: { labels: { test: "stays" } } });
    await api.delete(`${collection}?${own}`);
    const gone = new Set<string>();
    while (gone.size < 3) {
      const [event] = await watch.next();
      if (event.startsWith("DELETED")) gone.add(event);
    }
    assert.deepEqual((await api.get(`${collection}?${own}`)).items, []);
    assert.equal((await api.get(`${collection}/example-3`)).metadata.labels.test, "stays");
    await api.delete(`${collection}/example-3`);
  });

  if (status === undefined) continue;
  test(`${behaviour}: the status of ${plural} is read, replaced and patched by itself`, async () => {
    const path = `${collection}/with-status`;
    const { spec } = await api.post(collection, named("with-status"));
    const annotation = keepsMetadata ? undefined : "true";
    const patched = await api.patch(`${path}/status`, { metadata: { annotations: { patched: "true" } }, status });
    assert.equal(patched.metadata.annotations?.patched, annotation);
    assert.partialDeepStrictEqual(patched.status, status);
    const updated = await api.replace(`${path}/status`, (object) => Object.assign(object.status, status));
    assert.partialDeepStrictEqual(updated.status, status);
    const read = await api.get(`${path}/status`);
    const isMade = rewritten !== undefined && !isDeepStrictEqual(read.status.hard, updated.status.hard);
    assert.partialDeepStrictEqual(read.status, isMade ? rewritten : status);
    assert.equal(read.metadata.annotations?.patched, annotation);
    assert.partialDeepStrictEqual(read.spec ?? {}, spec ?? {});
    await api.delete(path);
  });
}
