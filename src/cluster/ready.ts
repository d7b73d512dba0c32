import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { Namespaces, type Node, Nodes } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { type Clock, errorMessage, sleep, UserError } from "../lib/index.ts";
import { gatewayOf } from "../network/index.ts";
import { type ComponentRecord, startTicksOf } from "./processes.ts";
import type { ClusterSettings } from "./settings.ts";

export interface ReadyOptions {
  readonly settings: ClusterSettings;
  readonly client: Client;
  readonly records: readonly ComponentRecord[];
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly reached: (what: string) => void;
}

/** How often a process that cannot be watched yet is asked again. */
const askAgainMs = 20;

/** Resolves when the API answers, the node is Ready and names resolve. Throws UserError when a process ended or it takes too long. */
export async function whenReady(options: ReadyOptions): Promise<void> {
  const { client, settings, signal, reached } = options;
  await persist(options, "the API server does not answer", () =>
    client.get(Namespaces, { name: "default" }, { signal }),
  );
  reached("the API server answers");
  if (settings.nodes === 0) return;
  await persist(options, "the node is not ready", () => nodeReady(client, settings.nodeName, signal));
  reached(`node ${settings.nodeName} is ready`);
  const resolver = new Resolver({ timeout: 1_000, tries: 1 });
  resolver.setServers([gatewayOf(settings.podRange)]);
  await persist(options, "DNS does not answer", () =>
    resolver.resolve4(`kubernetes.default.svc.${settings.clusterDomain}`),
  );
  reached("DNS resolves");
}

/** Tries again until it works, a process of the cluster has ended, or the time is over. */
async function persist(options: ReadyOptions, complaint: string, attempt: () => Promise<unknown>): Promise<void> {
  for (;;) {
    try {
      await attempt();
      return;
    } catch (error) {
      const dead = options.records.find((each) => startTicksOf(each.pid) !== each.startTicks);
      if (dead)
        throw new UserError(`a process of the cluster ended at once: ${lastWords(dead)}`, {
          cause: error,
        });
      if (options.signal.aborted)
        throw new UserError(`${complaint} (${errorMessage(error)}): see "roder logs"`, { cause: error });
      await sleep(options.clock, askAgainMs);
    }
  }
}

const isReady = (node: Node) =>
  (node.status.conditions ?? []).some((each) => each.type === "Ready" && each.status === "True");

async function nodeReady(client: Client, name: string, signal: AbortSignal): Promise<void> {
  const fieldSelector = `metadata.name=${name}`;
  const { items, metadata } = await client.list(Nodes, { fieldSelector, signal });
  if (items.some(isReady)) return;
  const resourceVersion = metadata.resourceVersion ?? "";
  for await (const event of client.watch(Nodes, { fieldSelector, resourceVersion, signal })) {
    if (event.type !== "BOOKMARK" && event.type !== "DELETED" && isReady(event.object)) return;
  }
  throw new Error(`node ${name} did not become ready`);
}

/** What a component gave as its reason, or the last that it wrote before it ended. */
function lastWords({ component, logPath, logStart }: ComponentRecord): string {
  const lines = readFileSync(logPath).subarray(logStart).toString().trim().split("\n").reverse();
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
