import { type Node, Nodes, type Pod, Pods, type ResourceHandler, type ResourceRequest } from "../src/api/index.ts";
import { type Client, InformerSet, inProcessClient } from "../src/client/index.ts";
import { MetricRegistry, seededRandom, silentLogger, VirtualClock } from "../src/lib/index.ts";
import { makeNode, makePod, type NodeOptions, type PodOptions } from "../src/scheduler/objects-for-tests.ts";
import { runScheduler, type SchedulerOptions } from "../src/scheduler/scheduler.ts";
import { atRest, FaultyApi } from "./faulty-api.ts";

export interface SchedulerScene {
  readonly api: FaultyApi;
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly metrics: MetricRegistry;
  readonly events: string[];
  readonly bindings: string[];
  /** Makes the binding of these pods fail. */
  readonly failing: Map<string, Error>;
  /** The pods whose binding is done without an answer. */
  readonly unanswered: Set<string>;
  addNode(options?: NodeOptions): Promise<Node>;
  addPod(options?: PodOptions): Promise<Pod>;
  pod(name: string): Promise<Pod>;
  /** Says of a pod that it has succeeded. */
  finish(pod: Pod): Promise<void>;
  stop(): Promise<void>;
}

/** A scheduler over an API server in memory; over that of another scene, when one is given. */
export async function schedulerScene(
  options: Partial<SchedulerOptions> = {},
  api?: FaultyApi,
  /** What the scheduler's requests wait for. */
  before: (request: ResourceRequest) => Promise<void> = async () => {},
): Promise<SchedulerScene> {
  const server = api ?? (await FaultyApi.start());
  const bindings: string[] = [];
  const failing = new Map<string, Error>();
  const unanswered = new Set<string>();
  const handler: ResourceHandler = {
    async handle(request, user) {
      await before(request);
      if (request.subresource !== "binding") return server.handle(request, user);
      const failure = failing.get(request.name ?? "");
      if (failure) throw failure;
      const response = await server.handle(request, user);
      const { target } = request.body as { target: { name: string } }; // a Binding
      bindings.push(`${request.name} to ${target.name}`);
      if (unanswered.has(request.name ?? "")) throw new Error("the connection is gone");
      return response;
    },
  };
  const client = inProcessClient(handler, { name: "system:kube-scheduler", groups: [] });
  const clock = new VirtualClock();
  const stop = new AbortController();
  const environment = { client, clock, random: seededRandom(1), log: silentLogger, signal: stop.signal };
  const events: string[] = [];
  const metrics = new MetricRegistry();
  const running = runScheduler({
    ...environment,
    informers: new InformerSet(environment),
    metrics,
    events: {
      normal: (about, reason, message) => events.push(`${about.metadata.name} ${reason}: ${message}`),
      warning: (about, reason, message) => events.push(`${about.metadata.name} ${reason}: ${message}`),
    },
    ...options,
  });
  const scene: SchedulerScene = {
    api: server,
    client,
    clock,
    metrics,
    events,
    bindings,
    failing,
    unanswered,
    async addNode(options) {
      const node = await client.create(Nodes, makeNode(options));
      await atRest();
      return node;
    },
    async addPod(options) {
      const pod = await client.create(Pods, makePod(options));
      await atRest();
      return pod;
    },
    pod: (name) => client.get(Pods, { namespace: "default", name }),
    async finish(pod) {
      await client.update(Pods, { ...pod, status: { phase: "Succeeded" } }, { subresource: "status" });
    },
    async stop() {
      stop.abort();
      await running;
    },
  };
  await atRest();
  return scene;
}
