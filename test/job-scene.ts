// Jobs on a clock that the test moves, with a node that does what the test says.
import type { TestContext } from "node:test";
import { isPodActive, type Job, type JobSpec, Jobs, type NewObject, type Pod, Pods } from "../src/api/index.ts";
import { type MetricRegistry, timestamp } from "../src/lib/index.ts";
import { startTestControlPlane } from "./control-plane.ts";

const controllers = [
  "job-controller",
  "job-orphan-pod-controller",
  "garbage-collector-controller",
  "serviceaccount-controller",
];

export const key = { namespace: "default", name: "work" };
export const podSpec = { restartPolicy: "Never", containers: [{ name: "main", image: "work:1" }] };

export function work(spec: Partial<JobSpec> & object = {}): NewObject<Job> {
  return { apiVersion: "batch/v1", kind: "Job", metadata: { ...key }, spec: { template: { spec: podSpec }, ...spec } };
}

/** The index that a pod works on. */
export function indexOf({ metadata }: Pod): number {
  return Number(metadata.annotations?.["batch.kubernetes.io/job-completion-index"]);
}

export async function jobScene(t: TestContext, metrics?: MetricRegistry) {
  const plane = await startTestControlPlane(t, { controllers, ...(metrics ? { metrics } : {}) });
  await plane.rest();
  const { client, clock, list } = plane;
  const pods = () => list(Pods, "default");
  const active = async () => (await pods()).filter(isPodActive);
  const end = (pod: Pod, exitCode = 0, status: object = {}) =>
    client.patch(
      Pods,
      pod.metadata,
      { status: { ...ended(exitCode, clock.now()), ...status } },
      { subresource: "status" },
    );
  return {
    ...plane,
    pods,
    active,
    /** Plays the node: the pod's container ends with this exit code. */
    end,
    /** All that run end with this exit code. */
    async endAll(exitCode = 0) {
      for (const pod of await active()) await end(pod, exitCode);
    },
    get: () => client.get(Jobs, key),
    update: (spec: object) => client.patch(Jobs, key, { spec }),
    async conditions() {
      const { conditions = [] } = (await client.get(Jobs, key)).status;
      return conditions.map(({ type, status, reason, message }) => `${type}=${status} ${reason}: ${message}`);
    },
    indexes: async () => (await active()).map(indexOf).sort((a, b) => a - b),
  };
}

function ended(exitCode: number, nowMs: number): object {
  const terminated = { exitCode, finishedAt: timestamp(nowMs) };
  const main = { name: "main", image: "work:1", imageID: "", ready: false, restartCount: 0, state: { terminated } };
  return { phase: exitCode === 0 ? "Succeeded" : "Failed", containerStatuses: [main] };
}
