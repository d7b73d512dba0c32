// A control plane with a StatefulSet's controller, for its tests.
import type { TestContext } from "node:test";
import {
  type NewObject,
  PersistentVolumeClaims,
  type Pod,
  Pods,
  type StatefulSet,
  StatefulSets,
} from "../src/api/index.ts";
import { timestamp } from "../src/lib/index.ts";
import { startTestControlPlane } from "./control-plane.ts";

const controllers = [
  "statefulset-controller",
  "replicaset-controller",
  "persistentvolumeclaim-protection-controller",
  "garbage-collector-controller",
  "serviceaccount-controller",
];
export const key = { namespace: "default", name: "web" };
export const strategic = { type: "application/strategic-merge-patch+json" } as const;
const asStatus = { type: "application/merge-patch+json", subresource: "status" } as const;
export const template = {
  metadata: { labels: { app: "web" } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: "web", image: "web:1" }] },
};

export const web = (replicas: number, more: object = {}): NewObject<StatefulSet> => ({
  apiVersion: "apps/v1",
  kind: "StatefulSet",
  metadata: key,
  spec: { serviceName: "nginx", replicas, selector: { matchLabels: { app: "web" } }, template, ...more },
});

/** A set with one volume for each pod. */
export const webWithVolumes = (replicas: number, more: object = {}): NewObject<StatefulSet> =>
  web(replicas, {
    volumeClaimTemplates: [
      {
        metadata: { name: "www", labels: { tier: "data" } },
        spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
      },
    ],
    ...more,
  });

export async function startScene(t: TestContext) {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, clock, list, rest, startPods } = plane;
  await rest();
  const pods = () => list(Pods, "default");
  const podKey = (ordinal: number) => ({ namespace: "default", name: `web-${ordinal}` });
  return {
    ...plane,
    pods,
    podKey,
    pod: (ordinal: number) => client.get(Pods, podKey(ordinal)),
    names: async () => (await pods()).map(({ metadata }) => metadata.name),
    get: () => client.get(StatefulSets, key),
    claims: async () => await list(PersistentVolumeClaims, "default"),
    change: (spec: object) => client.patch(StatefulSets, key, { spec }, { type: "application/merge-patch+json" }),
    setImage: (image: string) =>
      client.patch(
        StatefulSets,
        key,
        { spec: { template: { spec: { containers: [{ name: "web", image }] } } } },
        strategic,
      ),
    /** Images by pod. */
    images: async () =>
      Object.fromEntries((await pods()).map(({ metadata, spec }) => [metadata.name, spec.containers[0]?.image])),
    /** Plays the node: a pod becomes ready, or is so no more. */
    async setReady(ordinal: number, isReady: boolean) {
      const lastTransitionTime = timestamp(clock.now());
      const conditions = [{ type: "Ready", status: isReady ? "True" : "False", lastTransitionTime }];
      await client.patch(Pods, podKey(ordinal), { status: { phase: "Running", conditions } }, asStatus);
    },
    setPhase: (ordinal: number, phase: Pod["status"]["phase"]) =>
      client.patch(Pods, podKey(ordinal), { status: { phase } }, asStatus),
    /** A pod that its node takes its time to stop. */
    hold: (ordinal: number, isHeld: boolean) =>
      client.patch(Pods, podKey(ordinal), { metadata: { finalizers: isHeld ? ["test/hold"] : null } }),
    /** Lets pods start and controllers work until nothing changes. */
    async settle(rounds = 12) {
      for (let round = 0; round < rounds; round++) {
        await rest(400);
        await startPods();
      }
      await rest(400);
    },
  };
}
