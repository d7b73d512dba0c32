import { ApiError, type Lease, Leases, type Node } from "../../api/index.ts";
import { errorMessage, microTimestamp, pause } from "../../lib/index.ts";
import type { AgentContext } from "../context.ts";
import { periodsOf } from "../settings.ts";

const namespace = "kube-node-lease";
/** The kubelet renews at a quarter of what the lease lasts. */
const renewalsPerDuration = 4;
/** A failed renewal is tried again sooner: four misses make the node unreachable. */
const retryMs = 2_000;

type Context = Pick<AgentContext, "client" | "clock" | "log" | "signal" | "nodeName" | "settings">;

/** Keeps the node's lease, the heartbeat by which others know that it lives, until the signal ends it. */
export async function keepNodeLease(context: Context, node: () => Node | undefined): Promise<void> {
  const { clock, log, signal, nodeName } = context;
  const { leaseMs } = periodsOf(context.settings);
  let lease: Lease | undefined;
  while (!signal.aborted) {
    let delayMs = leaseMs;
    try {
      lease = lease ? await renew(context, lease) : await takeOver(context, node());
    } catch (error) {
      if (signal.aborted) return;
      log.warn("node lease not renewed", { node: nodeName, error: errorMessage(error) });
      // Someone changed it, or it is gone: read it again.
      lease = undefined;
      delayMs = retryMs;
    }
    await pause(clock, delayMs, signal);
  }
}

async function renew({ client, clock }: Context, lease: Lease): Promise<Lease> {
  const spec = { ...lease.spec, renewTime: microTimestamp(clock.now()) };
  return client.update(Leases, { ...lease, spec });
}

async function takeOver(context: Context, node: Node | undefined): Promise<Lease> {
  const { client, clock, nodeName, settings } = context;
  const spec = {
    holderIdentity: nodeName,
    leaseDurationSeconds: (periodsOf(settings).leaseMs / 1_000) * renewalsPerDuration,
    renewTime: microTimestamp(clock.now()),
  };
  try {
    const lease = await client.get(Leases, { namespace, name: nodeName });
    return await client.update(Leases, { ...lease, spec: { ...lease.spec, ...spec } });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
  const owner = node && { apiVersion: "v1", kind: "Node", name: nodeName, uid: node.metadata.uid };
  return client.create(Leases, {
    apiVersion: "coordination.k8s.io/v1",
    kind: "Lease",
    metadata: { namespace, name: nodeName, ...(owner ? { ownerReferences: [owner] } : {}) },
    spec,
  });
}
