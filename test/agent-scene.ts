// A node that only pretends, for tests of the agent: hollow engine, hollow machine and virtual clock, and the real API server in memory.
import {
  type Agent,
  type AgentSettings,
  type ClusterView,
  HollowEngine,
  HollowHost,
  type HollowHostOptions,
  type HollowOptions,
  startAgent,
  watchedView,
} from "../src/agent/index.ts";
import {
  type Event,
  Events,
  type Pod,
  type PodSpec,
  Pods,
  type ResourceHandler,
  type ResourceRequest,
  ServiceAccounts,
} from "../src/api/index.ts";
import { type Client, inProcessClient } from "../src/client/index.ts";
import { startControlPlane } from "../src/cluster/control-plane.ts";
import { newPrivateKey } from "../src/cluster/pki/certificate.ts";
import { type Logger, type MetricRegistry, seededRandom, silentLogger, VirtualClock } from "../src/lib/index.ts";
import { MemoryStorage } from "../src/storage/index.ts";

export const nodeName = "node-1";
const namespace = "default";

export interface SceneOptions {
  readonly engine?: Partial<HollowOptions>;
  readonly host?: Partial<HollowHostOptions>;
  readonly settings?: Partial<AgentSettings>;
  readonly log?: Logger;
  readonly metrics?: MetricRegistry;
  /** What the agent sees instead of what it would see. */
  readonly view?: (view: ClusterView) => ClusterView;
}

export interface AgentScene {
  /** As an administrator. */
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly engine: HollowEngine;
  readonly host: HollowHost;
  readonly agent: Agent;
  /** What the agent asked of the API, the first first. */
  readonly requests: readonly ResourceRequest[];
  /** Makes the API refuse the agent's requests for which `why` gives an error. */
  refuse(why: (request: ResourceRequest) => Error | undefined): void;
  /** Lets that time pass, with all that happens in it. */
  pass(ms?: number): Promise<void>;
  stop(): void;
  /** Starts another agent on the same machine, after ending the one that runs. */
  restart(): Promise<void>;
  /** Creates a pod on the node, lets everything happen that needs no time, and gives it back as the API has it. */
  run(pod: Partial<PodSpec> & { readonly name?: string; readonly metadata?: object }): Promise<Pod>;
  pod(name?: string): Promise<Pod>;
  /** `reason: message` of what was told about the pod, the first first. */
  events(name?: string): Promise<string[]>;
}

/** Timers that are further apart than this never share a step. */
const stepMs = 250;
let signingKey: string | undefined;

export async function agentScene(options: SceneOptions = {}): Promise<AgentScene> {
  const clock = new VirtualClock();
  const random = seededRandom(7);
  const log = options.log ?? silentLogger;
  signingKey ??= newPrivateKey();
  const plane = await startControlPlane({
    storage: new MemoryStorage(),
    clock,
    random,
    log,
    serviceAccountKey: signingKey,
    podRange: "10.42.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    apiAddress: "192.0.2.1",
    apiPort: 6443,
    freeze: true,
  });
  const client = plane.client({ name: "admin", groups: ["system:masters"] });
  await client.create(ServiceAccounts, {
    apiVersion: "v1",
    kind: "ServiceAccount",
    metadata: { name: "default", namespace },
  });
  const requests: ResourceRequest[] = [];
  let refusal: (request: ResourceRequest) => Error | undefined = () => undefined;
  let underWay = 0;
  const watched: ResourceHandler = {
    async handle(request, user) {
      requests.push(request);
      const error = refusal(request);
      if (error) throw error;
      underWay++;
      try {
        return await plane.api.handle(request, user);
      } finally {
        underWay--;
      }
    },
  };
  const engine = new HollowEngine({ clock, images: ["app:1"], ...options.engine });
  const host = new HollowHost({ clock, ...options.host });
  const settings: AgentSettings = {
    dataDirectory: "/data/agent",
    logDirectory: "/data/agent/logs",
    nodeIps: ["192.0.2.10"],
    clusterDns: ["10.43.0.10"],
    clusterDomain: "cluster.local",
    cgroupRoot: "/roder/kubepods",
    ...options.settings,
  };
  let stopping = new AbortController();
  const agentClient = inProcessClient(watched, {
    name: `system:node:${nodeName}`,
    groups: ["system:nodes", "system:authenticated"],
  });
  const start = () => {
    const { signal } = stopping;
    const view = watchedView(nodeName, { client: agentClient, clock, random, log, signal });
    return startAgent({
      client: agentClient,
      view: options.view?.(view) ?? view,
      engine,
      host,
      clock,
      random,
      log,
      nodeName,
      settings,
      ...(options.metrics ? { metrics: options.metrics } : {}),
      signal,
    });
  };
  /** After this all promises that can go on have done so, however long their chains are, and all requests are answered. */
  const rest = async () => {
    for (let turn = 0; turn < 5 || underWay > 0; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const pass = async (ms = 0) => {
    const untilMs = clock.monotonicMs() + ms;
    do {
      await rest();
      await clock.advance(Math.min(stepMs, untilMs - clock.monotonicMs()));
    } while (clock.monotonicMs() < untilMs);
    await rest();
  };
  let agent = await start();
  await pass();
  const scene = {
    client,
    clock,
    engine,
    host,
    requests,
    pass,
    get agent() {
      return agent;
    },
    refuse(why: typeof refusal) {
      refusal = why;
    },
    stop: () => stopping.abort(),
    async restart() {
      stopping.abort();
      await pass();
      stopping = new AbortController();
      agent = await start();
      await pass();
    },
    async run({ name = "web", metadata = {}, ...spec }: Partial<PodSpec> & { name?: string; metadata?: object }) {
      // A volume that no container mounts is not made.
      const volumeMounts = spec.volumes?.map((volume) => ({ name: volume.name, mountPath: `/volumes/${volume.name}` }));
      const containers = spec.containers ?? [
        { name: "app", image: "app:1", ...(volumeMounts ? { volumeMounts } : {}) },
      ];
      await client.create(Pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace, ...metadata },
        spec: { nodeName, automountServiceAccountToken: false, ...spec, containers },
      });
      await pass();
      return scene.pod(name);
    },
    pod: (name = "web") => client.get(Pods, { namespace, name }),
    async events(name = "web") {
      await pass();
      const { items } = await client.list(Events, { namespace });
      return items
        .filter((each: Event) => each.involvedObject.name === name)
        .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
        .map((each: Event) => `${each.reason}: ${each.message}`);
    },
  };
  return scene;
}
