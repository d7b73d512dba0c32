// The official JavaScript client against a whole control plane: what programs in that language do, done by their library.
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ApiException,
  ApiextensionsV1Api,
  AppsV1Api,
  AuthenticationV1Api,
  BatchV1Api,
  CoreV1Api,
  CustomObjectsApi,
  KubeConfig,
  type KubernetesObject,
  KubernetesObjectApi,
  makeInformer,
  PatchStrategy,
  RbacAuthorizationV1Api,
  setHeaderOptions,
  type V1ConfigMap,
  VersionApi,
  Watch,
} from "@kubernetes/client-node";
import { aroundTests } from "./around-tests.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

const namespace = "default";
let plane: ServedControlPlane;
let config: KubeConfig;
let core: CoreV1Api;
let apps: AppsV1Api;

aroundTests(
  async () => {
    plane = await serveControlPlane();
    config = configFrom(plane.kubeconfig);
    core = config.makeApiClient(CoreV1Api);
    apps = config.makeApiClient(AppsV1Api);
  },
  () => plane.close(),
);

function configFrom(file: string): KubeConfig {
  const config = new KubeConfig();
  config.loadFromFile(file);
  return config;
}

/** Asserts that the request is refused with the code and the reason. */
async function refused(request: Promise<unknown>, code: number, reason: string): Promise<void> {
  await assert.rejects(request, (error) => {
    assert.ok(error instanceof ApiException);
    assert.equal(error.code, code);
    const status: unknown = JSON.parse(String(error.body));
    assert.equal((status as { readonly reason: string }).reason, reason); // the body of every refusal is a Status
    return true;
  });
}

const configMap = (name: string, data: Record<string, string> = {}, labels: Record<string, string> = {}) => ({
  namespace,
  body: { metadata: { name, labels }, data } satisfies V1ConfigMap,
});

const deployment = (name: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name, namespace },
  spec: {
    replicas: 1,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: "web", image: "nginx:1" }] },
    },
  },
});

test("the client reads the version and discovers the API", async () => {
  const { gitVersion } = await config.makeApiClient(VersionApi).getCode();
  assert.match(gitVersion, /^v1\.35\.\d+\+roder$/);
  const { resources } = await core.getAPIResources();
  assert.ok(resources.some(({ name }) => name === "pods/exec"));
});

test("an object is created, read, replaced and deleted, and conflicts are told", async () => {
  const created = await core.createNamespacedConfigMap(configMap("crud", { a: "1" }));
  assert.ok(created.metadata?.creationTimestamp instanceof Date);
  await refused(core.createNamespacedConfigMap(configMap("crud")), 409, "AlreadyExists");
  const read = await core.readNamespacedConfigMap({ namespace, name: "crud" });
  assert.deepEqual(read, created);
  const replaced = await core.replaceNamespacedConfigMap({
    namespace,
    name: "crud",
    body: { ...read, data: { a: "2" } },
  });
  assert.deepEqual(replaced.data, { a: "2" });
  const late = core.replaceNamespacedConfigMap({ namespace, name: "crud", body: read });
  await refused(late, 409, "Conflict");
  const status = await core.deleteNamespacedConfigMap({ namespace, name: "crud" });
  assert.equal(status.status, "Success");
  await refused(core.readNamespacedConfigMap({ namespace, name: "crud" }), 404, "NotFound");
});

test("a dry run changes nothing", async () => {
  const proposed = await core.createNamespacedConfigMap({ ...configMap("dry"), dryRun: "All" });
  assert.notEqual(proposed.metadata?.uid, undefined);
  await refused(core.readNamespacedConfigMap({ namespace, name: "dry" }), 404, "NotFound");
});

test("what is wrong with an object is told field by field", async () => {
  const body = { metadata: { name: "Not A Name" } };
  await refused(core.createNamespacedConfigMap({ namespace, body }), 422, "Invalid");
});

test("a list comes in pages that show one state", async () => {
  for (let index = 0; index < 5; index++)
    await core.createNamespacedConfigMap(configMap(`page-${index}`, {}, { in: "pages" }));
  const names: (string | undefined)[] = [];
  let token: string | undefined;
  do {
    const query = { namespace, labelSelector: "in=pages", limit: 2 };
    const page = await core.listNamespacedConfigMap(token === undefined ? query : { ...query, _continue: token });
    assert.ok(page.items.length <= 2);
    names.push(...page.items.map(({ metadata }) => metadata?.name));
    token = page.metadata?._continue;
    // What comes between pages is not seen.
    if (names.length === 2) await core.createNamespacedConfigMap(configMap("page-9", {}, { in: "pages" }));
  } while (token);
  assert.deepEqual(names, ["page-0", "page-1", "page-2", "page-3", "page-4"]);
  await core.deleteCollectionNamespacedConfigMap({ namespace, labelSelector: "in=pages" });
  const left = await core.listNamespacedConfigMap({ namespace, labelSelector: "in=pages" });
  assert.deepEqual(left.items, []);
});

test("a watch tells of what enters, changes in and leaves its selection", async () => {
  const { metadata } = await core.listNamespacedConfigMap({ namespace });
  const seen: string[] = [];
  const full = Promise.withResolvers<void>();
  const watching = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/configmaps`,
    { labelSelector: "watched=yes", resourceVersion: metadata?.resourceVersion },
    (phase: string, object: KubernetesObject) => {
      seen.push(`${phase} ${object.metadata?.name}`);
      if (seen.length === 3) full.resolve();
    },
    (error: unknown) => full.reject(error),
  );
  await core.createNamespacedConfigMap(configMap("watched", {}, { watched: "no" }));
  const label = async (value: string, data: string) => {
    const body = { metadata: { labels: { watched: value } }, data: { x: data } };
    const options = setHeaderOptions("Content-Type", PatchStrategy.MergePatch);
    await core.patchNamespacedConfigMap({ namespace, name: "watched", body }, options);
  };
  await label("yes", "1");
  await label("yes", "2");
  await label("no", "3");
  await full.promise;
  watching.abort();
  assert.deepEqual(seen, ["ADDED watched", "MODIFIED watched", "DELETED watched"]);
});

test("an informer holds what is there and hears of what comes", async () => {
  await core.createNamespacedConfigMap(configMap("informed-1", {}, { informed: "" }));
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: "informed" });
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const informer = makeInformer(config, path, list, "informed");
  const added: (string | undefined)[] = [];
  const both = Promise.withResolvers<void>();
  informer.on("add", ({ metadata }) => {
    added.push(metadata?.name);
    if (added.length === 2) both.resolve();
  });
  informer.on("error", (error) => both.reject(error));
  await informer.start();
  await core.createNamespacedConfigMap(configMap("informed-2", {}, { informed: "" }));
  await both.promise;
  await informer.stop();
  assert.deepEqual(added, ["informed-1", "informed-2"]);
});

test("the four kinds of patch change what they name", async () => {
  await apps.createNamespacedDeployment({ namespace, body: deployment("patched") });
  const patch = (strategy: PatchStrategy, body: object) =>
    apps.patchNamespacedDeployment(
      { namespace, name: "patched", body, fieldManager: "test" },
      setHeaderOptions("Content-Type", strategy),
    );
  const json = await patch(PatchStrategy.JsonPatch, [{ op: "replace", path: "/spec/replicas", value: 2 }]);
  assert.equal(json.spec?.replicas, 2);
  const merged = await patch(PatchStrategy.MergePatch, { metadata: { annotations: { a: "b" } } });
  assert.equal(merged.metadata?.annotations?.a, "b");
  const container = { name: "side", image: "busybox" };
  const strategic = await patch(PatchStrategy.StrategicMergePatch, {
    spec: { template: { spec: { containers: [container] } } },
  });
  assert.deepEqual(
    strategic.spec?.template.spec?.containers.map(({ name }) => name),
    ["side", "web"],
  );
  await refused(patch(PatchStrategy.JsonPatch, [{ op: "test", path: "/spec/replicas", value: 7 }]), 422, "Invalid");
});

test("server-side apply makes, keeps and gives up fields, and names conflicts", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const applied = (data: Record<string, string>) => ({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "applied", namespace },
    data,
  });
  const apply = (manager: string, data: Record<string, string>, force = false) =>
    objects.patch<V1ConfigMap>(applied(data), undefined, undefined, manager, force, PatchStrategy.ServerSideApply);
  await apply("one", { a: "1", b: "1" });
  await apply("two", { c: "2" });
  await refused(apply("two", { a: "2", c: "2" }), 409, "Conflict");
  await apply("two", { a: "2", c: "2" }, true);
  // The first manager owns `a` no more, so that what it no longer says is only `b`.
  const last = await apply("one", {});
  assert.deepEqual(last.data, { a: "2", c: "2" });
});

test("scale is read and written as a Scale", async () => {
  await apps.createNamespacedDeployment({ namespace, body: deployment("scaled") });
  const scale = await apps.readNamespacedDeploymentScale({ namespace, name: "scaled" });
  assert.equal(scale.status?.selector, "app=scaled");
  const body = { ...scale, spec: { replicas: 3 } };
  await apps.replaceNamespacedDeploymentScale({ namespace, name: "scaled", body });
  const { spec } = await apps.readNamespacedDeployment({ namespace, name: "scaled" });
  assert.equal(spec?.replicas, 3);
});

/** Resolves when what is selected of the collection at `path` is as `isReached` wants it. */
async function until(
  path: string,
  selector: Record<string, string>,
  isReached: (names: ReadonlySet<string>) => boolean,
) {
  const names = new Set<string>();
  const reached = Promise.withResolvers<void>();
  let complete = false;
  const watching = await new Watch(config).watch(
    path,
    { ...selector, sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", allowWatchBookmarks: true },
    (phase: string, object: KubernetesObject) => {
      const name = object.metadata?.name ?? "";
      if (phase === "DELETED") names.delete(name);
      else if (phase !== "BOOKMARK") names.add(name);
      // The first bookmark ends what was there when the watch began.
      complete ||= phase === "BOOKMARK";
      if (complete && isReached(names)) reached.resolve();
    },
    (error: unknown) => reached.reject(error),
  );
  await reached.promise;
  watching.abort();
}

test("propagation says what becomes of the dependents", async () => {
  const path = (plural: string) => `/apis/apps/v1/namespaces/${namespace}/${plural}`;
  const isGone = (names: ReadonlySet<string>) => names.size === 0;
  const replicaSetsOf = async (name: string) =>
    (await apps.listNamespacedReplicaSet({ namespace, labelSelector: `app=${name}` })).items;
  const remove = async (name: string, propagationPolicy: string) => {
    await apps.createNamespacedDeployment({ namespace, body: deployment(name) });
    await until(path("replicasets"), { labelSelector: `app=${name}` }, ({ size }) => size === 1);
    await apps.deleteNamespacedDeployment({ namespace, name, propagationPolicy });
    await until(path("deployments"), { fieldSelector: `metadata.name=${name}` }, isGone);
  };
  await remove("foreground", "Foreground");
  assert.deepEqual(await replicaSetsOf("foreground"), []);
  await remove("background", "Background");
  await until(path("replicasets"), { labelSelector: "app=background" }, isGone);
  await remove("orphaned", "Orphan");
  const orphans = await replicaSetsOf("orphaned");
  assert.deepEqual(
    orphans.map(({ metadata }) => metadata?.ownerReferences),
    [undefined],
  );
});

test("a delete with a precondition hits only the object that is meant", async () => {
  const { metadata } = await core.createNamespacedConfigMap(configMap("meant"));
  const remove = (uid: string) =>
    core.deleteNamespacedConfigMap({ namespace, name: "meant", body: { preconditions: { uid } } });
  await refused(remove("00000000-0000-0000-0000-000000000000"), 409, "Conflict");
  await remove(metadata?.uid ?? "");
});

test("a user sees what its roles allow and nothing else", async () => {
  const rbac = config.makeApiClient(RbacAuthorizationV1Api);
  const apiGroup = "rbac.authorization.k8s.io";
  const rules = [{ apiGroups: [""], resources: ["configmaps"], verbs: ["list"] }];
  await rbac.createNamespacedRole({ namespace, body: { metadata: { name: "lister" }, rules } });
  await rbac.createNamespacedRoleBinding({
    namespace,
    body: {
      metadata: { name: "lister" },
      roleRef: { apiGroup, kind: "Role", name: "lister" },
      subjects: [{ apiGroup, kind: "User", name: "lena" }],
    },
  });
  const lena = configFrom(plane.kubeconfigFor("lena"));
  const asLena = lena.makeApiClient(CoreV1Api);
  await asLena.listNamespacedConfigMap({ namespace });
  await refused(asLena.listNamespacedSecret({ namespace }), 403, "Forbidden");
  await refused(asLena.readNamespacedConfigMap({ namespace, name: "no-such" }), 403, "Forbidden");
  await refused(asLena.listNamespacedConfigMap({ namespace: "kube-system" }), 403, "Forbidden");
});

test("a service account's token from TokenRequest is that account", async () => {
  await core.createNamespacedServiceAccount({ namespace, body: { metadata: { name: "robot" } } });
  const { status } = await core.createNamespacedServiceAccountToken({
    namespace,
    name: "robot",
    body: { spec: { audiences: [], expirationSeconds: 600 } },
  });
  const robot = new KubeConfig();
  const cluster = config.getCurrentCluster();
  assert.ok(cluster && status?.token);
  robot.loadFromClusterAndUser(cluster, { name: "robot", token: status.token });
  const review = await robot.makeApiClient(AuthenticationV1Api).createSelfSubjectReview({ body: {} });
  assert.equal(review.status?.userInfo?.username, `system:serviceaccount:${namespace}:robot`);
});

test("a job is created from a manifest without knowing its kind", async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const job = {
    apiVersion: "batch/v1",
    kind: "Job",
    metadata: { generateName: "job-", namespace },
    spec: { template: { spec: { restartPolicy: "Never", containers: [{ name: "c", image: "busybox" }] } } },
  };
  const { metadata } = await objects.create<KubernetesObject>(job);
  const name = metadata?.name ?? "";
  assert.match(name, /^job-[a-z0-9]{5}$/);
  const { spec } = await config.makeApiClient(BatchV1Api).readNamespacedJob({ namespace, name });
  assert.equal(spec?.backoffLimit, 6);
});

test("a kind is defined, and its objects are written, scaled, watched and refused by its schema", async () => {
  const extensions = config.makeApiClient(ApiextensionsV1Api);
  const objects = config.makeApiClient(CustomObjectsApi);
  const scale = { specReplicasPath: ".spec.replicas", statusReplicasPath: ".status.replicas" };
  const replicas = { type: "integer", minimum: 1, _default: 1 };
  const spec = { type: "object", properties: { replicas } };
  const openAPIV3Schema = {
    type: "object",
    properties: { spec, status: { type: "object", properties: { replicas: { type: "integer" } } } },
  };
  const versions = [
    { name: "v1", served: true, storage: true, subresources: { status: {}, scale }, schema: { openAPIV3Schema } },
  ];
  const names = { plural: "teams", kind: "Team" };
  const metadata = { name: "teams.js.example.com" };
  const established = new Promise<void>((resolve, reject) => {
    const crds = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
    const watching = new Watch(config).watch(
      crds,
      { fieldSelector: `metadata.name=${metadata.name}` },
      (_type, crd) => {
        const conditions: readonly { readonly type: string; readonly status: string }[] = crd.status?.conditions ?? [];
        if (!conditions.some((each) => each.type === "Established" && each.status === "True")) return;
        resolve();
        void watching.then((controller) => controller.abort());
      },
      reject,
    );
  });
  await extensions.createCustomResourceDefinition({
    body: { metadata, spec: { group: "js.example.com", scope: "Namespaced", names, versions } },
  });
  await established;
  const resource = { group: "js.example.com", version: "v1", namespace, plural: "teams" };
  const team = (name: string, body: object) => ({
    ...resource,
    body: { apiVersion: "js.example.com/v1", kind: "Team", metadata: { name }, spec: body },
  });
  const created: { readonly spec: object } = await objects.createNamespacedCustomObject(team("a", {}));
  assert.deepEqual(created.spec, { replicas: 1 });
  await refused(objects.createNamespacedCustomObject(team("b", { replicas: 0 })), 422, "Invalid");
  await objects.patchNamespacedCustomObjectScale(
    { ...resource, name: "a", body: { spec: { replicas: 3 } } },
    setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
  );
  const scaled: { readonly spec: object } = await objects.getNamespacedCustomObject({ ...resource, name: "a" });
  assert.deepEqual(scaled.spec, { replicas: 3 });
  const listed: { readonly items: readonly KubernetesObject[] } = await objects.listNamespacedCustomObject(resource);
  assert.deepEqual(
    listed.items.map((each) => each.metadata?.name),
    ["a"],
  );
  await objects.deleteNamespacedCustomObject({ ...resource, name: "a" });
  await refused(objects.getNamespacedCustomObject({ ...resource, name: "a" }), 404, "NotFound");
  await extensions.deleteCustomResourceDefinition(metadata);
});
