import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../../../test/control-plane.ts";
import {
  alreadyExists,
  ConfigMaps,
  type Event,
  Events,
  forbidden,
  Namespaces,
  type NewObject,
  type OwnerReference,
  type Pod,
  Pods,
  Services,
} from "../../../api/index.ts";
import { VirtualClock } from "../../../lib/index.ts";
import type { Attributes, Authorizer } from "../../authorization/index.ts";
import { ObjectLookup } from "../../lookup-of-objects.ts";
import { ResourceRegistry } from "../../registry.ts";
import { ResourceVersions } from "../../resource-versions.ts";
import { admitted } from "../request-for-tests.ts";
import { denyServiceExternalIps } from "./deny-service-external-ips.ts";
import { eventRateLimit, readEventLimits } from "./event-rate-limit.ts";
import { namespaceAutoProvision } from "./namespace-auto-provision.ts";
import { namespaceExists } from "./namespace-exists.ts";
import { ownerReferencesPermissionEnforcement } from "./owner-references.ts";
import { podNodeSelector, readNodeSelectors } from "./pod-node-selector.ts";
import { extendedResourceToleration, podTolerationRestriction, readTolerationDefaults } from "./pod-tolerations.ts";
import { alwaysPullImages, limitPodHardAntiAffinityTopology } from "./pods.ts";

const pod = (spec: Partial<Pod["spec"]> = {}): NewObject<Pod> => ({
  metadata: { name: "web", namespace: "shop" },
  spec: { containers: [{ name: "web", image: "a" }], ...spec },
});
const shop = (annotations: Record<string, string> = {}) =>
  new ObjectLookup().put(Namespaces, { metadata: { name: "shop", annotations } });
const exists = (key: string) => ({ key, operator: "Exists", effect: "NoSchedule" });
const pressure = exists("node.kubernetes.io/memory-pressure");

test("pods get the tolerations of their namespace, the cluster's where it says nothing, and memory pressure's", async () => {
  const defaults = readTolerationDefaults({
    apiVersion: "podtolerationrestriction.admission.k8s.io/v1alpha1",
    kind: "Configuration",
    default: [exists("cluster")],
  });
  const admit = async (lookup: ObjectLookup, spec: Partial<Pod["spec"]> = {}) =>
    (await admitted(podTolerationRestriction(lookup, defaults), Pods, { object: pod(spec) })).spec.tolerations;
  const own = shop({ "scheduler.alpha.kubernetes.io/defaultTolerations": JSON.stringify([exists("gpu")]) });
  assert.deepEqual(await admit(own), [exists("gpu")]);
  assert.deepEqual(await admit(shop()), [exists("cluster")]);
  assert.deepEqual(await admit(shop({ "scheduler.alpha.kubernetes.io/defaultTolerations": "" })), undefined);
  const everything = { operator: "Exists" };
  assert.deepEqual(await admit(own, { tolerations: [everything] }), [everything], "what another covers is left out");
  const requests = { containers: [{ name: "web", resources: { requests: { cpu: "1" } } }] };
  assert.deepEqual(await admit(own, requests), [exists("gpu"), pressure]);
});

test("pods may have no other tolerations than their namespace allows", async () => {
  const none = { added: [], allowed: [exists("cluster")] };
  const admit = (lookup: ObjectLookup, ...tolerations: NonNullable<Pod["spec"]["tolerations"]>) =>
    admitted(podTolerationRestriction(lookup, none), Pods, { object: pod({ tolerations }) });
  const why = (whose: string) =>
    `pods "web" is forbidden: pod tolerations (possibly merged with namespace default tolerations) conflict with its ${whose} whitelist`;
  const own = shop({ "scheduler.alpha.kubernetes.io/tolerationsWhitelist": '[{"operator":"Exists","key":"gpu"}]' });
  await admit(own, { key: "gpu", value: "a", effect: "NoExecute" });
  await assert.rejects(admit(own, exists("cluster")), { code: 403, message: why("namespace") });
  await admit(shop(), exists("cluster"));
  await assert.rejects(admit(shop(), { operator: "Exists" }), { code: 403, message: why("cluster") });
  for (const wrong of ["{", '{"key":"a"}', '[{"key":1}]', '[{"colour":"red"}]'])
    await assert.rejects(
      admit(shop({ "scheduler.alpha.kubernetes.io/tolerationsWhitelist": wrong }), exists("gpu")),
      /forbidden: the annotation scheduler\.alpha\.kubernetes\.io\/tolerationsWhitelist of namespace shop cannot be read/,
    );
});

test("pods tolerate the taints of the extended resources that they ask for", async () => {
  const resources = { requests: { "example.com/gpu": "1", "example.com/disk": "1", cpu: "1" } };
  const object = pod({ containers: [{ name: "web", resources }], tolerations: [exists("example.com/gpu")] });
  assert.deepEqual((await admitted(extendedResourceToleration, Pods, { object })).spec.tolerations, [
    exists("example.com/gpu"),
    exists("example.com/disk"),
  ]);
});

test("pods go to the nodes of their namespace", async () => {
  const selectors = readNodeSelectors({
    podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: "zone=a", shop: "disk=ssd, zone=b,zone2=" },
  });
  const admit = async (lookup: ObjectLookup, nodeSelector?: Record<string, string>) =>
    (await admitted(podNodeSelector(lookup, selectors), Pods, { object: pod(nodeSelector ? { nodeSelector } : {}) }))
      .spec.nodeSelector;
  const own = shop({ "scheduler.alpha.kubernetes.io/node-selector": "zone=b" });
  assert.deepEqual(await admit(own), { zone: "b" });
  assert.deepEqual(await admit(own, { disk: "ssd" }), { zone: "b", disk: "ssd" });
  await assert.rejects(admit(own, { zone: "c" }), {
    message: 'pods "web" is forbidden: pod node label selector conflicts with its namespace node label selector',
  });
  await assert.rejects(admit(own, { disk: "tape" }), {
    message: 'pods "web" is forbidden: pod node label selector labels conflict with its namespace whitelist',
  });
  await assert.rejects(admit(shop()), /conflict with its namespace whitelist/, "the cluster's zone is not the shop's");
  assert.throws(() => readNodeSelectors({ podNodeSelectorPluginConfig: { shop: "a in (b)" } }), /invalid selector/);
});

test("images are always pulled, and the policy of containers that stay as they are stays too", async () => {
  const spec = { initContainers: [{ name: "init", image: "i" }], volumes: [{ name: "v", image: { reference: "r" } }] };
  const made = (await admitted(alwaysPullImages, Pods, { object: pod(spec) })).spec;
  assert.deepEqual(
    [
      made.containers[0]?.imagePullPolicy,
      made.initContainers?.[0]?.imagePullPolicy,
      made.volumes?.[0]?.image?.pullPolicy,
    ],
    ["Always", "Always", "Always"],
  );
  const containers = [
    { name: "web", image: "b", imagePullPolicy: "IfNotPresent" },
    { name: "log", image: "l", imagePullPolicy: "IfNotPresent" },
  ];
  const old = pod({ containers: [{ ...containers[0]!, image: "a" }, containers[1]!] });
  const changed = (await admitted(alwaysPullImages, Pods, { object: pod({ containers }), old })).spec;
  assert.deepEqual(
    changed.containers.map(({ imagePullPolicy }) => imagePullPolicy),
    ["Always", "IfNotPresent"],
  );
});

test("anti-affinity that is required ends at the node", async () => {
  const admit = (topologyKey: string) => {
    const terms = [{ topologyKey, labelSelector: {} }];
    const affinity = { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: terms } };
    return admitted(limitPodHardAntiAffinityTopology, Pods, { object: pod({ affinity }) });
  };
  await admit("kubernetes.io/hostname");
  await assert.rejects(admit("zone"), {
    code: 403,
    message:
      'pods "web" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  });
});

test("a namespace in which something is created is made first", async () => {
  const made: string[] = [];
  const createNamespace = async (name: string) => {
    if (name === "full") throw forbidden(Namespaces, name, "no more");
    if (name === "raced") throw alreadyExists(Namespaces, name);
    made.push(name);
  };
  const plugin = namespaceAutoProvision(shop(), createNamespace);
  const inNamespace = (namespace: string) => ({ ...pod(), metadata: { name: "web", namespace } });
  await admitted(plugin, Pods, { object: pod() });
  await admitted(plugin, Pods, { object: inNamespace("dry"), dryRun: true });
  await admitted(plugin, Pods, { object: inNamespace("gone"), old: inNamespace("gone") });
  await admitted(plugin, Namespaces, { object: { metadata: { name: "own" } } });
  await admitted(plugin, Pods, { object: inNamespace("raced") });
  await admitted(plugin, Pods, { object: inNamespace("new") });
  assert.deepEqual(made, ["new"]);
  await assert.rejects(admitted(plugin, Pods, { object: inNamespace("full") }), {
    code: 403,
    message: 'pods "web" is forbidden: namespaces "full" is forbidden: no more',
  });
});

test("what is created in a namespace that is not there is there with it", async (t) => {
  const { client } = await startTestControlPlane(t, { controllers: [], plugins: ["NamespaceAutoProvision"] });
  await client.create(ConfigMaps, { metadata: { namespace: "fresh", name: "a" } });
  assert.equal((await client.get(Namespaces, { name: "fresh" })).status.phase, "Active");
});

test("nothing is written in a namespace that is not there", async () => {
  const plugin = namespaceExists(shop());
  await admitted(plugin, Pods, { object: pod() });
  await admitted(plugin, Namespaces, { object: { metadata: { name: "new" } } });
  const old = { ...pod(), metadata: { name: "web", namespace: "gone" } };
  await assert.rejects(admitted(plugin, Pods, { old, operation: "DELETE" }), {
    code: 404,
    message: 'namespaces "gone" not found',
  });
});

test("a service gets no external address that it does not have", async () => {
  const service = (...externalIPs: string[]) => ({
    metadata: { name: "web", namespace: "shop" },
    spec: { externalIPs },
  });
  const admit = (next: ReturnType<typeof service>, old?: ReturnType<typeof service>) =>
    admitted(denyServiceExternalIps, Services, { object: next, ...(old ? { old } : {}) });
  await admit(service());
  await admit(service("192.0.2.1"), service("192.0.2.1", "192.0.2.2"));
  const refused = {
    code: 403,
    message: 'services "web" is forbidden: Use of external IPs is denied by admission control',
  };
  await assert.rejects(admit(service("192.0.2.1")), refused);
  await assert.rejects(admit(service("192.0.2.2"), service("192.0.2.1")), refused);
});

test("events beyond the limits are refused, and later taken again", async () => {
  const clock = new VirtualClock();
  const configuration = (...limits: object[]) => ({
    apiVersion: "eventratelimit.admission.k8s.io/v1alpha1",
    kind: "Configuration",
    limits,
  });
  const limits = readEventLimits(configuration({ type: "Namespace", qps: 1, burst: 2, cacheSize: 1 }));
  const plugin = eventRateLimit(limits, clock);
  const send = (namespace: string) => {
    const object = { metadata: { name: "e", namespace }, involvedObject: { namespace } } as NewObject<Event>; // what is looked at
    return admitted(plugin, Events, { object });
  };
  await send("shop");
  await send("shop");
  await assert.rejects(send("shop"), { code: 429, message: "limit reached on type Namespace for key shop" });
  await clock.advance(1_000);
  await send("shop");
  await assert.rejects(send("shop"), { code: 429 });
  await send("other");
  await send("shop");
  await admitted(plugin, ConfigMaps, { object: { metadata: { name: "c", namespace: "shop" } } });
  assert.throws(() => readEventLimits(configuration()), /limits: Required value: must not be empty/);
  assert.throws(
    () => readEventLimits(configuration({ type: "Planet", qps: 0, burst: 1.5 })),
    /limits\[0\]\.type: Unsupported value: "Planet".*limits\[0\]\.qps: Invalid value: 0: must be positive.*burst/,
  );
});

test("who gives an object an owner may delete it, and hold up only owners whose finalizers they may set", async () => {
  const allowed = new Set<string>();
  const authorizer: Authorizer = {
    authorize: async ({ verb, resource }: Attributes) => {
      const what = `${verb} ${resource?.plural}/${resource?.subresource} ${resource?.namespace}/${resource?.name}`;
      return { allowed: allowed.has(what), reason: `no ${what}` };
    },
  };
  const plugin = ownerReferencesPermissionEnforcement(authorizer, new ResourceVersions(new ResourceRegistry()));
  const owner: OwnerReference = { apiVersion: "v1", kind: "Node", name: "n1", uid: "u1", blockOwnerDeletion: true };
  const owned = (...ownerReferences: OwnerReference[]) => ({
    ...pod(),
    metadata: { name: "web", namespace: "shop", ownerReferences },
  });
  const write = (next: NewObject<Pod>, old?: NewObject<Pod>) =>
    admitted(plugin, Pods, { object: next, ...(old ? { old } : {}) });
  await write(pod());
  await write(owned(owner), owned(owner));
  await assert.rejects(write(owned(owner)), {
    code: 403,
    message:
      'pods "web" is forbidden: cannot set an ownerRef on a resource you can\'t delete: no delete pods/ shop/web, <nil>',
  });
  allowed.add("delete pods/ shop/web");
  await write(owned({ ...owner, blockOwnerDeletion: false }));
  await assert.rejects(
    write(owned(owner), owned({ ...owner, blockOwnerDeletion: false })),
    /you can't set finalizers on: no update nodes\/finalizers \/n1, <nil>/,
  );
  await assert.rejects(write(owned({ ...owner, kind: "Moon" })), /cannot find RESTMapping for APIVersion v1 Kind Moon/);
  allowed.add("update nodes/finalizers /n1");
  await write(owned(owner));
});
