// A ReplicaSet of 10,000 pods for one node, with the scheduler. In a thread of its own, where the hooks of the test
// runner do not make every promise four times as dear.
import { parentPort } from "node:worker_threads";
import { Events, type Pod, Pods, podCondition, ReplicaSets } from "../src/api/index.ts";
import { InformerSet } from "../src/client/index.ts";
import { seededRandom, silentLogger } from "../src/lib/index.ts";
import { runScheduler } from "../src/scheduler/index.ts";
import { startTestControlPlane } from "./control-plane.ts";
import { createNodes, renewLeases } from "./pretended-nodes.ts";

export interface Crowd {
  readonly pods: number;
  readonly bound: number;
  readonly waiting: number;
  /** What the conditions and the events of those that wait say, each text once. */
  readonly why: readonly string[];
  readonly told: readonly string[];
  /** Reconciles of the ReplicaSet until all pods were there, and of anybody but node lifecycle in four minutes after. */
  readonly growing: number;
  readonly later: number;
}

const nodes = ["node-1"];
const labels = { app: "crowd" };
// It is stopped at the end.
const plane = await startTestControlPlane({ after: () => {} });
const { client, clock, list, create, rest, reconciles } = plane;
const stopping = new AbortController();
const environment = { client, clock, random: seededRandom(3), log: silentLogger, signal: stopping.signal };
const scheduling = runScheduler({ ...environment, informers: new InformerSet(environment) });
await createNodes(plane, nodes, 110);
await rest(1_000);
await create(ReplicaSets, {
  metadata: { namespace: "default", name: "crowd" },
  spec: {
    replicas: 10_000,
    selector: { matchLabels: labels },
    template: {
      metadata: { labels },
      spec: { automountServiceAccountToken: false, containers: [{ name: "c", image: "example.com/c:1" }] },
    },
  },
});
for (let second = 0; second < 40; second++) {
  await rest(1_000);
  await renewLeases(plane, nodes);
}
const isOfSet = (each: string) => each.startsWith("replicaset-controller ");
const growing = reconciles().filter(isOfSet).length;
const before = reconciles().length;
for (let passed = 0; passed < 24; passed++) {
  await rest(10_000);
  await renewLeases(plane, nodes);
}
const later = reconciles().slice(before);
const pods = await list(Pods, "default");
const waiting = pods.filter(({ spec }) => !spec.nodeName);
const whyOf = (pod: Pod) => {
  const { status, reason, message } = podCondition(pod, "PodScheduled") ?? {};
  return `${status} ${reason}: ${message}`;
};
const events = (await list(Events, "default")).filter(({ reason }) => reason === "FailedScheduling");
const crowd: Crowd = {
  pods: pods.length,
  bound: pods.length - waiting.length,
  waiting: waiting.length,
  why: [...new Set(waiting.map(whyOf))],
  told: [...new Set(events.map(({ message }) => message ?? ""))],
  growing,
  later: later.filter((each) => !each.startsWith("node-lifecycle-controller")).length,
};
stopping.abort();
await scheduling;
await plane.stop();
parentPort?.postMessage(crowd);
