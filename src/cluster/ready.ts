import { Resolver } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Namespaces, type Node, Nodes } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { type Clock, errorMessage, sleep } from "../lib/index.ts";
import { gatewayOf } from "../network/index.ts";
import type { DataDirectory } from "./data-directory.ts";
import { type ProcessRecord, startTicksOf } from "./processes.ts";
import type { ClusterSettings } from "./settings.ts";
import { UserError } from "./user-error.ts";

export interface ReadyOptions {
  readonly directory: DataDirectory;
  readonly settings: ClusterSettings;
  readonly client: Client;
  readonly records: readonly ProcessRecord[];
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
        throw new UserError(`a process of the cluster ended at once: ${lastWords(options.directory)}`, {
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

/** The last line that a component wrote before it ended: its own explanation. */
function lastWords(directory: DataDirectory): string {
  for (const component of ["server", "node"]) {
    const line = readLastError(join(directory.logs, `${component}.log`));
    if (line) return `${component}: ${line}`;
  }
  return `see ${directory.logs}`;
}

function readLastError(path: string): string | undefined {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    return undefined; // It wrote nothing.
  }
  for (const line of text.trim().split("\n").reverse()) {
    try {
      const entry = JSON.parse(line) as { level?: string; msg?: string; error?: string };
      if (entry.level === "fatal") return entry.error ?? entry.msg;
    } catch {
      // Not one of the log's own lines: a message of the runtime.
    }
  }
  return undefined;
}
