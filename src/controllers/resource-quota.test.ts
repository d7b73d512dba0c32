import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { refusalText } from "../../test/refusal.ts";
import {
  type ApiError,
  ConfigMaps,
  CustomResourceDefinitions,
  Namespaces,
  type NewObject,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  PriorityClasses,
  ReplicationControllers,
  ResourceClaims,
  type ResourceQuotaSpec,
  ResourceQuotas,
  Secrets,
  ServiceAccounts,
  Services,
  StorageClasses,
} from "../api/index.ts";
import { widget, widgetDefinition, widgets } from "../server/custom-resources/definition-for-tests.ts";

const namespace = "shop";
const key = (name: string) => ({ namespace, name });

async function scene(t: TestContext, ...more: readonly string[]) {
  const plane = await startTestControlPlane(t, {
    controllers: ["resourcequota-controller", "customresourcedefinition", "garbage-collector-controller", ...more],
  });
  await plane.create(Namespaces, { metadata: { name: namespace } });
  await plane.create(ServiceAccounts, { metadata: key("default") });
  const quota = async (name: string, hard: Record<string, string>, more: ResourceQuotaSpec = {}) => {
    await plane.create(ResourceQuotas, { metadata: key(name), spec: { hard, ...more } });
    await plane.rest();
  };
  const used = async (name = "q") => {
    await plane.rest();
    return (await plane.client.get(ResourceQuotas, key(name))).status.used;
  };
  return { ...plane, quota, used };
}

const pod = (name: string, requests?: Record<string, string>, more: object = {}): NewObject<Pod> => ({
  metadata: key(name),
  spec: { containers: [{ name: "main", image: "a", ...(requests ? { resources: { requests } } : {}) }], ...more },
});

test("a pod that should be gone and is not makes room after a while", async (t) => {
  const { client, create, quota, used, rest } = await scene(t);
  await quota("q", { pods: "1" });
  await create(Pods, pod("a", {}, { nodeName: "lost", terminationGracePeriodSeconds: 30 }));
  await client.delete(Pods, key("a"));
  assert.deepEqual(await used(), { pods: "1" });
  await rest(600_000);
  assert.deepEqual(await used(), { pods: "0" });
});

test("ResourceQuota, object count quota, configmap", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", { configmaps: "1", "count/configmaps": "2" });
  assert.deepEqual(await used(), { configmaps: "0", "count/configmaps": "0" });
  await create(ConfigMaps, { metadata: key("a") });
  assert.deepEqual(await used(), { configmaps: "1", "count/configmaps": "1" });
  assert.equal(
    await refusalText(create(ConfigMaps, { metadata: key("b") })),
    '403 configmaps "b" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1',
  );
  await client.delete(ConfigMaps, key("a"));
  assert.deepEqual(await used(), { configmaps: "0", "count/configmaps": "0" });
});

test("ResourceQuota, object count quota, secret", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", { secrets: "5", resourcequotas: "5" });
  assert.deepEqual(await used(), { secrets: "0", resourcequotas: "1" });
  await create(Secrets, { metadata: key("a") });
  assert.deepEqual(await used(), { secrets: "1", resourcequotas: "1" });
  await client.delete(Secrets, key("a"));
  assert.deepEqual(await used(), { secrets: "0", resourcequotas: "1" });
});

test("ResourceQuota, object count quota, replicationController", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", { replicationcontrollers: "5" });
  assert.deepEqual(await used(), { replicationcontrollers: "0" });
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "a", image: "a" }] } };
  await create(ReplicationControllers, { metadata: key("a"), spec: { replicas: 0, selector: { a: "b" }, template } });
  assert.deepEqual(await used(), { replicationcontrollers: "1" });
  await client.delete(ReplicationControllers, key("a"), { body: { propagationPolicy: "Background" } });
  assert.deepEqual(await used(), { replicationcontrollers: "0" });
});

test("ResourceQuota, object count quota, pod", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", {
    ...{ pods: "5", cpu: "1", memory: "500Mi", "requests.ephemeral-storage": "50Gi" },
    "requests.example.com/gpu": "3",
  });
  const gpu = { "example.com/gpu": "2" };
  const requests = { cpu: "500m", memory: "252Mi", "ephemeral-storage": "30Gi" };
  const containers = [{ name: "main", image: "a", resources: { requests: { ...requests, ...gpu }, limits: gpu } }];
  await create(Pods, { metadata: key("a"), spec: { containers } });
  assert.deepEqual(await used(), {
    ...{ pods: "1", cpu: "500m", memory: "252Mi", "requests.ephemeral-storage": "30Gi" },
    "requests.example.com/gpu": "2",
  });
  assert.equal(
    await refusalText(create(Pods, pod("b", { cpu: "600m", memory: "300Mi" }))),
    '403 pods "b" is forbidden: exceeded quota: q, requested: cpu=600m,memory=300Mi, used: cpu=500m,memory=252Mi, limited: cpu=1,memory=500Mi',
  );
  assert.equal(
    await refusalText(create(Pods, pod("b", { memory: "1Mi" }))),
    '403 pods "b" is forbidden: failed quota: q: must specify cpu for: main',
  );
  assert.match(await refusalText(client.update(Pods, pod("a", { cpu: "600m" }) as Pod)), /^422 /);
  await client.delete(Pods, key("a"));
  assert.deepEqual((await used())?.pods, "0");
});

test("a pod that has ended gives back what it took, and stays counted as an object", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", { pods: "1", "count/pods": "5" });
  await create(Pods, pod("a"));
  assert.match(await refusalText(create(Pods, pod("b"))), /requested: pods=1, used: pods=1, limited: pods=1$/);
  await client.patch(Pods, key("a"), { status: { phase: "Succeeded" } }, { subresource: "status" });
  assert.deepEqual(await used(), { pods: "0", "count/pods": "1" });
});

test("ResourceQuota, quota scope, BestEffort and NotBestEffort scope", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("besteffort", { pods: "5" }, { scopes: ["BestEffort"] });
  await quota("not-besteffort", { pods: "5" }, { scopes: ["NotBestEffort"] });
  const both = async () => [(await used("besteffort"))?.pods, (await used("not-besteffort"))?.pods];
  await create(Pods, pod("a"));
  assert.deepEqual(await both(), ["1", "0"]);
  await client.delete(Pods, key("a"));
  assert.deepEqual(await both(), ["0", "0"]);
  await create(Pods, pod("b", { cpu: "1m" }));
  assert.deepEqual(await both(), ["0", "1"]);
  await client.delete(Pods, key("b"));
  assert.deepEqual(await both(), ["0", "0"]);
});

test("ResourceQuota, quota scope, Terminating and NotTerminating scope", async (t) => {
  const { create, quota, used } = await scene(t);
  await quota("terminating", { pods: "5" }, { scopes: ["Terminating"] });
  await quota("not-terminating", { pods: "5" }, { scopes: ["NotTerminating"] });
  await create(Pods, pod("a", undefined, { activeDeadlineSeconds: 3600 }));
  await create(Pods, pod("b"));
  await create(Pods, pod("c"));
  assert.deepEqual([(await used("terminating"))?.pods, (await used("not-terminating"))?.pods], ["1", "2"]);
});

test("should verify ResourceQuota with terminating scopes through scope selectors: a deadline takes from the quota that it brings the pod into", async (t) => {
  const { client, create, quota, used, refuse } = await scene(t);
  for (const scopeName of ["Terminating", "NotTerminating"])
    await quota(
      scopeName.toLowerCase(),
      { pods: "1" },
      {
        scopeSelector: { matchExpressions: [{ scopeName, operator: "Exists" }] },
      },
    );
  await create(Pods, pod("a"));
  assert.deepEqual([(await used("terminating"))?.pods, (await used("notterminating"))?.pods], ["0", "1"]);
  refuse(({ plural }) => (plural === "resourcequotas" ? new Error("the controller is away") : undefined));
  await client.patch(Pods, key("a"), { spec: { activeDeadlineSeconds: 3600 } });
  assert.match(
    await refusalText(create(Pods, pod("b", undefined, { activeDeadlineSeconds: 3600 }))),
    /exceeded quota: terminating, requested: pods=1, used: pods=1, limited: pods=1$/,
  );
  refuse(() => undefined);
  assert.deepEqual([(await used("terminating"))?.pods, (await used("notterminating"))?.pods], ["1", "0"]);
});

test("a scope selector chooses pods by their priority class and by affinity to other namespaces", async (t) => {
  const { create, quota } = await scene(t);
  await create(PriorityClasses, { metadata: { name: "high" }, value: 1000 });
  const selects = (scopeName: string, operator: string, values?: string[]) => ({
    scopeSelector: { matchExpressions: [{ scopeName, operator, ...(values ? { values } : {}) }] },
  });
  await quota("high", { pods: "0" }, selects("PriorityClass", "In", ["high"]));
  await quota("affinity", { pods: "0" }, selects("CrossNamespacePodAffinity", "Exists"));
  await create(Pods, pod("a"));
  assert.match(
    await refusalText(create(Pods, pod("b", undefined, { priorityClassName: "high" }))),
    /exceeded quota: high, requested: pods=1, used: pods=0, limited: pods=0$/,
  );
  const term = { topologyKey: "zone", namespaces: ["other"] };
  const affinity = { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } };
  assert.match(await refusalText(create(Pods, pod("c", undefined, { affinity }))), /exceeded quota: affinity/);
});

test("services are counted with their node ports and load balancers, and more of them are charged on update", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", { services: "5", "services.nodeports": "2", "services.loadbalancers": "1" });
  const ports = [{ name: "a", port: 80 }];
  await create(Services, { metadata: key("a"), spec: { type: "NodePort", ports } });
  const two = [...ports, { name: "b", port: 81 }, { name: "c", port: 82 }];
  assert.match(
    await refusalText(client.patch(Services, key("a"), { spec: { ports: two } })),
    /requested: services\.nodeports=2, used: services\.nodeports=1, limited: services\.nodeports=2$/,
  );
  await client.patch(Services, key("a"), { spec: { type: "LoadBalancer" } });
  assert.deepEqual(await used(), { services: "1", "services.nodeports": "1", "services.loadbalancers": "1" });
  await client.patch(Services, key("a"), {
    spec: { type: "ClusterIP", ports: [{ name: "a", port: 80, nodePort: null }] },
  });
  assert.deepEqual(await used(), { services: "1", "services.nodeports": "0", "services.loadbalancers": "0" });
});

test("claims are counted with their storage, for each class, and more of it is charged on update", async (t) => {
  const { client, create, quota, used } = await scene(t);
  const fast = "fast.storageclass.storage.k8s.io";
  await create(StorageClasses, { metadata: { name: "fast" }, provisioner: "p", allowVolumeExpansion: true });
  await quota("q", {
    ...{ persistentvolumeclaims: "5", "requests.storage": "20Gi" },
    ...{ [`${fast}/persistentvolumeclaims`]: "5", [`${fast}/requests.storage`]: "5Gi" },
  });
  const claim = (name: string, storage: string, storageClassName: string) => ({
    metadata: key(name),
    spec: { accessModes: ["ReadWriteOnce"], storageClassName, resources: { requests: { storage } } },
  });
  await create(PersistentVolumeClaims, claim("a", "10Gi", "slow"));
  await create(PersistentVolumeClaims, claim("b", "4Gi", "fast"));
  assert.deepEqual(await used(), {
    ...{ persistentvolumeclaims: "2", "requests.storage": "14Gi" },
    ...{ [`${fast}/persistentvolumeclaims`]: "1", [`${fast}/requests.storage`]: "4Gi" },
  });
  await client.patch(PersistentVolumeClaims, key("b"), { status: { phase: "Bound" } }, { subresource: "status" });
  assert.match(
    await refusalText(
      client.patch(PersistentVolumeClaims, key("b"), { spec: { resources: { requests: { storage: "6Gi" } } } }),
    ),
    /requested: fast\.storageclass\.storage\.k8s\.io\/requests\.storage=2Gi, used: .*=4Gi, limited: .*=5Gi$/,
  );
});

test("ResourceQuota, volume attributes class scope: a claim counts for the classes that it has, wants and is on its way to", async (t) => {
  const { client, create, quota, used } = await scene(t);
  const scoped = (operator: string, values?: string[]) => ({
    scopeSelector: {
      matchExpressions: [{ scopeName: "VolumeAttributesClass", operator, ...(values ? { values } : {}) }],
    },
  });
  const hard = { persistentvolumeclaims: "5", "requests.storage": "20Gi" };
  await quota("gold", hard, scoped("In", ["gold"]));
  await quota("others", hard, scoped("NotIn", ["gold"]));
  await quota("none", hard, scoped("DoesNotExist"));
  const claim = (name: string, volumeAttributesClassName?: string) => ({
    metadata: key(name),
    spec: {
      accessModes: ["ReadWriteOnce"],
      resources: { requests: { storage: "1Gi" } },
      ...(volumeAttributesClassName === undefined ? {} : { volumeAttributesClassName }),
    },
  });
  await create(PersistentVolumeClaims, claim("a", "gold"));
  await create(PersistentVolumeClaims, claim("b", "silver"));
  await create(PersistentVolumeClaims, claim("c"));
  const counts = async () =>
    Promise.all(["gold", "others", "none"].map(async (name) => (await used(name))?.persistentvolumeclaims));
  assert.deepEqual(await counts(), ["1", "2", "1"]);
  const status = { currentVolumeAttributesClassName: "gold", phase: "Bound" };
  await client.patch(PersistentVolumeClaims, key("b"), { status }, { subresource: "status" });
  assert.deepEqual(await counts(), ["2", "2", "1"]);
  assert.equal((await used("gold"))?.["requests.storage"], "2Gi");
});

test("a claim that was given more than it asks for is charged for it, in whole bytes, and beyond the quota too", async (t) => {
  const { client, create, quota, used } = await scene(t);
  await quota("q", { "requests.storage": "2Gi" });
  const resources = { requests: { storage: "1073741823.5" } };
  await create(PersistentVolumeClaims, { metadata: key("a"), spec: { accessModes: ["ReadWriteOnce"], resources } });
  assert.deepEqual(await used(), { "requests.storage": "1073741824" });
  const give = (storage: string) => {
    const status = { phase: "Bound", allocatedResources: { storage } };
    return client.patch(PersistentVolumeClaims, key("a"), { status }, { subresource: "status" });
  };
  await give("2Gi");
  assert.deepEqual(await used(), { "requests.storage": "2Gi" });
  await give("3Gi");
  assert.deepEqual(await used(), { "requests.storage": "3Gi" });
});

test("ResourceQuota, resource claims: devices are counted by their class, of alternatives the most", async (t) => {
  const { client, create, quota, used } = await scene(t);
  const devices = (className: string) => `${className}.deviceclass.resource.k8s.io/devices`;
  await quota("q", {
    "count/resourceclaims.resource.k8s.io": "2",
    [devices("gpu")]: "40",
    [devices("nic")]: "3",
  });
  const exactly = (deviceClassName: string, more: object = {}) => ({ deviceClassName, ...more });
  const claim = (name: string, ...requests: object[]) =>
    // The requests are named here.
    create(ResourceClaims, {
      metadata: key(name),
      spec: { devices: { requests: requests.map((each, at) => ({ name: `r${at}`, ...each })) } },
    });
  await claim(
    "a",
    { exactly: exactly("gpu") },
    { exactly: exactly("gpu", { allocationMode: "All" }) },
    {
      firstAvailable: [
        { name: "one", ...exactly("nic", { count: 2 }) },
        { name: "other", ...exactly("nic") },
        { name: "last", ...exactly("gpu", { count: 3 }) },
      ],
    },
  );
  assert.deepEqual(await used(), {
    "count/resourceclaims.resource.k8s.io": "1",
    [devices("gpu")]: "36",
    [devices("nic")]: "2",
  });
  assert.match(
    await refusalText(claim("b", { exactly: exactly("nic", { count: 2 }) })),
    /exceeded quota: q, requested: nic\.deviceclass\.resource\.k8s\.io\/devices=2, used: .*=2, limited: .*=3$/,
  );
  await client.delete(ResourceClaims, key("a"));
  assert.deepEqual((await used())?.[devices("gpu")], "0");
});

test("after a restart a quota counts what went meanwhile", async (t) => {
  const { client, create, quota, used, crash } = await scene(t);
  await quota("q", { configmaps: "5" });
  await create(ConfigMaps, { metadata: key("a") });
  assert.deepEqual(await used(), { configmaps: "1" });
  const gone = client.delete(ConfigMaps, key("a"));
  crash();
  await gone;
  assert.deepEqual(await used(), { configmaps: "0" });
});

test("custom resources are counted by count/", async (t) => {
  const { client, create, quota, used, rest } = await scene(t);
  await create(CustomResourceDefinitions, widgetDefinition());
  await rest();
  await quota("q", { "count/widgets.example.com": "1" });
  const own = (name: string) => ({ ...widget(name), metadata: key(name) });
  await create(widgets(), own("a"));
  assert.match(
    await refusalText(create(widgets(), own("b"))),
    /exceeded quota: q, requested: count\/widgets\.example\.com=1/,
  );
  await client.delete(widgets(), key("a"));
  assert.deepEqual(await used(), { "count/widgets.example.com": "0" });
});

test("a hundred and fifty creates at once are counted exactly", async (t) => {
  const { create, quota, used } = await scene(t);
  await quota("q", { configmaps: "120" });
  const all = Array.from({ length: 150 }, (_, at) =>
    create(ConfigMaps, { metadata: key(`a${at}`) }).then(
      () => "made",
      (error: unknown) => (error as ApiError).reason,
    ),
  );
  const outcomes = await Promise.all(all);
  assert.equal(outcomes.filter((each) => each === "made").length, 120);
  assert.equal(outcomes.filter((each) => each === "Forbidden").length, 30);
  assert.deepEqual(await used(), { configmaps: "120" });
});

test("a dry run is refused like a write and takes nothing", async (t) => {
  const { client, quota, used } = await scene(t);
  await quota("q", { configmaps: "1" });
  await client.create(ConfigMaps, { metadata: key("a") }, { dryRun: "All" });
  assert.deepEqual(await used(), { configmaps: "0" });
});

test("ResourceQuota, apply changes to a ResourceQuota status: its patches leave the spec alone", async (t) => {
  const { client, quota } = await scene(t);
  await quota("q", { cpu: "500m", memory: "500Mi" });
  const hard = { cpu: "1", memory: "1Gi" };
  const status = await client.patch(ResourceQuotas, key("q"), { status: { hard } }, { subresource: "status" });
  assert.deepEqual([status.status.hard, status.spec.hard], [hard, { cpu: "500m", memory: "500Mi" }]);
  const patched = await client.patch(ResourceQuotas, key("q"), { spec: { hard } });
  assert.deepEqual(patched.spec.hard, hard);
});

test("ResourceQuota, manage lifecycle of a ResourceQuota: it is patched, and deleted in a collection by label", async (t) => {
  const { client, quota, list } = await scene(t);
  await quota("q", { cpu: "1" });
  await client.patch(ResourceQuotas, key("q"), {
    metadata: { labels: { suite: "q" } },
    spec: { hard: { memory: "1Gi" } },
  });
  const [found] = (await client.list(ResourceQuotas, { labelSelector: "suite=q" })).items;
  assert.deepEqual(found?.spec.hard, { cpu: "1", memory: "1Gi" });
  await client.deleteCollection(ResourceQuotas, { namespace, labelSelector: "suite=q" });
  assert.equal((await list(ResourceQuotas, namespace)).length, 0);
});

test("Replication Controller, check for issues like exceeding allocated quota", async (t) => {
  const { client, create, quota, used, rest } = await scene(t, "replication-controller");
  await quota("q", { pods: "2" });
  const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "a", image: "a" }] } };
  await create(ReplicationControllers, { metadata: key("a"), spec: { replicas: 3, selector: { a: "b" }, template } });
  await rest();
  const failure = async () => {
    const { conditions = [] } = (await client.get(ReplicationControllers, key("a"))).status;
    return conditions.find(({ type }) => type === "ReplicaFailure");
  };
  assert.match(
    (await failure())?.message ?? "",
    /exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2$/,
  );
  assert.deepEqual(await used(), { pods: "2" });
  await client.patch(ReplicationControllers, key("a"), { spec: { replicas: 2 } });
  await rest();
  assert.equal(await failure(), undefined);
});
