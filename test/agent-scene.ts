// A node that only pretends, for tests of the agent: hollow engine, hollow machine, virtual clock, a small API server.
import {
  type Agent,
  type AgentSettings,
  HollowEngine,
  HollowHost,
  type HollowHostOptions,
  type HollowOptions,
  startAgent,
} from "../src/agent/index.ts";
import { type Event, Events, type Pod, type PodSpec, Pods } from "../src/api/index.ts";
import { type Client, inProcessClient } from "../src/client/index.ts";
import { type Logger, seededRandom, silentLogger, VirtualClock } from "../src/lib/index.ts";
import { PodApi } from "./pod-api.ts";

export const nodeName = "node-1";

export interface SceneOptions {
  readonly engine?: Partial<HollowOptions>;
  readonly host?: Partial<HollowHostOptions>;
  readonly settings?: Partial<AgentSettings>;
  readonly log?: Logger;
}

export interface AgentScene {
  readonly api: PodApi;
  readonly client: Client;
  readonly clock: VirtualClock;
  readonly engine: HollowEngine;
  readonly host: HollowHost;
  readonly agent: Agent;
  /** Ends the agent and starts another on the same machine. */
  restart(): Promise<void>;
  stop(): void;
  /** Lets everything happen that needs no time. */
  settle(): Promise<void>;
  /** Creates a pod on the node and gives it back as the API has it. */
  run(pod: Partial<PodSpec> & { readonly name?: string; readonly metadata?: object }): Promise<Pod>;
  pod(name?: string): Promise<Pod>;
  /** `reason: message` of what was told about the pod, the first first. */
  events(name?: string): Promise<string[]>;
}

export async function agentScene(options: SceneOptions = {}): Promise<AgentScene> {
  const clock = new VirtualClock();
  const api = new PodApi(clock);
  const client = inProcessClient(api, { name: `system:node:${nodeName}`, groups: ["system:nodes"] });
  const engine = new HollowEngine({ clock, images: ["app:1"], ...options.engine });
  const host = new HollowHost({ clock, ...options.host });
  let stop = new AbortController();
  const settings: AgentSettings = {
    dataDirectory: "/data/agent",
    logDirectory: "/data/agent/logs",
    nodeIps: ["192.0.2.10"],
    clusterDns: ["10.43.0.10"],
    clusterDomain: "cluster.local",
    cgroupRoot: "/roder/kubepods",
    ...options.settings,
  };
  const start = () => {
    const { signal } = stop;
    const random = seededRandom(7);
    const log = options.log ?? silentLogger;
    return startAgent({ client, engine, host, clock, random, log, nodeName, settings, signal });
  };
  /** What follows from one thing can be a longer chain of promises than the clock waits for. */
  const settle = async () => {
    for (let round = 0; round < 10; round++) await clock.advance(0);
  };
  let agent = await start();
  await settle();
  const scene = {
    api,
    client,
    clock,
    engine,
    host,
    get agent() {
      return agent;
    },
    async restart() {
      stop.abort();
      await settle();
      stop = new AbortController();
      agent = await start();
      await settle();
    },
    stop: () => stop.abort(),
    settle,
    async run({ name = "web", metadata = {}, ...spec }: Partial<PodSpec> & { name?: string; metadata?: object }) {
      const containers = spec.containers ?? [{ name: "app", image: "app:1" }];
      await client.create(Pods, {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace: "default", ...metadata },
        spec: { nodeName, ...spec, containers },
      });
      await settle();
      return scene.pod(name);
    },
    pod: (name = "web") => client.get(Pods, { namespace: "default", name }),
    async events(name = "web") {
      await settle();
      const { items } = await client.list(Events, { namespace: "default" });
      return items
        .filter((each: Event) => each.involvedObject.name === name)
        .map((each: Event) => `${each.reason}: ${each.message}`);
    },
  };
  return scene;
}
