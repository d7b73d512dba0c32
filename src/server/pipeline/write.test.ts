import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { cpuMs } from "../../../test/cpu-time.ts";
import {
  type ApiError,
  Bindings,
  ClusterRoles,
  ConfigMaps,
  Deployments,
  type KubeObject,
  Leases,
  Namespaces,
  Pods,
  PriorityClasses,
  type RequestOptions,
  Services,
} from "../../api/index.ts";
import type { Random } from "../../lib/index.ts";
import { type Change, ChangeConflict, MemoryStorage, ValueTooLarge } from "../../storage/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

const at = (name: string) => ({ namespace: "default", name });
const create = (name: string, more: object = {}, options: RequestOptions = {}) =>
  server.send("create", ConfigMaps, {
    namespace: "default",
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, ...more },
    options,
  });

const deployment = (name: string) => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
  },
});

test("what only the server says of a new object is not taken from the client", async () => {
  const metadata = {
    name: "owned",
    uid: "mine",
    creationTimestamp: "2001-01-01T00:00:00Z",
    deletionTimestamp: "2001-01-01T00:00:00Z",
    generation: 9,
  };
  const created = await create("", { metadata });
  assert.notEqual(created.metadata.uid, "mine");
  assert.equal(created.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  assert.equal(created.metadata.deletionTimestamp, undefined);
  assert.equal(created.metadata.generation, undefined);
});

test("an owner that stands twice is kept once, with a warning that takes patches for admission", async () => {
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u" };
  const body = { metadata: { name: "twice-owned", ownerReferences: [owner, { ...owner }] } };
  const served = await server.serve("create", ConfigMaps, { namespace: "default", body });
  assert.match(served.warnings[0] ?? "", /duplicate entries; API server .* duplicate UID\(s\) observed: u$/);
  const patched = await server.serve("patch", ConfigMaps, {
    ...at("twice-owned"),
    body: { metadata: { ownerReferences: [owner, owner] } },
    patchType: "application/merge-patch+json",
  });
  assert.match(patched.warnings[0] ?? "", /duplicate entries after mutating admission happens; API server/);
  const { metadata } = await server.send("get", ConfigMaps, at("twice-owned"));
  assert.deepEqual(metadata.ownerReferences, [owner]);
});

test("as many owners as a body has room for are looked at once each", async () => {
  const ownerReferences = Array.from({ length: 30_000 }, (_, index) => ({ uid: `u${index}` }));
  const refused = () =>
    assert.rejects(create("", { metadata: { name: "much-owned", ownerReferences } }), { code: 422 });
  assert.ok((await cpuMs(refused)) < 5_000);
});

test("generateName gives a name that is free", async () => {
  const created = await create("", { metadata: { generateName: "job-" } });
  assert.match(created.metadata.name, /^job-[a-z0-9]{5}$/);
});

test("a generated name that is always taken is told as a failure to generate one", async () => {
  const random: Random = { next: () => 0, bytes: (length) => new Uint8Array(length) };
  const unlucky = await startTestServer({ random });
  const body = { metadata: { generateName: "job-" } };
  const send = () => unlucky.send("create", ConfigMaps, { namespace: "default", body });
  await send();
  await assert.rejects(send(), (error: ApiError) => {
    assert.match(error.message, /^configmaps "job-bbbbb" already exists, the server was not able to generate a unique/);
    assert.equal(error.status.details?.retryAfterSeconds, 1);
    return error.code === 409;
  });
  await unlucky.close();
});

const refusedCreates: readonly [string, object, string | undefined, { code: number; message: RegExp }][] = [
  [
    "no name",
    { metadata: {} },
    undefined,
    { code: 422, message: /metadata.name: Required value: name or generateName is required/ },
  ],
  [
    "a bad name",
    { metadata: { name: "Big" } },
    undefined,
    { code: 422, message: /metadata.name: Invalid value: "Big": a lowercase RFC 1123/ },
  ],
  [
    "another namespace",
    { metadata: { name: "a", namespace: "other" } },
    undefined,
    { code: 400, message: /does not match the namespace sent on the request/ },
  ],
  [
    "a resourceVersion",
    { metadata: { name: "a", resourceVersion: "7" } },
    undefined,
    { code: 400, message: /resourceVersion should not be set on objects to be created/ },
  ],
  [
    "another kind",
    { kind: "Secret", metadata: { name: "a" } },
    undefined,
    { code: 400, message: /Secret in version "v1" cannot be handled as a ConfigMap/ },
  ],
  [
    "a name that is taken",
    { metadata: { name: "taken" } },
    "taken",
    { code: 409, message: /configmaps "taken" already exists/ },
  ],
  [
    "a wrong type",
    { metadata: { name: "a" }, data: { k: 1 } },
    undefined,
    { code: 400, message: /cannot unmarshal number/ },
  ],
];

for (const [name, body, first, error] of refusedCreates)
  test(`a create with ${name} is refused`, async () => {
    if (first) await create(first);
    await assert.rejects(create("", body), error);
  });

test("a create may say of its version that it is 0 or no number, and in a dry run anything", async () => {
  for (const [name, resourceVersion] of [
    ["version-0", "0"],
    ["no-version", "-1"],
  ] as const) {
    const { metadata } = await create("", { metadata: { name, resourceVersion } });
    assert.ok(Number(metadata.resourceVersion) > 0);
  }
  await create("", { metadata: { name: "dry-version", resourceVersion: "7" } }, { dryRun: "All" });
});

test("an unknown field is a warning, an error or nothing, as the client chooses", async () => {
  const send = (name: string, fieldValidation: "Ignore" | "Warn" | "Strict") =>
    server.serve("create", ConfigMaps, {
      namespace: "default",
      body: { metadata: { name }, dada: {} },
      options: { fieldValidation },
    });
  assert.deepEqual((await send("lax", "Ignore")).warnings, []);
  assert.deepEqual((await send("warned", "Warn")).warnings, ['unknown field "dada"']);
  await assert.rejects(send("strict", "Strict"), { code: 400, message: /strict decoding error: unknown field "dada"/ });
});

test("a dry run answers and writes nothing", async () => {
  const answer = await create("dry", {}, { dryRun: "All" });
  assert.equal(answer.metadata.name, "dry");
  assert.ok(answer.metadata.uid);
  await assert.rejects(server.send("get", ConfigMaps, at("dry")), { code: 404 });
  const kept = await create("dry-kept", { data: { k: "1" } });
  const body = { ...kept, data: { k: "2" } };
  const changed = await server.send("update", ConfigMaps, { ...at("dry-kept"), body, options: { dryRun: "All" } });
  assert.deepEqual(changed.data, { k: "2" });
  assert.equal(changed.metadata.resourceVersion, kept.metadata.resourceVersion);
  await server.send("delete", ConfigMaps, { ...at("dry-kept"), options: { dryRun: "All" } });
  assert.deepEqual(await server.send("get", ConfigMaps, at("dry-kept")), kept);
});

test("an update that changes nothing writes nothing", async () => {
  const created = await create("same", { data: { k: "1" } });
  const again = await server.send("update", ConfigMaps, { ...at("same"), body: created });
  assert.equal(again.metadata.resourceVersion, created.metadata.resourceVersion);
});

test("an update without resourceVersion overwrites", async () => {
  await create("last", { data: { k: "1" } });
  const next = await server.send("update", ConfigMaps, {
    ...at("last"),
    body: { metadata: { name: "last" }, data: { k: "2" } },
  });
  assert.deepEqual(next.data, { k: "2" });
});

const refusedUpdates: readonly [string, (old: { metadata: object }) => object, { code: number; message: RegExp }][] = [
  [
    "another name",
    () => ({ metadata: { name: "other" } }),
    { code: 400, message: /the name of the object \(other\) does not match the name on the URL/ },
  ],
  [
    "another uid",
    ({ metadata }) => ({ metadata: { ...metadata, uid: "x" } }),
    { code: 409, message: /Precondition failed: UID in precondition: x, UID in object meta: / },
  ],
  [
    "another uid and an old resourceVersion, as of an object that was made again,",
    ({ metadata }) => ({ metadata: { ...metadata, uid: "x", resourceVersion: "1" } }),
    { code: 409, message: /Precondition failed: UID in precondition: x/ },
  ],
  [
    "an old resourceVersion",
    ({ metadata }) => ({ metadata: { ...metadata, resourceVersion: "1" } }),
    { code: 409, message: /the object has been modified/ },
  ],
  [
    "a changed immutable field",
    (old) => ({ ...old, immutable: true, data: { k: "2" } }),
    { code: 422, message: /field is immutable/ },
  ],
];

for (const [index, [name, body, error]] of refusedUpdates.entries())
  test(`an update with ${name} is refused`, async () => {
    const old = await create(`update-${index}`, { immutable: true, data: { k: "1" } });
    await assert.rejects(server.send("update", ConfigMaps, { ...at(`update-${index}`), body: body(old) }), error);
  });

test("a kind that is not overwritten blindly wants a resourceVersion", async () => {
  const body = { metadata: { name: "blind" }, spec: {} };
  await server.send("create", Leases, { namespace: "default", body });
  await assert.rejects(server.send("update", Leases, { ...at("blind"), body }), {
    code: 422,
    message:
      'Lease.coordination.k8s.io "blind" is invalid: metadata.resourceVersion: Invalid value: 0x0: must be specified for an update',
  });
});

test("an update of what does not exist is refused, unless the kind is created by it", async () => {
  const body = { metadata: { name: "missing" } };
  await assert.rejects(server.send("update", ConfigMaps, { ...at("missing"), body }), { code: 404 });
  const service = { ...body, spec: { clusterIP: "None", ports: [{ port: 80 }] } };
  const served = await server.serve("update", Services, { ...at("missing"), body: service });
  assert.equal(served.type === "object" && served.code, 201);
});

test("the generation counts changes of the spec and not of the status", async () => {
  const place = at("generations");
  const first = await server.send("create", Deployments, { namespace: "default", body: deployment("generations") });
  assert.equal(first.metadata.generation, 1);
  const scaled = { ...first, spec: { ...first.spec, replicas: 5 }, status: { replicas: 99 } };
  const second = await server.send("update", Deployments, { ...place, body: scaled });
  assert.equal(second.metadata.generation, 2);
  assert.equal(second.status.replicas, undefined);
  const reported = { ...second, spec: { ...second.spec, replicas: 7 }, status: { replicas: 5, observedGeneration: 2 } };
  const third = await server.send("update", Deployments, { ...place, subresource: "status", body: reported });
  assert.equal(third.metadata.generation, 2);
  assert.equal(third.spec.replicas, 5);
  assert.equal(third.status.replicas, 5);
});

test("an annotation is a new generation of a Deployment alone, and a PriorityClass has but the first", async () => {
  const place = at("annotated");
  const annotate = <T extends KubeObject>(object: T) => ({
    ...object,
    metadata: { ...object.metadata, annotations: { a: "b" } },
  });
  const made = await server.send("create", Deployments, { namespace: "default", body: deployment("annotated") });
  const reported = await server.send("update", Deployments, { ...place, subresource: "status", body: annotate(made) });
  assert.deepEqual([reported.metadata.annotations, reported.metadata.generation], [{ a: "b" }, 1]);
  const body = { ...reported, metadata: { ...reported.metadata, annotations: {} } };
  assert.equal((await server.send("update", Deployments, { ...place, body })).metadata.generation, 2);
  const first = await server.send("create", PriorityClasses, { body: { metadata: { name: "low" }, value: 1 } });
  const described = { ...annotate(first), description: "for what can wait" };
  const { metadata } = await server.send("update", PriorityClasses, { name: "low", body: described });
  assert.equal(metadata.generation, 1);
});

test("the scale subresource reads and writes the replicas", async () => {
  const place = { ...at("scaled"), subresource: "scale" };
  await server.send("create", Deployments, { namespace: "default", body: deployment("scaled") });
  const scale = (await server.send("get", Deployments, place)) as unknown as Record<string, unknown>;
  assert.equal(scale.kind, "Scale");
  assert.deepEqual(scale.spec, { replicas: 1 });
  assert.deepEqual(scale.status, { replicas: 0, selector: "app=scaled" });
  const patch = { spec: { replicas: 4 } };
  await server.send("patch", Deployments, { ...place, body: patch, patchType: "application/merge-patch+json" });
  assert.equal((await server.send("get", Deployments, at("scaled"))).spec.replicas, 4);
  await assert.rejects(
    server.send("update", Deployments, { ...place, body: { metadata: { name: "scaled" }, spec: { replicas: -1 } } }),
    { code: 422, message: /Scale.autoscaling "scaled" is invalid: spec.replicas: Invalid value: -1: must be greater/ },
  );
});

const patches = [
  ["application/json-patch+json", [{ op: "replace", path: "/data/k", value: "2" }]],
  ["application/merge-patch+json", { data: { k: "2" } }],
  ["application/strategic-merge-patch+json", { data: { k: "2" } }],
] as const;

for (const [patchType, body] of patches)
  test(`a patch of type ${patchType} changes what it names`, async () => {
    const name = patchType.replace(/\W/g, "-");
    await create(name, { data: { k: "1", other: "1" } });
    const patched = await server.send("patch", ConfigMaps, { ...at(name), body, patchType });
    assert.deepEqual(patched.data, { k: "2", other: "1" });
  });

test("patches that race all succeed", async () => {
  await create("raced");
  const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
  const patch = (key: string) =>
    server.send("patch", ConfigMaps, {
      ...at("raced"),
      body: { data: { [key]: "v" } },
      patchType: "application/merge-patch+json",
    });
  await Promise.all(keys.map(patch));
  assert.deepEqual(Object.keys((await server.send("get", ConfigMaps, at("raced"))).data ?? {}).sort(), keys.sort());
});

test("a patch with a resourceVersion is only for that version", async () => {
  await create("versioned");
  const body = { metadata: { resourceVersion: "1" } };
  await assert.rejects(
    server.send("patch", ConfigMaps, { ...at("versioned"), body, patchType: "application/merge-patch+json" }),
    { code: 409 },
  );
});

test("metadata that is not the client's survives an update that leaves it out", async () => {
  const created = await server.send("create", Namespaces, { body: { metadata: { name: "kept" } } });
  const updated = await server.send("update", Namespaces, {
    name: "kept",
    body: { metadata: { name: "kept", labels: { a: "b" } } },
  });
  assert.equal(updated.metadata.uid, created.metadata.uid);
  assert.equal(updated.metadata.creationTimestamp, created.metadata.creationTimestamp);
});

test("a pod is bound to a node once", async () => {
  const pod = { metadata: { name: "bound" }, spec: { containers: [{ name: "c", image: "nginx" }] } };
  await server.send("create", Pods, { namespace: "default", body: pod });
  const bind = (node: string) =>
    server.send("create", Pods, {
      ...at("bound"),
      subresource: "binding",
      body: { metadata: { name: "bound" }, target: { kind: "Node", name: node } },
    });
  await bind("n1");
  const bound = await server.send("get", Pods, at("bound"));
  assert.equal(bound.spec.nodeName, "n1");
  assert.equal(bound.metadata.generation, 1, "a binding is no update of the spec");
  assert.equal(bound.status.conditions?.find((each) => each.type === "PodScheduled")?.status, "True");
  await assert.rejects(bind("n2"), {
    code: 409,
    message: 'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "n1"',
  });
});

test("a binding that names no pod is about none", async () => {
  const pod = { metadata: { name: "undefined" }, spec: { containers: [{ name: "c", image: "nginx" }] } };
  await server.send("create", Pods, { namespace: "default", body: pod });
  const target = { kind: "Node", name: "n1" };
  for (const metadata of [{}, { name: "" }])
    await assert.rejects(server.send("create", Bindings, { namespace: "default", body: { metadata, target } }), {
      code: 400,
      message: "Name parameter required.",
    });
  assert.equal((await server.send("get", Pods, at("undefined"))).spec.nodeName, undefined);
});

test("managedFields say who wrote what, and apply keeps others out", async () => {
  const options = { fieldManager: "one" };
  const created = await create("managed", { data: { a: "1" } }, options);
  assert.equal(created.metadata.managedFields?.[0]?.manager, "one");
  const apply = (manager: string, data: object, force = false) =>
    server.send("patch", ConfigMaps, {
      ...at("managed"),
      body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "managed" }, data },
      patchType: "application/apply-patch+yaml",
      options: { fieldManager: manager, force },
    });
  await assert.rejects(apply("two", { a: "2" }), { code: 409, message: /conflict with "one" using v1: \.data\.a/ });
  assert.deepEqual((await apply("two", { a: "2", b: "2" }, true)).data, { a: "2", b: "2" });
  assert.deepEqual((await apply("two", { b: "2" })).data, { b: "2" });
});

test("an apply creates what does not exist, and needs a manager", async () => {
  const target = {
    ...at("applied"),
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" } },
    patchType: "application/apply-patch+yaml" as const,
  };
  await assert.rejects(server.send("patch", ConfigMaps, target), {
    code: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  });
  const served = await server.serve("patch", ConfigMaps, { ...target, options: { fieldManager: "me" } });
  assert.equal(served.type === "object" && served.code, 201);
});

test("an apply that loses races, and then its object, and then races again creates it all the same", async () => {
  const storage = new MemoryStorage();
  const commit = storage.commit.bind(storage);
  let lost = 0;
  const racing: TestServer = await startTestServer({ storage });
  const target = { namespace: "default", name: "raced" };
  await racing.send("create", ConfigMaps, { ...target, name: "", body: { metadata: { name: "raced" } } });
  storage.commit = async (changes) => {
    if (lost === 6) return commit(changes);
    const [{ key }] = changes as [{ key: string }];
    // After as many losses, writes of a namespace wait for each other.
    if (++lost === 3) await commit([{ key }]);
    throw new ChangeConflict(key, 0, 0);
  };
  const applied = await racing.serve("patch", ConfigMaps, {
    ...target,
    body: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "raced" }, data: { a: "1" } },
    patchType: "application/apply-patch+yaml",
    options: { fieldManager: "tester" },
  });
  assert.equal(applied.type === "object" && applied.code, 201);
  await racing.close();
});

test("an object with a hundred thousand mistakes is refused as one with a few", async () => {
  const many = (item: unknown) => new Array(200_000).fill(item);
  const bodies: readonly [Parameters<TestServer["send"]>[1], object][] = [
    [ConfigMaps, { metadata: { name: "many", finalizers: many("a b") } }],
    [ConfigMaps, { metadata: { name: "many", ownerReferences: many({}) } }],
    [Pods, { metadata: { name: "many" }, spec: { containers: many({}) } }],
    [Services, { metadata: { name: "many" }, spec: { ports: many({}) } }],
  ];
  for (const [resource, body] of bodies)
    await assert.rejects(
      server.send("create", resource, { namespace: "default", body }),
      ({ code }: ApiError) => code === 422,
    );
});

test("a name that is too long for the storage is refused", async () => {
  const create = (length: number) =>
    server.send("create", ClusterRoles, { body: { metadata: { name: "r".repeat(length) } } });
  const bytesMax = 1_978 - "/registry/rbac.authorization.k8s.io/clusterroles/".length;
  assert.equal((await create(bytesMax)).metadata.name.length, bytesMax);
  await assert.rejects(
    create(bytesMax + 1),
    ({ status }: ApiError) =>
      status.code === 422 && status.message.endsWith(`metadata.name: Too long: may not be more than ${bytesMax} bytes`),
  );
});

test("the managers of an object that is too large with them are left out, but of one that is applied", async () => {
  const small = new (class extends MemoryStorage {
    override async commit(changes: readonly Change[]) {
      if (changes.some(({ value }) => value && value.bytes.length > 600)) throw new ValueTooLarge();
      return super.commit(changes);
    }
  })();
  const other = await startTestServer({ storage: small });
  const keys = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`key-${index}`, ""]));
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "large" }, data: keys };
  const target = { namespace: "default", name: "large" };
  const created = await other.send("create", ConfigMaps, { namespace: "default", body });
  assert.equal(created.metadata.managedFields, undefined);
  const updated = await other.send("update", ConfigMaps, { ...target, body: { ...body, data: { ...keys, more: "" } } });
  assert.equal(updated.metadata.managedFields, undefined);
  assert.equal(updated.data?.more, "");
  const applied = other.send("patch", ConfigMaps, {
    ...target,
    body: { ...body, data: { ...keys, applied: "" } },
    patchType: "application/apply-patch+yaml",
    options: { fieldManager: "a", force: true },
  });
  await assert.rejects(applied, { message: "etcdserver: request is too large" });
  await other.close();
});
