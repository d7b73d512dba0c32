import assert from "node:assert/strict";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import {
  type ApiError,
  ConfigMaps,
  DaemonSets,
  Deployments,
  Events,
  EventsV1,
  HorizontalPodAutoscalers,
  HorizontalPodAutoscalersV1,
  type KubeObject,
  type ManagedFieldsEntry,
  type PatchType,
  Pods,
  type RequestOptions,
  Services,
} from "../../api/index.ts";
import { startTestServer, type TestServer } from "../server-for-tests.ts";

let server: TestServer;
aroundTests(
  async () => {
    server = await startTestServer();
  },
  () => server.close(),
);

const at = (name: string) => ({ namespace: "default", name });
const applyType = "application/apply-patch+yaml";
type Kind = typeof ConfigMaps | typeof Deployments | typeof HorizontalPodAutoscalers;

interface Write {
  readonly subresource?: string;
  readonly options?: RequestOptions;
}

const identities = new Map<unknown, object>([
  [ConfigMaps, { apiVersion: "v1", kind: "ConfigMap" }],
  [Deployments, { apiVersion: "apps/v1", kind: "Deployment" }],
]);

function apply(kind: Kind, name: string, manager: string, body: object, { options, ...more }: Write = {}) {
  const metadata = { name, ...(body as { metadata?: object }).metadata };
  return server.serve("patch", kind as typeof ConfigMaps, {
    ...at(name),
    ...more,
    body: { ...identities.get(kind), ...body, metadata },
    patchType: applyType,
    options: { fieldManager: manager, ...options },
  });
}

async function applied(...args: Parameters<typeof apply>): Promise<KubeObject> {
  const served = await apply(...args);
  assert.equal(served.type, "object");
  return (served as { object: KubeObject }).object;
}

function patch(kind: Kind, name: string, manager: string, body: unknown, more: Write & { type?: PatchType } = {}) {
  const { type = "application/merge-patch+json", options, ...target } = more;
  return server.send("patch", kind as typeof ConfigMaps, {
    ...at(name),
    ...target,
    body,
    patchType: type,
    options: { fieldManager: manager, ...options },
  });
}

const deployment = (name: string, spec: object = {}) => ({
  metadata: { name },
  spec: {
    selector: { matchLabels: { app: name } },
    template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "c", image: "nginx" }] } },
    ...spec,
  },
});

const create = (kind: Kind, body: object, manager = "creator") =>
  server.send("create", kind as typeof ConfigMaps, { namespace: "default", body, options: { fieldManager: manager } });

const managersOf = ({ metadata }: KubeObject) =>
  (metadata.managedFields ?? []).map(({ manager, operation, subresource, apiVersion }) =>
    [manager, operation, apiVersion, ...(subresource ? [subresource] : [])].join(" "),
  );
const entryOf = ({ metadata }: KubeObject, manager: string, subresource?: string): ManagedFieldsEntry => {
  const found = metadata.managedFields?.find((each) => each.manager === manager && each.subresource === subresource);
  assert.ok(found, `${manager} manages nothing`);
  return found;
};
const replicas = { "f:spec": { "f:replicas": {} } };

test("an apply that changes nothing writes nothing, whatever the time", async () => {
  const first = await applied(ConfigMaps, "same", "me", { data: { a: "1" } });
  await server.clock.advance(5_000);
  const again = await applied(ConfigMaps, "same", "me", { data: { a: "1" } });
  assert.deepEqual(again, first);
  const other = await applied(Deployments, "same", "me", deployment("same"));
  await server.clock.advance(5_000);
  assert.deepEqual(await applied(Deployments, "same", "me", deployment("same")), other);
  // What is written in another form but means the same is no change either.
  const limited = (cpu: unknown) => {
    const container = { name: "c", image: "nginx", resources: { limits: { cpu } } };
    return deployment("forms", {
      template: { metadata: { labels: { app: "forms" } }, spec: { containers: [container] } },
    });
  };
  const formed = await applied(Deployments, "forms", "me", limited("1"));
  await server.clock.advance(5_000);
  assert.deepEqual(await applied(Deployments, "forms", "me", limited(1)), formed);
  assert.deepEqual(await applied(Deployments, "forms", "me", limited("1000m")), formed);
});

test("a manager's time moves with what it changes, not with what others do", async () => {
  const first = await create(ConfigMaps, { metadata: { name: "times" }, data: { a: "1" } });
  await server.clock.advance(60_000);
  const second = await patch(ConfigMaps, "times", "creator", { data: { a: "2" } });
  assert.notEqual(entryOf(second, "creator").time, entryOf(first, "creator").time);
  await server.clock.advance(60_000);
  const third = await patch(ConfigMaps, "times", "other", { data: { b: "1" } });
  assert.equal(entryOf(third, "creator").time, entryOf(second, "creator").time);
  assert.notEqual(entryOf(third, "other").time, entryOf(second, "creator").time);
});

test("every way to write is recorded under its manager", async () => {
  await create(Deployments, deployment("ways"), "kubectl-create");
  await patch(Deployments, "ways", "merger", { metadata: { labels: { a: "1" } } });
  await patch(Deployments, "ways", "json", [{ op: "add", path: "/metadata/labels/b", value: "1" }], {
    type: "application/json-patch+json",
  });
  const image = { spec: { template: { spec: { containers: [{ name: "c", image: "nginx:2" }] } } } };
  await patch(Deployments, "ways", "strategic", image, { type: "application/strategic-merge-patch+json" });
  const status = { status: { replicas: 1, observedGeneration: 1 } };
  await patch(Deployments, "ways", "kube-controller-manager", status, { subresource: "status" });
  const current = await server.send("get", Deployments, at("ways"));
  const body = { ...current, metadata: { ...current.metadata, annotations: { a: "1" } } };
  const updated = await server.send("update", Deployments, {
    ...at("ways"),
    body,
    options: { fieldManager: "kubectl-replace" },
  });
  assert.deepEqual(managersOf(updated), [
    "json Update apps/v1",
    "kube-controller-manager Update apps/v1 status",
    "kubectl-create Update apps/v1",
    "kubectl-replace Update apps/v1",
    "merger Update apps/v1",
    "strategic Update apps/v1",
  ]);
  assert.deepEqual(entryOf(updated, "strategic").fieldsV1, {
    "f:spec": { "f:template": { "f:spec": { "f:containers": { 'k:{"name":"c"}': { "f:image": {} } } } } },
  });
  assert.deepEqual(entryOf(updated, "kube-controller-manager", "status").fieldsV1, {
    "f:status": { "f:replicas": {}, "f:observedGeneration": {} },
  });
  assert.deepEqual(entryOf(updated, "json").fieldsV1, { "f:metadata": { "f:labels": { "f:b": {} } } });
});

test("managedFields are reset by a list with one empty entry and by an empty list, and not by null", async () => {
  for (const [index, managedFields] of [[{}], []].entries()) {
    const name = `reset-${index}`;
    await create(ConfigMaps, { metadata: { name }, data: { a: "1" } });
    assert.deepEqual(managersOf(await patch(ConfigMaps, name, "me", { metadata: { managedFields: null } })), [
      "creator Update v1",
    ]);
    const reset = await patch(ConfigMaps, name, "me", { metadata: { managedFields } });
    assert.equal(reset.metadata.managedFields, undefined);
    // What has no managers stays so until somebody applies.
    const later = await patch(ConfigMaps, name, "me", { data: { b: "2" } });
    assert.equal(later.metadata.managedFields, undefined);
    const object = await applied(ConfigMaps, name, "me", { data: { c: "3" } });
    assert.deepEqual(managersOf(object), ["me Apply v1", "before-first-apply Update v1"]);
  }
});

test("the eleventh updater joins the oldest to ancient-changes", async () => {
  await create(ConfigMaps, { metadata: { name: "many" }, data: { k0: "1" } }, "m0");
  for (let index = 1; index <= 12; index++) {
    await server.clock.advance(1_000);
    await patch(ConfigMaps, "many", `m${index}`, { data: { [`k${index}`]: "1" } });
  }
  const object = await server.send("get", ConfigMaps, at("many"));
  assert.equal(object.metadata.managedFields?.length, 10);
  assert.deepEqual(entryOf(object, "ancient-changes").fieldsV1, {
    "f:data": { ".": {}, "f:k0": {}, "f:k1": {}, "f:k2": {}, "f:k3": {} },
  });
});

test("a conflict names each field and its manager, and force takes them", async () => {
  await create(Deployments, deployment("conflicts", { replicas: 1, paused: true }), "kubectl-create");
  const wanted = { spec: { replicas: 2, paused: false } };
  await assert.rejects(apply(Deployments, "conflicts", "me", wanted), (error: ApiError) => {
    assert.equal(error.code, 409);
    assert.equal(error.reason, "Conflict");
    assert.equal(
      error.message,
      'Apply failed with 2 conflicts: conflicts with "kubectl-create" using apps/v1:\n- .spec.paused\n- .spec.replicas',
    );
    assert.deepEqual(error.status.details?.causes, [
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "kubectl-create" using apps/v1',
        field: ".spec.paused",
      },
      {
        reason: "FieldManagerConflict",
        message: 'conflict with "kubectl-create" using apps/v1',
        field: ".spec.replicas",
      },
    ]);
    return true;
  });
  const forced = await applied(Deployments, "conflicts", "me", wanted, { options: { force: true } });
  assert.deepEqual(entryOf(forced, "me").fieldsV1, { "f:spec": { "f:replicas": {}, "f:paused": {} } });
  assert.ok(!JSON.stringify(entryOf(forced, "kubectl-create").fieldsV1).includes("f:replicas"));
});

test("options that do not go together are a 422", async () => {
  await create(ConfigMaps, { metadata: { name: "options" } });
  const refused = (options: RequestOptions, type: PatchType = applyType) =>
    server.send("patch", ConfigMaps, { ...at("options"), body: {}, patchType: type, options });
  const prefix = 'PatchOptions.meta.k8s.io "" is invalid: ';
  for (const [attempt, message] of [
    [refused({}), "fieldManager: Required value: is required for apply patch"],
    [
      refused({ force: true }, "application/merge-patch+json"),
      "force: Forbidden: may not be specified for non-apply patch",
    ],
    [refused({ fieldManager: "x".repeat(129) }), "fieldManager: Too long: may not be more than 128 bytes"],
  ] as const)
    await assert.rejects(attempt, { code: 422, message: prefix + message });
  await assert.rejects(refused({ fieldManager: "a\u0007" }), {
    code: 422,
    message: /fieldManager: Invalid value: .*: invalid character U\+0007 \(at position 1\)$/,
  });
});

test("who applies at a name that is free creates, and must say nothing of another object", async () => {
  const served = await apply(ConfigMaps, "made", "me", { data: { a: "1" } });
  assert.equal(served.type === "object" && served.code, 201);
  const again = await apply(ConfigMaps, "made", "me", { data: { a: "2" } });
  assert.equal(again.type === "object" && again.code, 200);
  const conflict = 'Operation cannot be fulfilled on configmaps "free": ';
  for (const [metadata, error] of [
    [
      { uid: "u" },
      {
        code: 409,
        message: `${conflict}uid mismatch: the provided object specified uid u, and no existing object was found`,
      },
    ],
    [{ resourceVersion: "7" }, { code: 409 }],
    [
      { namespace: "other" },
      {
        code: 400,
        message: "the namespace of the provided object does not match the namespace sent on the request",
      },
    ],
    [{ name: "x" }, { code: 400, message: "the name of the object (x) does not match the name on the URL (free)" }],
    [
      { name: undefined },
      {
        code: 400,
        message: "the name of the object (free based on URL) was undeterminable: name must be provided",
      },
    ],
    [{ managedFields: [] }, { code: 400, message: "metadata.managedFields must be nil" }],
  ] as const)
    await assert.rejects(apply(ConfigMaps, "free", "me", { metadata }), error);
  await assert.rejects(apply(ConfigMaps, "made", "me", { metadata: { resourceVersion: "1" } }), { code: 409 });
  await assert.rejects(apply(ConfigMaps, "made", "me", { metadata: { uid: "u" } }), {
    code: 422,
    message: /metadata\.uid: Invalid value: "u": field is immutable/,
  });
  for (const identity of [{ apiVersion: "v2" }, { kind: "Secret" }, { apiVersion: undefined, kind: undefined }])
    await assert.rejects(apply(ConfigMaps, "made", "me", identity), { code: 400, message: /^invalid object type: / });
});

test("of appliers that create at once, all have their way", async () => {
  const managers = Array.from({ length: 10 }, (_, index) => `m${index}`);
  const served = await Promise.all(managers.map((each) => apply(ConfigMaps, "rush", each, { data: { [each]: "1" } })));
  assert.deepEqual(served.map((each) => each.type === "object" && each.code).sort(), [...Array(9).fill(200), 201]);
  const object = await server.send("get", ConfigMaps, at("rush"));
  assert.deepEqual(Object.keys(object.data ?? {}).sort(), managers);
});

test("who may patch but not create does not create by applying", async () => {
  const asked: string[] = [];
  const guarded = await startTestServer({
    authorizer: {
      authorize: async ({ verb }) => {
        asked.push(verb);
        return { allowed: verb !== "create", reason: "" };
      },
    },
  });
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } };
  const options = { fieldManager: "me" };
  await assert.rejects(guarded.send("patch", ConfigMaps, { ...at("a"), body, patchType: applyType, options }), {
    code: 403,
    message: /configmaps "a" is forbidden: User "admin" cannot create resource "configmaps"/,
  });
  assert.deepEqual(asked, ["patch", "create"]);
  await assert.rejects(guarded.send("update", Services, { ...at("a"), body: { metadata: { name: "a" } } }), {
    code: 403,
  });
  await guarded.close();
});

test("the scale's replicas are owned as the object's", async () => {
  await applied(Deployments, "scaled", "me", deployment("scaled", { replicas: 1 }));
  const scaled = () => server.send("get", Deployments, at("scaled"));
  const scale = { subresource: "scale" };
  const answer = await patch(Deployments, "scaled", "hpa", { spec: { replicas: 3 } }, scale);
  assert.equal(answer.metadata.managedFields, undefined);
  const object = await scaled();
  assert.deepEqual(managersOf(object), ["me Apply apps/v1", "hpa Update apps/v1 scale"]);
  assert.deepEqual(entryOf(object, "hpa", "scale").fieldsV1, replicas);
  assert.ok(!JSON.stringify(entryOf(object, "me").fieldsV1).includes("f:replicas"));
  await assert.rejects(apply(Deployments, "scaled", "me", deployment("scaled", { replicas: 1 })), {
    message: 'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  });
  // Who leaves the replicas to the scale lets them be.
  const left = await applied(Deployments, "scaled", "me", deployment("scaled"));
  assert.equal((left as typeof object).spec.replicas, 3);
  const identity = { apiVersion: "autoscaling/v1", kind: "Scale" };
  const body = { ...identity, spec: { replicas: 5 } };
  await assert.rejects(apply(Deployments, "scaled", "other", body, scale), {
    message:
      'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using autoscaling/v1: .spec.replicas',
  });
  await apply(Deployments, "scaled", "other", body, { ...scale, options: { force: true } });
  const last = await scaled();
  assert.equal(last.spec.replicas, 5);
  assert.deepEqual(managersOf(last), ["me Apply apps/v1", "other Apply apps/v1 scale"]);
  // Who scales to what is there changes nothing.
  await server.clock.advance(5_000);
  await patch(Deployments, "scaled", "third", { spec: { replicas: 5 } }, scale);
  assert.deepEqual(await scaled(), last);
});

test("the status is applied apart, and only the status", async () => {
  await applied(Deployments, "reported", "me", deployment("reported", { replicas: 1 }));
  const body = { ...identities.get(Deployments), spec: { replicas: 9 }, status: { observedGeneration: 1 } };
  const object = await applied(Deployments, "reported", "me", body, { subresource: "status" });
  assert.deepEqual(managersOf(object), ["me Apply apps/v1", "me Apply apps/v1 status"]);
  assert.deepEqual(entryOf(object, "me", "status").fieldsV1, { "f:status": { "f:observedGeneration": {} } });
  const main = { ...deployment("reported", { replicas: 1 }), status: { observedGeneration: 7 } };
  const { metadata } = await applied(Deployments, "reported", "me", main);
  assert.equal(metadata.resourceVersion, object.metadata.resourceVersion);
  // The labels of a deployment are not its status' to change.
  const labelled = await patch(
    Deployments,
    "reported",
    "reporter",
    { metadata: { labels: { a: "1" } } },
    { subresource: "status" },
  );
  assert.equal(labelled.metadata.labels, undefined);
});

test("fields are owned across the versions of a kind", async () => {
  const target = { scaleTargetRef: { kind: "Deployment", name: "web", apiVersion: "apps/v1" }, maxReplicas: 5 };
  const cpu = { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } };
  await server.send("create", HorizontalPodAutoscalers, {
    namespace: "default",
    body: { metadata: { name: "hpa" }, spec: { ...target, metrics: [{ type: "Resource", resource: cpu }] } },
    options: { fieldManager: "v2" },
  });
  const changed = await server.send("patch", HorizontalPodAutoscalersV1, {
    ...at("hpa"),
    body: { spec: { targetCPUUtilizationPercentage: 80 } },
    patchType: "application/merge-patch+json",
    options: { fieldManager: "v1" },
  });
  assert.deepEqual(managersOf(changed), ["v1 Update autoscaling/v1", "v2 Update autoscaling/v2"]);
  assert.deepEqual(entryOf(changed, "v1").fieldsV1, { "f:spec": { "f:targetCPUUtilizationPercentage": {} } });
  const sixty = { ...cpu, target: { ...cpu.target, averageUtilization: 60 } };
  // In its own version the other has lost the list that the percentage is a part of.
  assert.ok(!JSON.stringify(entryOf(changed, "v2").fieldsV1).includes("f:metrics"));
  await assert.rejects(
    server.send("patch", HorizontalPodAutoscalers, {
      ...at("hpa"),
      body: {
        apiVersion: "autoscaling/v2",
        kind: "HorizontalPodAutoscaler",
        metadata: { name: "hpa" },
        spec: { ...target, maxReplicas: 6, metrics: [{ type: "Resource", resource: sixty }] },
      },
      patchType: applyType,
      options: { fieldManager: "me" },
    }),
    (error: ApiError) => {
      assert.match(
        error.message,
        /conflicts with "v1" using autoscaling\/v1:\n- \.spec\.targetCPUUtilizationPercentage/,
      );
      assert.match(error.message, /conflicts with "v2" using autoscaling\/v2:\n- \.spec\.maxReplicas$/m);
      return error.code === 409;
    },
  );
});

test("an event is applied in either of its groups", async () => {
  const about = { apiVersion: "v1", kind: "Pod", namespace: "default", name: "p" };
  const body = {
    apiVersion: "v1",
    kind: "Event",
    metadata: { name: "e" },
    involvedObject: about,
    message: "one",
    reason: "r",
    type: "Normal",
  };
  const send = (manager: string, more: object) =>
    server.send("patch", Events, {
      ...at("e"),
      body: { ...body, ...more },
      patchType: applyType,
      options: { fieldManager: manager },
    });
  await send("core", {});
  const patched = await server.send("patch", EventsV1, {
    ...at("e"),
    body: { metadata: { labels: { a: "1" } } },
    patchType: "application/merge-patch+json",
    options: { fieldManager: "new" },
  });
  assert.deepEqual(managersOf(patched), ["core Apply v1", "new Update events.k8s.io/v1"]);
  await assert.rejects(send("core", { metadata: { name: "e", labels: { a: "2" } } }), {
    message: 'Apply failed with 1 conflict: conflict with "new" using events.k8s.io/v1: .metadata.labels.a',
  });
});

test("who creates a daemon set owns the count of its templates, and who replaces it without takes it", async () => {
  const selector = { matchLabels: { app: "counted" } };
  const template = { metadata: { labels: selector.matchLabels }, spec: { containers: [{ name: "c", image: "i" }] } };
  const body = { metadata: { name: "counted" }, spec: { selector, template } };
  await server.send("create", DaemonSets, { namespace: "default", body, options: { fieldManager: "creator" } });
  const options = { fieldManager: "replacer" };
  const replaced = await server.send("update", DaemonSets, { namespace: "default", name: "counted", body, options });
  assert.equal(replaced.metadata.annotations?.["deprecated.daemonset.template.generation"], "1");
  const annotationsOf = (name: string) => {
    const fields: { readonly "f:metadata"?: object } | undefined = entryOf(replaced, name).fieldsV1;
    return fields?.["f:metadata"];
  };
  assert.deepEqual(annotationsOf("creator"), { "f:annotations": {} });
  assert.deepEqual(annotationsOf("replacer"), {
    "f:annotations": { "f:deprecated.daemonset.template.generation": {} },
  });
});

test("a manager of a version that is not served any more is forgotten by the next write", async () => {
  const { metadata } = await create(ConfigMaps, { metadata: { name: "old" }, data: { a: "1" } });
  const gone = { ...metadata.managedFields![0]!, manager: "gone", apiVersion: "v0" };
  await patch(ConfigMaps, "old", "me", { metadata: { managedFields: [...metadata.managedFields!, gone] } });
  assert.deepEqual(managersOf(await patch(ConfigMaps, "old", "me", { data: { a: "2" } })), [
    "creator Update v1",
    "me Update v1",
  ]);
});

test("a pod's ports are owned by port and protocol, whether the protocol is said or not", async () => {
  const pod = (ports: readonly object[]) => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "ports" },
    spec: { containers: [{ name: "c", image: "nginx", ports }] },
  });
  const send = (manager: string, ports: readonly object[]) =>
    server.send("patch", Pods, {
      ...at("ports"),
      body: pod(ports),
      patchType: applyType,
      options: { fieldManager: manager },
    });
  const first = await send("one", [{ containerPort: 80 }]);
  const second = await send("two", [{ containerPort: 80, protocol: "TCP" }]);
  assert.deepEqual(second.spec.containers[0]?.ports, first.spec.containers[0]?.ports);
  await assert.rejects(send("one", [{ containerPort: 80 }, { containerPort: 80, protocol: "TCP" }]), {
    code: 400,
    message:
      'failed to create typed patch object (/ports; /v1, Kind=Pod): .spec.containers[name="c"].ports: duplicate entries for key [containerPort=80,protocol="TCP"]',
  });
});

test("a dry run of an apply says what it would make", async () => {
  const dry = { options: { dryRun: "All" } } as const;
  const served = await apply(ConfigMaps, "dry", "me", { data: { a: "1" } }, dry);
  assert.equal(served.type === "object" && served.code, 201);
  await assert.rejects(server.send("get", ConfigMaps, at("dry")), { code: 404 });
  await apply(ConfigMaps, "dry", "me", { data: { a: "1" } });
  await assert.rejects(apply(ConfigMaps, "dry", "other", { data: { a: "2" } }, dry), { code: 409 });
  const kept = await server.send("get", ConfigMaps, at("dry"));
  const proposed = await applied(ConfigMaps, "dry", "me", { data: { a: "3" } }, dry);
  assert.equal(proposed.metadata.resourceVersion, kept.metadata.resourceVersion);
  assert.deepEqual((await server.send("get", ConfigMaps, at("dry"))).data, { a: "1" });
});

test("kubectl's own apply is taken over with its annotation", async () => {
  const annotation = "kubectl.kubernetes.io/last-applied-configuration";
  const config = (data: object) => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "moved" }, data });
  const annotations = { [annotation]: JSON.stringify(config({ a: "1", b: "1" })) };
  await create(
    ConfigMaps,
    { metadata: { name: "moved", annotations }, data: { a: "1", b: "1" } },
    "kubectl-client-side-apply",
  );
  await patch(ConfigMaps, "moved", "other", { data: { b: "2" } });
  // b is not what kubectl applied any more: the other's.
  await assert.rejects(apply(ConfigMaps, "moved", "kubectl", { data: { a: "2", b: "3" } }), {
    message: 'Apply failed with 1 conflict: conflict with "other" using v1: .data.b',
  });
  const object = await applied(ConfigMaps, "moved", "kubectl", { data: { a: "2" } });
  assert.equal(
    object.metadata.annotations?.[annotation],
    '{"apiVersion":"v1","data":{"a":"2"},"kind":"ConfigMap","metadata":{"name":"moved"}}\n',
  );
});
