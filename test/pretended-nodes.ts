// Nodes and a scheduler that a test plays itself, for controllers: pods get a node, run, end and are removed.
import { ApiError, Leases, Nodes, type Pod, Pods } from "../src/api/index.ts";
import { microTimestamp, timestamp } from "../src/lib/index.ts";
import type { TestControlPlane } from "./control-plane.ts";

export type Plane = Pick<TestControlPlane, "client" | "clock" | "create" | "list">;

/** Controllers write the same objects meanwhile: no version is named. */
const asStatus = { type: "application/merge-patch+json", subresource: "status" } as const;
const leaseNamespace = "kube-node-lease";

/** Nodes that are ready and have reported themselves, for so many pods each. */
export async function createNodes(
  { client, clock, create }: Plane,
  names: readonly string[],
  podsEach = 1_000,
): Promise<void> {
  const now = timestamp(clock.now());
  for (const name of names) {
    await create(Nodes, { metadata: { name } });
    await create(Leases, { metadata: { namespace: leaseNamespace, name }, spec: { holderIdentity: name } });
    const ready = { type: "Ready", status: "True", lastHeartbeatTime: now, lastTransitionTime: now };
    const amounts = { cpu: "64", memory: "256Gi", pods: String(podsEach) };
    const status = { conditions: [ready], capacity: amounts, allocatable: amounts };
    await client.patch(Nodes, { name }, { status }, asStatus);
  }
  await renewLeases({ client, clock }, names);
}

/** What living nodes do every ten seconds. */
export async function renewLeases(
  { client, clock }: Pick<Plane, "client" | "clock">,
  names: readonly string[],
): Promise<void> {
  const spec = { renewTime: microTimestamp(clock.now()) };
  for (const name of names) await client.patch(Leases, { namespace: leaseNamespace, name }, { spec });
}

/**
 * Binds what has no node, starts what is pending, ends what shall end and removes what is going. Returns for how many pods
 * there was something to do.
 */
export async function playNodes(plane: Plane, names: readonly string[]): Promise<number> {
  let acted = 0;
  for (const [index, pod] of (await plane.list(Pods)).entries()) {
    try {
      if (await play(plane, pod, index, names)) acted++;
    } catch (error) {
      // Controllers go on meanwhile: what is gone by now, or bound, is as it should be.
      if (!(error instanceof ApiError && (error.code === 404 || error.code === 409))) throw error;
    }
  }
  return acted;
}

async function play({ client, clock }: Plane, pod: Pod, index: number, names: readonly string[]): Promise<boolean> {
  const { metadata, spec, status } = pod;
  if (metadata.deletionTimestamp !== undefined) {
    // One that is held by a finalizer is gone for its node all the same.
    if (metadata.deletionGracePeriodSeconds === 0) return false;
    await client.delete(Pods, metadata, { body: { gracePeriodSeconds: 0 } });
  } else if (!spec.nodeName) {
    const target = { kind: "Node", name: names[index % names.length] };
    const { namespace = "", name } = metadata;
    await client.createSubresource(Pods, { namespace, name }, "binding", {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { namespace, name },
      target,
    });
  } else if (status.phase === "Pending") {
    const podIP = `10.42.${Math.floor(index / 250)}.${(index % 250) + 2}`;
    await client.patch(Pods, metadata, { status: running(pod, podIP, clock.now()) }, asStatus);
  } else if (status.phase === "Running" && spec.restartPolicy === "Never") {
    await client.patch(Pods, metadata, { status: succeeded(pod, clock.now()) }, asStatus);
  } else return false;
  return true;
}

function running(pod: Pod, podIP: string, nowMs: number): object {
  const now = timestamp(nowMs);
  const conditions = ["Ready", "ContainersReady"].map((type) => ({ type, status: "True", lastTransitionTime: now }));
  const scheduled = (pod.status.conditions ?? []).filter(({ type }) => type === "PodScheduled");
  const addresses = { podIP, podIPs: [{ ip: podIP }] };
  return { phase: "Running", ...addresses, startTime: now, conditions: [...scheduled, ...conditions] };
}

function succeeded({ status }: Pod, nowMs: number): object {
  const now = timestamp(nowMs);
  const conditions = (status.conditions ?? []).map((each) =>
    each.type.endsWith("Ready") ? { ...each, status: "False", reason: "PodCompleted", lastTransitionTime: now } : each,
  );
  return { phase: "Succeeded", conditions };
}
