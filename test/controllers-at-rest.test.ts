// Nothing runs without a cause: a cluster with objects of every kind, left alone for an hour of its own time.
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { CustomResourceDefinitions, type KubeObject, type NewObject, Pods } from "../src/api/index.ts";
import { kinds } from "./conformant-kinds.ts";
import { startTestControlPlane, type TestControlPlane } from "./control-plane.ts";
import { createNodes, playNodes, renewLeases } from "./pretended-nodes.ts";

const nodes = ["node-1", "node-2"];
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const heartbeatMs = 10_000;

/**
 * What may happen in an hour in which nodes say that they live and nothing else changes, and why. Whoever adds to this
 * names a cause.
 */
const causes: readonly { readonly controller: string; readonly perHour: number; readonly why: string }[] = [
  { controller: "node-lifecycle-controller", perHour: (nodes.length * hourMs) / heartbeatMs, why: "heartbeats" },
  { controller: "horizontal-pod-autoscaler", perHour: 240 * 2, why: "metrics can only be asked for: 15 s" },
  { controller: "certificatesigningrequest-approving-controller", perHour: 60, why: "a right may come: 60 s" },
];

const labels = { app: "resting" };
const spec = { containers: [{ name: "c", image: "example.com/c:1", resources: { requests: { cpu: "10m" } } }] };
const template = { metadata: { labels }, spec };
const workload = (more: object = {}) => ({ replicas: 2, selector: { matchLabels: labels }, template, ...more });

/** Beside one object of each kind: those for which controllers have much to do. */
const busy: readonly (readonly [plural: string, fields: object])[] = [
  ["deployments", { spec: workload() }],
  ["replicasets", { spec: workload() }],
  ["replicationcontrollers", { spec: { ...workload(), selector: labels } }],
  ["statefulsets", { spec: workload({ serviceName: "busy" }) }],
  ["daemonsets", { spec: { selector: { matchLabels: labels }, template } }],
  ["jobs", { spec: { completions: 2, parallelism: 2, template: { spec: { ...spec, restartPolicy: "Never" } } } }],
  [
    "cronjobs",
    {
      spec: {
        schedule: "0 0 1 7 *",
        jobTemplate: { spec: { template: { spec: { ...spec, restartPolicy: "Never" } } } },
      },
    },
  ],
  ["services", { spec: { selector: labels, ports: [{ port: 80 }] } }],
  ["poddisruptionbudgets", { spec: { maxUnavailable: 1, selector: { matchLabels: labels } } }],
  ["resourcequotas", { spec: { hard: { pods: "100", "requests.cpu": "10", "count/configmaps": "10" } } }],
  [
    "horizontalpodautoscalers",
    { spec: { maxReplicas: 3, scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "busy" } } },
  ],
  ["clusterroles", { aggregationRule: { clusterRoleSelectors: [{ matchLabels: labels }] }, rules: [] }],
  [
    "secrets",
    { type: "kubernetes.io/service-account-token", metadata: { "kubernetes.io/service-account.name": "default" } },
  ],
];

async function populate(plane: TestControlPlane): Promise<void> {
  const { registry, create, rest } = plane;
  await createNodes(plane, nodes);
  const definitionOf = (plural: string, group?: string) => {
    const all = registry.all().filter((each) => each.plural === plural);
    const found = all.find((each) => group === undefined || each.group === group);
    assert.ok(found, `${plural} are served`);
    return found;
  };
  const make = async (plural: string, name: string, fields: object, group?: string) => {
    const definition = definitionOf(plural, group);
    const { metadata: annotations, ...others } = fields as { metadata?: object };
    const metadata = { name, ...(definition.namespaced ? { namespace: "default" } : {}), annotations };
    // The fields are those of its kind.
    await create(definition, { metadata, ...others } as unknown as NewObject<KubeObject>);
  };
  for (const { plural, group, fields } of kinds) await make(plural, "resting", fields, group);
  for (const [plural, fields] of busy) await make(plural, "busy", fields);
  await create(CustomResourceDefinitions, {
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      names: { kind: "Thing", plural: "things" },
      scope: "Namespaced",
      versions: [
        { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } }, subresources: {} },
      ],
    },
  });
  await rest();
  await make("things", "resting", {}, "example.com");
}

/** The cluster lives for so long; pods are played only when asked for, so that nothing but heartbeats comes otherwise. */
async function live(plane: TestControlPlane, ms: number, playing: boolean): Promise<void> {
  for (let passedMs = 0; passedMs < ms; passedMs += heartbeatMs) {
    await renewLeases(plane, nodes);
    if (playing) await playNodes(plane, nodes);
    await plane.rest(heartbeatMs);
  }
}

function countByController(reconciles: readonly string[]): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  for (const each of reconciles) {
    const [controller = "", key = ""] = each.split(" ");
    const known = keys.get(controller);
    if (known) known.push(key);
    else keys.set(controller, [key]);
  }
  return keys;
}

async function populated(t: TestContext): Promise<TestControlPlane> {
  const plane = await startTestControlPlane(t);
  await plane.rest();
  await populate(plane);
  // What is on its way (a quarantine, a grace period, a progress deadline) comes to its end.
  await live(plane, 15 * minuteMs, true);
  return plane;
}

test("controllers are idle at rest: in an hour no reconcile without a cause, and no request", async (t) => {
  const plane = await populated(t);
  assert.ok((await plane.list(Pods, "default")).filter(({ status }) => status.phase === "Running").length >= 6);
  const reconciles = plane.reconciles().length;
  const requests = plane.requests().length;
  await live(plane, hourMs, false);
  const without: string[] = [];
  for (const [controller, keys] of countByController(plane.reconciles().slice(reconciles))) {
    const cause = causes.find((each) => each.controller === controller);
    if (keys.length > (cause?.perHour ?? 0)) without.push(`${controller}: ${keys.length} (${[...new Set(keys)]})`);
  }
  assert.deepEqual(without, []);
  // Asking for metrics and rights is what their controllers look again for. Nothing is written, but that autoscalers say
  // every five minutes that they cannot work.
  const asked = plane.requests().slice(requests);
  const events = asked.filter((each) => each.startsWith("patch events "));
  assert.ok(events.length <= 2 * (hourMs / (5 * minuteMs)), `${events.length} events`);
  const isRead = (each: string) => /^(get|list) /.test(each) || each.startsWith("create subjectaccessreviews");
  assert.deepEqual(
    asked.filter((each) => !isRead(each) && !events.includes(each)),
    [],
  );
});
