// A control plane in memory with some controllers and the scheduler, for plugins that work together with controllers.
import type { TestContext } from "node:test";
import { Nodes, Pods, ServiceAccounts } from "../src/api/index.ts";
import { seededRandom, silentLogger } from "../src/lib/index.ts";
import { makeNode, type NodeOptions } from "../src/scheduler/objects-for-tests.ts";
import { runScheduler } from "../src/scheduler/scheduler.ts";
import { startTestControlPlane, type TestControlPlane } from "./control-plane.ts";

export interface SchedulingPlane extends TestControlPlane {
  /** Makes a node that is ready. */
  node(options: NodeOptions): Promise<void>;
  /** Where a pod is, or what is said of why it is nowhere. */
  place(name: string): Promise<string | undefined>;
}

export async function startSchedulingPlane(t: TestContext, controllers: readonly string[]): Promise<SchedulingPlane> {
  const plane = await startTestControlPlane(t, { controllers });
  const { client, create, rest, clock, informers } = plane;
  const stop = new AbortController();
  const { signal } = stop;
  const running = runScheduler({ client, informers, clock, random: seededRandom(1), log: silentLogger, signal });
  t.after(async () => {
    stop.abort();
    await running;
  });
  await create(ServiceAccounts, { metadata: { namespace: "default", name: "default" } });
  return {
    ...plane,
    async node(options) {
      const { metadata } = await create(Nodes, makeNode(options));
      // A new node is not ready, says admission.
      await client.patch(Nodes, { name: metadata.name }, { spec: { taints: null } });
      await rest();
    },
    async place(name) {
      const { spec, status } = await client.get(Pods, { namespace: "default", name });
      return spec.nodeName ?? status.conditions?.find(({ type }) => type === "PodScheduled")?.message;
    },
  };
}
