// The scheduler's planner alone: `test/node bench/scheduler.ts`. Prints figure and target of each row.
import type { Node, Pod, PodSpec } from "../src/api/index.ts";
import { seededRandom } from "../src/lib/index.ts";
import { defaultProfile } from "../src/scheduler/objects-for-tests.ts";
import { Planner } from "../src/scheduler/planner.ts";
import { PodShapes } from "../src/scheduler/pod-shape.ts";
import { Snapshot } from "../src/scheduler/snapshot.ts";

function node(index: number): Node {
  const name = `node-${index}`;
  return {
    metadata: { name, uid: name, labels: { "kubernetes.io/hostname": name, zone: `zone-${index % 3}` } },
    spec: {},
    status: {
      allocatable: { cpu: "32", memory: "128Gi", "ephemeral-storage": "100Gi", pods: "110" },
      images: Array.from({ length: 20 }, (_, image) => ({ names: [`image-${image}:1`], sizeBytes: 50e6 })),
    },
  } as unknown as Node; // what the scheduler reads
}

function pod(index: number, apps: number, spec: Partial<PodSpec>): Pod {
  const container = { name: "app", image: "image-3:1", resources: { requests: { cpu: "100m", memory: "200Mi" } } };
  return {
    metadata: {
      name: `pod-${index}`,
      namespace: "default",
      uid: `pod-${index}`,
      labels: { app: `app-${index % apps}` },
    },
    spec: { containers: [container], ...spec },
    status: {},
  } as unknown as Pod; // as above
}

const zones = [{ key: "zone", operator: "In", values: ["zone-1", "zone-2"] }];
const kinds: Record<string, (index: number, apps: number) => Partial<PodSpec>> = {
  "of one template": () => ({}),
  "of 50 templates": (index) => ({ nodeSelector: {}, tolerations: [{ key: `t-${index % 50}`, operator: "Exists" }] }),
  "each of its own": (index) => ({ tolerations: [{ key: `t-${index}`, operator: "Exists" }] }),
  "with preferences": () => ({
    affinity: {
      nodeAffinity: {
        preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 1, preference: { matchExpressions: zones } }],
      },
    },
  }),
  // What the pods of a Deployment get without asking: they would rather be on different nodes and in different zones.
  "of ten Deployments": (index, apps) => {
    const labelSelector = { matchLabels: { app: `app-${index % apps}` } };
    const whenUnsatisfiable = "ScheduleAnyway";
    return {
      topologySpreadConstraints: [
        { maxSkew: 3, topologyKey: "kubernetes.io/hostname", whenUnsatisfiable, labelSelector },
        { maxSkew: 5, topologyKey: "zone", whenUnsatisfiable, labelSelector },
      ],
    };
  },
  // Each workload has no more than one pod on a node, and as many in each zone.
  "spread and apart": (index, apps) => {
    const labelSelector = { matchLabels: { app: `app-${index % apps}` } };
    return {
      affinity: {
        podAntiAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: "kubernetes.io/hostname", labelSelector }],
        },
      },
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector },
      ],
    };
  },
};
const targets: Readonly<Record<string, readonly [of1000: number, of5000: number]>> = {
  "of one template": [5_000, 4_000],
  "spread and apart": [1_500, 1_500],
};

const podCount = 5_000;
for (const nodeCount of [100, 1_000, 5_000]) {
  // No workload has more pods than half of the nodes can take.
  const apps = Math.max(10, (2 * podCount) / nodeCount);
  for (const [name, spec] of Object.entries(kinds)) {
    const random = seededRandom(1);
    const snapshot = new Snapshot(new PodShapes());
    for (let index = 0; index < nodeCount; index++) snapshot.setNode(node(index));
    const planner = new Planner(snapshot, defaultProfile(snapshot), random);
    const startMs = performance.now();
    for (let index = 0; index < podCount; index++) {
      const each = pod(index, apps, spec(index, apps));
      const plan = planner.plan(each);
      if (!("nodeName" in plan)) throw new Error(plan.diagnosis.message());
      snapshot.place(each, plan.nodeName);
    }
    const target = nodeCount === 100 ? undefined : targets[name]?.[nodeCount === 1_000 ? 0 : 1];
    const rate = Math.round((podCount / (performance.now() - startMs)) * 1000).toLocaleString("en");
    const what = `plans: 5,000 pods ${name} onto ${nodeCount.toLocaleString("en")} nodes`;
    console.log(
      `${what.padEnd(64)} ${rate.padStart(10)} /s    ${target === undefined ? "" : `target ${target.toLocaleString("en")}`}`,
    );
  }
}
