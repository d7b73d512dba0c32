// What conformance looks at in the API beyond the life of each kind, over HTTP with the controllers running.
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { type ApiClient, type ApiWatch, apiClient, type Document } from "./api-client.ts";
import { aroundTests } from "./around-tests.ts";
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

const namespace = "/api/v1/namespaces/default";
const containers = [{ name: "c", image: "example.com/c:1" }];
const template = (app: string) => ({ metadata: { labels: { app } }, spec: { containers } });
const configMap = (name: string, labels: object = {}, data: object = {}) => ({ metadata: { name, labels }, data });

/** Asserts that a request is refused, and gives the message. */
async function refusal(code: number, method: string, path: string, body?: unknown): Promise<string> {
  const headers = method === "PATCH" ? { "content-type": "application/merge-patch+json" } : {};
  const answer = await api.answer(method, path, { body, headers });
  assert.equal(answer.code, code, JSON.stringify(answer.body));
  return answer.body.message;
}

/** Reads until an object is as it should be, which its watch tells. */
const eventually = (path: string, name: string, is: (object: Document) => boolean): Promise<Document> =>
  api.until(`${path}?fieldSelector=metadata.name%3D${name}`, is);

test("Discovery, confirm the groupVerion and a resourcefrom each apiGroup: each preferred version has resources of its own", async () => {
  const { groups } = await api.get("/apis");
  assert.ok(groups.length > 15);
  for (const { name, versions, preferredVersion } of groups) {
    for (const { groupVersion, version } of versions) {
      const list = await api.get(`/apis/${groupVersion}`);
      assert.equal(list.groupVersion, `${name}/${version}`);
      assert.ok(list.resources.length > 0, groupVersion);
      for (const resource of list.resources) assert.ok(resource.name && resource.kind && resource.verbs.length > 0);
    }
    assert.ok(versions.some(({ groupVersion }: Document) => groupVersion === preferredVersion.groupVersion));
    assert.deepEqual((await api.get(`/apis/${name}`)).preferredVersion, preferredVersion);
  }
});

test("Custom resource should have storage version hash: it is what client libraries compute", async () => {
  const name = "hashes.stored.example.com";
  await api.post("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", {
    metadata: { name },
    spec: {
      group: "stored.example.com",
      scope: "Namespaced",
      names: { plural: "hashes", kind: "Hash" },
      versions: ["v1", "v2"].map((version) => ({
        name: version,
        served: true,
        storage: version === "v2",
        schema: { openAPIV3Schema: { type: "object" } },
      })),
    },
  });
  await eventually("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", name, ({ status }) =>
    status?.conditions?.some(({ type, status }: Document) => type === "Established" && status === "True"),
  );
  const { resources } = await api.get("/apis/stored.example.com/v1");
  const stored = createHash("sha256").update("stored.example.com/v2/Hash").digest().subarray(0, 8);
  assert.equal(resources[0].storageVersionHash, stored.toString("base64"));
});

test("Server Side Apply, Create: what each applier owns is told in the order of Kubernetes", async () => {
  const applied = async (manager: string, plural: string, object: Document) => {
    const path = `${namespace}/${plural}/${object.metadata.name}?fieldManager=${manager}`;
    const headers = { "content-type": "application/apply-patch+yaml" };
    const { code, body } = await api.answer("PATCH", path, { body: object, headers });
    assert.ok(code < 300, JSON.stringify(body));
    const ours = body.metadata.managedFields.filter(({ operation }: Document) => operation === "Apply");
    return ours.map(({ fieldsV1 }: Document) => JSON.stringify(fieldsV1));
  };
  const pod = { apiVersion: "v1", kind: "Pod", metadata: { name: "applied" }, spec: { containers } };
  const ofPod = `{"f:spec":{"f:containers":{"k:{\\"name\\":\\"c\\"}":{".":{},"f:image":{},"f:name":{}}}}}`;
  assert.deepEqual(await applied("first", "pods", pod), [ofPod]);
  assert.deepEqual(await applied("second", "pods", pod), [ofPod, ofPod]);
  const ports = [{ protocol: "UDP", port: 8080 }];
  const service = { apiVersion: "v1", kind: "Service", metadata: { name: "applied" }, spec: { ports } };
  const ofService = `{"f:spec":{"f:ports":{"k:{\\"port\\":8080,\\"protocol\\":\\"UDP\\"}":{".":{},"f:port":{},"f:protocol":{}}}}}`;
  assert.deepEqual(await applied("first", "services", service), [ofService]);
  for (const path of ["pods/applied", "services/applied"]) await api.delete(`${namespace}/${path}`);
});

test("API metadata HTTP return: a table of what has none is 406", async () => {
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const body = {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: { verb: "get", resource: "pods" } },
  };
  const answer = await api.answer("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", {
    body,
    headers: { accept },
  });
  assert.equal(answer.code, 406);
  assert.equal(answer.body.reason, "NotAcceptable");
});

test("Server side field validation, typed object: unknown and duplicate fields are refused together", async () => {
  const path = "/apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict";
  const body = `{"apiVersion":"apps/v1","kind":"Deployment","metadata":{"name":"strict"},"spec":{"unknown":1,
    "paused":true,"paused":false,"selector":{"matchLabels":{"app":"s"}},"template":${JSON.stringify(template("s"))}}}`;
  const message = await refusal(400, "POST", path, body);
  assert.match(message, /strict decoding error: .*unknown field "spec\.unknown"/);
  assert.match(message, /duplicate field "spec\.paused"/);
});

test("Server side field validation, typed unknown metadata: unknown fields of metadata are refused", async () => {
  const path = "/apis/apps/v1/namespaces/default/deployments?fieldValidation=Strict";
  const message = await refusal(400, "POST", path, {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "strict", unknownMeta: "foo" },
    spec: { selector: { matchLabels: { app: "s" } }, template: template("s") },
  });
  assert.match(message, /strict decoding error: unknown field "metadata\.unknownMeta"/);
});

/** A watch of ConfigMaps with a label, from a version on or from now on. */
const watchLabelled = async (t: { after(end: () => void): void }, label: string, from?: string): Promise<ApiWatch> => {
  const query = `labelSelector=${encodeURIComponent(label)}`;
  const since = from ?? (await api.get(`${namespace}/configmaps`)).metadata.resourceVersion;
  const watch = await api.watch(`${namespace}/configmaps?${query}&resourceVersion=${since}`);
  t.after(() => watch.close());
  return watch;
};

test("watch-configmaps-with-multiple-watchers: each hears of what its selector matches, and of nothing else", async (t) => {
  const a = await watchLabelled(t, "watched=a");
  const b = await watchLabelled(t, "watched=b");
  const either = await watchLabelled(t, "watched in (a,b)");
  for (const name of ["a", "b"]) {
    const path = `${namespace}/configmaps/multiple-${name}`;
    await api.post(`${namespace}/configmaps`, configMap(`multiple-${name}`, { watched: name }));
    await api.patch(path, { data: { mutation: "1" } });
    await api.patch(path, { data: { mutation: "2" } });
    await api.delete(path);
  }
  const all = (name: string) => ["ADDED", "MODIFIED", "MODIFIED", "DELETED"].map((type) => `${type} multiple-${name}`);
  const seen = async (watch: ApiWatch, count: number) => {
    const events: string[] = [];
    while (events.length < count) events.push((await watch.next())[0]);
    return events;
  };
  assert.deepEqual(await seen(a, 4), all("a"));
  assert.deepEqual(await seen(b, 4), all("b"));
  assert.deepEqual(await seen(either, 8), [...all("a"), ...all("b")]);
});

test("watch-configmaps-from-resource-version: only what happened after that version is told", async (t) => {
  const path = `${namespace}/configmaps/from-version`;
  await api.post(`${namespace}/configmaps`, configMap("from-version", { watched: "from-version" }));
  const first = await api.patch(path, { data: { mutation: "1" } });
  await api.patch(path, { data: { mutation: "2" } });
  await api.delete(path);
  const watch = await watchLabelled(t, "watched=from-version", first.metadata.resourceVersion);
  const [event, object] = await watch.next();
  assert.equal(event, "MODIFIED from-version");
  assert.equal(object.data.mutation, "2");
  assert.equal((await watch.next())[0], "DELETED from-version");
});

test("watch-configmaps-closed-and-restarted: a watch goes on where the one before it was closed", async (t) => {
  const path = `${namespace}/configmaps/restarted`;
  const first = await watchLabelled(t, "watched=restarted");
  await api.post(`${namespace}/configmaps`, configMap("restarted", { watched: "restarted" }));
  await api.patch(path, { data: { mutation: "1" } });
  assert.equal((await first.next())[0], "ADDED restarted");
  const [, last] = await first.next();
  first.close();
  await api.patch(path, { data: { mutation: "2" } });
  const second = await watchLabelled(t, "watched=restarted", last.metadata.resourceVersion);
  await api.delete(path);
  const [event, object] = await second.next();
  assert.deepEqual([event, object.data.mutation], ["MODIFIED restarted", "2"]);
  assert.equal((await second.next())[0], "DELETED restarted");
});

test("watch-configmaps-label-changed: what leaves the selection is deleted, and what comes back is added", async (t) => {
  const path = `${namespace}/configmaps/relabelled`;
  const watch = await watchLabelled(t, "watched=relabelled");
  await api.post(`${namespace}/configmaps`, configMap("relabelled", { watched: "relabelled" }));
  await api.patch(path, { data: { mutation: "1" } });
  await api.patch(path, { metadata: { labels: { watched: "elsewhere" } } });
  await api.patch(path, { data: { mutation: "2" } });
  await api.patch(path, { metadata: { labels: { watched: "relabelled" } } });
  await api.patch(path, { data: { mutation: "3" } });
  await api.delete(path);
  const told: string[] = [];
  while (told.length < 6) {
    const [event, { data = {} }] = await watch.next();
    told.push(`${event.split(" ")[0]} ${data.mutation ?? "-"}`);
  }
  assert.deepEqual(told, ["ADDED -", "MODIFIED 1", "DELETED 1", "ADDED 2", "MODIFIED 3", "DELETED 3"]);
});

test("watch-consistency: watches that start at every event agree on what follows", async (t) => {
  const label = "watched=consistent";
  const first = await watchLabelled(t, label);
  const names = Array.from({ length: 20 }, (_, index) => `consistent-${index}`);
  const writing = (async () => {
    for (const name of names) {
      await api.post(`${namespace}/configmaps`, configMap(name, { watched: "consistent" }));
      await api.patch(`${namespace}/configmaps/${name}`, { data: { mutation: "1" } });
      await api.delete(`${namespace}/configmaps/${name}`);
    }
  })();
  const others: ApiWatch[] = [];
  const versions: string[] = [];
  while (versions.length < 3 * names.length) {
    const [, { metadata }] = await first.next();
    versions.push(metadata.resourceVersion);
    others.push(await watchLabelled(t, label, metadata.resourceVersion));
  }
  await writing;
  for (const [index, watch] of others.entries()) {
    for (const expected of versions.slice(index + 1)) {
      const [, { metadata }] = await watch.next();
      assert.equal(metadata.resourceVersion, expected);
    }
  }
});

test("Event, manage lifecycle of an Event: it is created, listed everywhere, patched, updated with a series and deleted", async () => {
  const collection = `${namespace}/events`;
  const everywhere = "/api/v1/events?labelSelector=testevent%3Dcore";
  const metadata = { name: "core-event", labels: { testevent: "core" } };
  await api.post(collection, {
    metadata,
    involvedObject: { namespace: "default" },
    reason: "Test",
    message: "before",
    type: "Normal",
  });
  assert.equal((await api.get(everywhere)).items.length, 1);
  await api.patch(`${collection}/core-event`, { message: "after" });
  const patched = await api.get(`${collection}/core-event`);
  assert.equal(patched.message, "after");
  const series = { count: 100, lastObservedTime: "2026-11-21T00:00:00.000000Z" };
  await api.put(`${collection}/core-event`, { ...patched, series });
  assert.deepEqual((await api.get(`${collection}/core-event`)).series, series);
  await api.delete(`${collection}/core-event`);
  assert.deepEqual((await api.get(everywhere)).items, []);
});

test("New Event resource lifecycle, testing a single event: it is created, listed, patched and updated with a series, and deleted; its note stays", async () => {
  const collection = "/apis/events.k8s.io/v1/namespaces/default/events";
  const path = `${collection}/new-event`;
  const everywhere = "/apis/events.k8s.io/v1/events?labelSelector=testevent%3Dnew";
  await api.post(collection, {
    metadata: { name: "new-event", labels: { testevent: "new" } },
    eventTime: "2026-11-21T00:00:00.000000Z",
    note: "before",
    reason: "Test",
    type: "Normal",
    action: "Do",
    reportingController: "example.com/test",
    reportingInstance: "test-node",
    regarding: { namespace: "default" },
  });
  for (const list of [collection, everywhere])
    assert.ok((await api.get(list)).items.some(({ metadata }: Document) => metadata.name === "new-event"));
  for (const query of [`${collection}?fieldSelector=reportingController`, `${namespace}/events?fieldSelector=source`]) {
    const { items } = await api.get(`${query}%3Dexample.com/test`);
    assert.deepEqual(
      items.map(({ metadata }: Document) => metadata.name),
      ["new-event"],
    );
  }
  const series = (count: number) => ({ count, lastObservedTime: "2026-11-21T00:00:01.000000Z" });
  await api.patch(path, { series: series(2) });
  assert.deepEqual((await api.get(path)).series, series(2));
  // In this group an event is what happened once, however often: only its series grows.
  assert.match(await refusal(422, "PATCH", path, { note: "after" }), /Invalid value: "after": field is immutable/);
  const { metadata, ...shown } = await api.get(path);
  const { resourceVersion, managedFields: _, ...kept } = metadata;
  // Whatever version it has by now.
  await api.put(path, { ...shown, metadata: kept, series: series(100) });
  const updated = await api.get(path);
  assert.ok(Number(updated.metadata.resourceVersion) > Number(resourceVersion));
  assert.partialDeepStrictEqual(updated, { ...shown, metadata: kept, series: series(100) });
  await api.delete(path);
  assert.equal((await api.answer("GET", path)).code, 404);
  assert.deepEqual((await api.get(everywhere)).items, []);
});

for (const { behaviour, plural, data, next } of [
  { behaviour: "ConfigMap Volume, immutability", plural: "configmaps", data: { key: "a" }, next: { key: "b" } },
  { behaviour: "Secrets Volume, immutability", plural: "secrets", data: { key: "YQ==" }, next: { key: "Yg==" } },
]) {
  test(`${behaviour}: what is immutable keeps its data and stays immutable; its labels change, and it can go`, async () => {
    const path = `${namespace}/${plural}/immutable`;
    await api.post(`${namespace}/${plural}`, { metadata: { name: "immutable" }, data });
    await api.patch(path, { data: next });
    const marked = await api.patch(path, { immutable: true });
    assert.match(
      await refusal(422, "PUT", path, { ...marked, data }),
      /data: Forbidden: field is immutable when `immutable` is set/,
    );
    assert.match(
      await refusal(422, "PUT", path, { ...marked, immutable: false }),
      /immutable: Forbidden: field is immutable when `immutable` is set/,
    );
    await api.put(path, { ...marked, metadata: { ...marked.metadata, labels: { label: "new" } } });
    assert.deepEqual((await api.get(path)).data, next);
    await api.delete(path);
  });
}

for (const { behaviour, plural } of [
  { behaviour: "ConfigMap, with empty-key", plural: "configmaps" },
  { behaviour: "Secrets, with empty-key", plural: "secrets" },
]) {
  test(`${behaviour}: an empty key is refused`, async () => {
    const message = await refusal(422, "POST", `${namespace}/${plural}`, {
      metadata: { name: "empty" },
      data: { "": "" },
    });
    assert.match(message, /data\[\]: Invalid value: "": a valid config key must consist of/);
  });
}

test("Scheduler, Verify PriorityClass endpoints: its value cannot change, its description can", async () => {
  const classes = "/apis/scheduling.k8s.io/v1/priorityclasses";
  const path = `${classes}/mutable`;
  const created = await api.post(classes, { metadata: { name: "mutable" }, value: 100 });
  const unchangeable = /Value: Forbidden: may not be changed in an update/;
  await api.patch(path, { description: "patched" });
  const { metadata } = await api.get(path);
  await api.put(path, { ...created, metadata, description: "updated" });
  assert.equal((await api.get(path)).description, "updated");
  assert.match(await refusal(422, "PATCH", path, { value: 200 }), unchangeable);
  assert.match(
    await refusal(422, "PUT", path, { ...created, metadata: { name: "mutable" }, value: 200 }),
    unchangeable,
  );
});

test("Pods, update: a changed label is selected by", async () => {
  const metadata = { name: "updated", labels: { time: "1" } };
  await api.post(`${namespace}/pods`, { metadata, spec: { containers } });
  const selected = async (time: string) =>
    (await api.get(`${namespace}/pods?labelSelector=time%3D${time}`)).items.length;
  assert.equal(await selected("1"), 1);
  await api.replace(`${namespace}/pods/updated`, (pod) => {
    pod.metadata.labels.time = "2";
  });
  assert.deepEqual([await selected("1"), await selected("2")], [0, 1]);
});

test("Pods, QOS: requests that equal the limits make a pod guaranteed", async () => {
  const amounts = { cpu: "100m", memory: "100Mi" };
  const { status } = await api.post(`${namespace}/pods`, {
    metadata: { name: "qos" },
    spec: { containers: [{ name: "c", image: "i", resources: { requests: amounts, limits: amounts } }] },
  });
  assert.equal(status.qosClass, "Guaranteed");
});

test("LimitRange, resources: pods get its defaults and are held to its bounds, also after it is changed", async () => {
  await api.post("/api/v1/namespaces", { metadata: { name: "limited" } });
  await eventually("/api/v1/namespaces/limited/serviceaccounts", "default", () => true);
  const own = "/api/v1/namespaces/limited";
  const limit = (min: string, max: string) => ({
    type: "Container",
    min: { cpu: min },
    max: { cpu: max },
    default: { cpu: "300m" },
    defaultRequest: { cpu: "100m" },
  });
  const created = await api.post(`${own}/limitranges`, {
    metadata: { name: "range" },
    spec: { limits: [limit("50m", "500m")] },
  });
  assert.deepEqual((await api.get(`${own}/limitranges/range`)).spec, created.spec);
  const pod = (name: string, cpu?: string) => ({
    metadata: { name },
    spec: {
      containers: [{ name: "c", image: "i", ...(cpu ? { resources: { requests: { cpu }, limits: { cpu } } } : {}) }],
    },
  });
  const { spec } = await api.post(`${own}/pods`, pod("defaulted"));
  assert.deepEqual(spec.containers[0].resources, { limits: { cpu: "300m" }, requests: { cpu: "100m" } });
  assert.match(
    await refusal(403, "POST", `${own}/pods`, pod("small", "10m")),
    /minimum cpu usage per Container is 50m/,
  );
  assert.match(
    await refusal(403, "POST", `${own}/pods`, pod("big", "600m")),
    /maximum cpu usage per Container is 500m/,
  );
  await api.put(`${own}/limitranges/range`, { ...created, spec: { limits: [limit("5m", "500m")] } });
  await api.post(`${own}/pods`, pod("small", "10m"));
});

test("CSIInlineVolumes should support Pods with inline volumes: such a pod is created, listed, patched and deleted", async () => {
  const volumes = [{ name: "inline", csi: { driver: "inline.csi.example.com" } }];
  const path = `${namespace}/pods/inline`;
  await api.post(`${namespace}/pods`, {
    metadata: { name: "inline", labels: { test: "inline" } },
    spec: { volumes, containers: [{ name: "c", image: "i", volumeMounts: [{ name: "inline", mountPath: "/mnt" }] }] },
  });
  const { items } = await api.get(`${namespace}/pods?labelSelector=test%3Dinline`);
  assert.partialDeepStrictEqual(items[0].spec.volumes, volumes);
  await api.patch(path, { metadata: { labels: { patched: "true" } } });
  assert.equal((await api.get(path)).metadata.labels.patched, "true");
  await api.delete(path, { gracePeriodSeconds: 0 });
  assert.equal((await api.answer("GET", path)).code, 404);
});

const scalable: readonly (readonly [behaviour: string, collection: string, fields: object])[] = [
  ["ReplicaSet, completes the scaling of a ReplicaSet subresource", "/apis/apps/v1/namespaces/default/replicasets", {}],
  ["Deployment, completes the scaling of a Deployment subresource", "/apis/apps/v1/namespaces/default/deployments", {}],
  ["StatefulSet, scale subresource", "/apis/apps/v1/namespaces/default/statefulsets", { serviceName: "scaled" }],
];
for (const [behaviour, collection, fields] of scalable) {
  test(`${behaviour}: it is read, updated and patched, and the object follows`, async () => {
    const selector = { matchLabels: { app: "scaled" } };
    const path = `${collection}/scaled`;
    await api.post(collection, {
      metadata: { name: "scaled" },
      spec: { replicas: 1, selector, template: template("scaled"), ...fields },
    });
    const scale = await api.get(`${path}/scale`);
    assert.equal(scale.kind, "Scale");
    assert.equal(scale.spec.replicas, 1);
    assert.equal(scale.status.selector, "app=scaled");
    const updated = await api.replace(`${path}/scale`, ({ spec }) => {
      spec.replicas = 2;
    });
    assert.equal(updated.spec.replicas, 2);
    assert.equal((await api.get(path)).spec.replicas, 2);
    const patched = await api.patch(`${path}/scale`, { spec: { replicas: 4 } });
    assert.equal(patched.spec.replicas, 4);
    assert.equal((await api.get(path)).spec.replicas, 4);
    await api.delete(path);
  });
}
