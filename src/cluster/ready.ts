import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { startTicksOf } from "../agent/host/containerd/index.ts";
import { hollowLabel, Namespaces, type Node, Nodes } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { type Clock, errorMessage, sleep, UserError } from "../lib/index.ts";
import { gatewayOf } from "../network/index.ts";
import type { ComponentRecord } from "./processes.ts";
import type { ClusterSettings } from "./settings.ts";

export interface ReadyOptions {
  readonly settings: ClusterSettings;
  readonly client: Client;
  readonly records: readonly ComponentRecord[];
  /** Reports of the node from before this moment are no longer true: when its process was started. */
  readonly nodeStartedMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly reached: (what: string) => void;
}

/** How often a process that cannot be watched yet is asked again. */
const askAgainMs = 20;

/** Resolves when the API answers, the node is Ready and names resolve. Throws UserError when a process ended or it takes too long. */
export async function whenReady(options: ReadyOptions): Promise<void> {
  const { client, settings, reached } = options;
  await persist(options, "the API server does not answer", (attemptSignal) =>
    client.get(Namespaces, { name: "default" }, { signal: attemptSignal }),
  );
  reached("the API server answers");
  if (settings.nodes > 0) await whenNodeIsReady(options);
  const { hollowNodes = 0 } = settings;
  if (hollowNodes === 0) return;
  await persist(options, "the simulated nodes are not ready", (attemptSignal) =>
    hollowNodesReady(client, hollowNodes, attemptSignal),
  );
  reached(`${hollowNodes} simulated nodes are ready`);
}

async function whenNodeIsReady(options: ReadyOptions): Promise<void> {
  const { client, settings, nodeStartedMs, reached } = options;
  await persist(options, "the node is not ready", (attemptSignal) =>
    nodeReady(client, settings.nodeName, nodeStartedMs, attemptSignal),
  );
  reached(`node ${settings.nodeName} is ready`);
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([gatewayOf(settings.podRange)]);
  await persist(options, "DNS does not answer", () =>
    resolver.resolve4(`kubernetes.default.svc.${settings.clusterDomain}`),
  );
  reached("DNS resolves");
}

/** Tries again until it works, a process of the cluster has ended, or the time is over. */
async function persist(
  options: ReadyOptions,
  complaint: string,
  attempt: (signal: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const { records, clock, signal } = options;
  for (;;) {
    const attemptOver = new AbortController();
    const dead = whenDead(records, clock, attemptOver.signal);
    try {
      await Promise.race([attempt(AbortSignal.any([signal, attemptOver.signal])), dead]);
      return;
    } catch (error) {
      if (error instanceof UserError) throw error;
      if (signal.aborted)
        throw new UserError(`${complaint} (${errorMessage(error)}): see "roder logs"`, { cause: error });
      await sleep(clock, askAgainMs);
    } finally {
      attemptOver.abort();
    }
  }
}

/** Rejects when a process of the cluster has ended; never resolves. The kernel gives no event for who is no child. */
async function whenDead(records: readonly ComponentRecord[], clock: Clock, signal: AbortSignal): Promise<never> {
  for (;;) {
    const dead = records.find((each) => startTicksOf(each.pid) !== each.startTicks);
    if (dead) throw new UserError(`a process of the cluster ended at once: ${lastWords(dead)}`);
    await sleep(clock, askAgainMs, signal);
  }
}

const readyCondition = (node: Node) =>
  node.status.conditions?.find((each) => each.type === "Ready" && each.status === "True");
const isReady = (node: Node) => readyCondition(node) !== undefined;

/** Resolves when the node was reported as ready since `sinceMs`. */
async function nodeReady(client: Client, name: string, sinceMs: number, signal: AbortSignal): Promise<void> {
  // The API's times are whole seconds.
  const sinceSecond = Math.floor(sinceMs / 1_000) * 1_000;
  const isReadyNow = (node: Node) => Date.parse(readyCondition(node)?.lastHeartbeatTime ?? "") >= sinceSecond;
  const fieldSelector = `metadata.name=${name}`;
  const { items, metadata } = await client.list(Nodes, { fieldSelector, signal });
  if (items.some(isReadyNow)) return;
  const resourceVersion = metadata.resourceVersion ?? "";
  for await (const event of client.watch(Nodes, { fieldSelector, resourceVersion, signal })) {
    if (event.type !== "BOOKMARK" && event.type !== "DELETED" && isReadyNow(event.object)) return;
  }
  throw new Error(`node ${name} did not become ready`);
}

async function hollowNodesReady(client: Client, count: number, signal: AbortSignal): Promise<void> {
  const labelSelector = `${hollowLabel}=true`;
  const { items, metadata } = await client.list(Nodes, { labelSelector, signal });
  const ready = new Set(items.filter(isReady).map(({ metadata: { name } }) => name));
  if (ready.size >= count) return;
  const resourceVersion = metadata.resourceVersion ?? "";
  for await (const event of client.watch(Nodes, { labelSelector, resourceVersion, signal })) {
    if (event.type !== "BOOKMARK" && isReady(event.object)) ready.add(event.object.metadata.name);
    if (ready.size >= count) return;
  }
  throw new Error(`${ready.size} of ${count} are`);
}

/** What a component gave as its reason, or the last that it wrote before it ended. */
function lastWords({ component, logPath, logStart }: ComponentRecord): string {
  const bytes = readFileSync(logPath);
  // A log that is shorter was rotated since: all of it is this process's.
  const lines = bytes
    .subarray(logStart > bytes.length ? 0 : logStart)
    .toString()
    .trim()
    .split("\n")
    .reverse();
  for (const line of lines) {
    try {
      const entry = JSON.parse(line) as { level?: string; msg?: string; error?: string };
      if (entry.level === "fatal") return `${component}: ${(entry.error ?? entry.msg)?.split("\n")[0]}`;
    } catch {
      // Not one of the log's own lines: a message of the runtime.
    }
  }
  const said = lines.find((line) => /^\w*Error/.test(line)) ?? lines[0];
  return said ? `${component}: ${said}` : `see ${logPath}`;
}
