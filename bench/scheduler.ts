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

function pod(index: number, spec: Partial<PodSpec>): Pod {
  const container = { name: "app", image: "image-3:1", resources: { requests: { cpu: "100m", memory: "200Mi" } } };
  return {
    metadata: { name: `pod-${index}`, namespace: "default", uid: `pod-${index}`, labels: { app: "bench" } },
    spec: { containers: [container], ...spec },
    status: {},
  } as unknown as Pod; // as above
}

const zones = [{ key: "zone", operator: "In", values: ["zone-1", "zone-2"] }];
const kinds: Record<string, (index: number) => Partial<PodSpec>> = {
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
};

const podCount = 5_000;
for (const [nodeCount, target] of [
  [1_000, 5_000],
  [5_000, 4_000],
] as const) {
  for (const [name, spec] of Object.entries(kinds)) {
    const random = seededRandom(1);
    const snapshot = new Snapshot(new PodShapes());
    for (let index = 0; index < nodeCount; index++) snapshot.setNode(node(index));
    const planner = new Planner(snapshot, defaultProfile(snapshot), random);
    const startMs = performance.now();
    for (let index = 0; index < podCount; index++) {
      const each = pod(index, spec(index));
      const plan = planner.plan(each);
      if (!("nodeName" in plan)) throw new Error(plan.diagnosis.message());
      snapshot.place(each, plan.nodeName);
    }
    const rate = Math.round((podCount / (performance.now() - startMs)) * 1000).toLocaleString("en");
    const what = `plans: 5,000 pods ${name} onto ${nodeCount.toLocaleString("en")} nodes`;
    console.log(
      `${what.padEnd(64)} ${rate.padStart(10)} /s    ${name === "of one template" ? `target ${target.toLocaleString("en")}` : ""}`,
    );
  }
}
