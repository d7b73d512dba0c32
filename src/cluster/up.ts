import { existsSync, rmdirSync } from "node:fs";
import { hostname } from "node:os";
import { isDeepStrictEqual } from "node:util";
import { type Clock, systemClock, UserError } from "../lib/index.ts";
import { administratorClient } from "./administrator.ts";
import { openClusterPki } from "./cluster-pki.ts";
import { administratorEntry, nodeAddresses, writeCredentials } from "./credentials.ts";
import type { DataDirectory } from "./data-directory.ts";
import { lockCluster } from "./lock.ts";
import { mergeKubeconfig } from "./pki/index.ts";
import { prepareDataRoot } from "./preflight.ts";
import { type ComponentRecord, componentArguments, runningProcess, startDetached, stopProcess } from "./processes.ts";
import { whenReady } from "./ready.ts";
import { requirePossible, requireRights } from "./requirements.ts";
import { type ClusterSettings, dataVersion, readSettings, writeSettings } from "./settings.ts";

/** What the person asked for; what is left out keeps what the cluster has, or gets its default. */
export interface UpOptions {
  readonly name?: string;
  readonly port?: number;
  readonly kubeconfig?: string;
  readonly nodes?: number;
  readonly hollowNodes?: number;
  /** A file that says how simulated nodes behave. */
  readonly profile?: string;
  readonly podRange?: string;
  readonly serviceRange?: string;
  readonly bindAddress?: string;
  /** Files that the server reads when it starts; see docs/operations.md. */
  readonly auditPolicy?: string;
  readonly admissionConfig?: string;
  readonly encryptionConfig?: string;
  readonly enableAdmissionPlugins?: readonly string[];
  readonly disableAdmissionPlugins?: readonly string[];
  readonly schedulerConfig?: string;
  /** Absolute paths. */
  readonly schedulerPlugins?: readonly string[];
}

export interface UpResult {
  readonly settings: ClusterSettings;
  /** True when everything ran already. */
  readonly wasRunning: boolean;
  /** Whether the kubeconfig is one that kubectl reads by itself. */
  readonly merged: boolean;
}

/** Starts the cluster of `directory`, or what of it has stopped, and returns when it can be used. */
export async function startCluster(
  directory: DataDirectory,
  options: UpOptions,
  defaultKubeconfig: string,
  say: (line: string) => void,
): Promise<UpResult> {
  const { root } = directory;
  requireRights(chooseSettings(readSettings(directory), options, defaultKubeconfig), root);
  const isNew = !existsSync(root);
  prepareDataRoot(root);
  const lock = lockCluster(root);
  try {
    // Another command may have made the cluster before this one got the lock.
    const existing = readSettings(directory);
    const chosen = chooseSettings(existing, options, defaultKubeconfig);
    const running = {
      server: runningProcess(directory, "server"),
      node: runningProcess(directory, "node"),
      hollow: runningProcess(directory, "hollow"),
    };
    const settings = await requirePossible(directory, chosen, { isNew: existing === undefined, ...running }, say);
    const hollowDiffer = options.profile !== undefined || settings.hollowNodes !== existing?.hollowNodes;
    let isChanged = existing !== undefined && !isDeepStrictEqual(withoutHollow(settings), withoutHollow(existing));
    if (serverOptions.some((name) => options[name] !== undefined)) {
      // They are checked as the server reads them, with the server's code, which no other start needs to load.
      const { takeServerFiles } = await import("./server-files.ts");
      if (await takeServerFiles(directory, options, settings)) isChanged = true;
    }
    if (options.profile !== undefined) {
      // Only who asks for simulated nodes loads what they are made of.
      await (await import("./hollow-files.ts")).takeHollowProfile(directory, options.profile);
    }
    // From here on `roder reset` knows what to remove.
    if (settings !== existing) writeSettings(directory, settings);
    if (isChanged && running.server) say("the server runs: what was changed counts after `roder down` and `roder up`");
    const pki = await openClusterPki(directory, settings);
    await writeCredentials(directory, settings, pki, settings.nodes > 0 ? await nodeAddresses(settings) : []);
    await mergeKubeconfig(settings.kubeconfig, administratorEntry(directory, settings, pki));
    if (running.hollow && hollowDiffer) {
      await stopProcess(directory, "hollow", systemClock, hollowGraceMs);
      running.hollow = undefined;
    }
    await startProcesses(directory, settings, running, systemClock, say);
    const wasRunning =
      running.server !== undefined &&
      (settings.nodes === 0 || running.node !== undefined) &&
      (!settings.hollowNodes || running.hollow !== undefined);
    return { settings, wasRunning, merged: settings.kubeconfig === defaultKubeconfig };
  } finally {
    if (existsSync(directory.settings)) lock.release();
    else {
      lock.remove();
      if (isNew) rmdirSync(root);
    }
  }
}

/** All but the one setting by which another process than the server goes. */
function withoutHollow({ hollowNodes: _, ...settings }: ClusterSettings) {
  return settings;
}

/** What only the server makes sense of. */
const serverOptions = [
  "auditPolicy",
  "admissionConfig",
  "encryptionConfig",
  "enableAdmissionPlugins",
  "disableAdmissionPlugins",
  "schedulerConfig",
  "schedulerPlugins",
] as const;

/** The settings of a first start, or those the cluster has; refuses to change what cannot change later. */
export function chooseSettings(
  existing: ClusterSettings | undefined,
  options: UpOptions,
  defaultKubeconfig: string,
): ClusterSettings {
  const plugins = (["enableAdmissionPlugins", "disableAdmissionPlugins", "schedulerPlugins"] as const).flatMap(
    (name) => (options[name] ? [[name, options[name]] as const] : []),
  );
  const hollow = options.hollowNodes === undefined ? {} : { hollowNodes: options.hollowNodes };
  if (existing) {
    const fixed = ["name", "port", "nodes", "podRange", "serviceRange", "bindAddress", "kubeconfig"] as const;
    for (const name of fixed) {
      const wanted = options[name];
      if (wanted === undefined || wanted === existing[name]) continue;
      const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
      throw new UserError(
        `this cluster was made with ${flag} ${existing[name]}, not ${wanted}: leave the flag out, or make another with --data-dir`,
      );
    }
    const changed = { ...Object.fromEntries(plugins), ...hollow };
    return Object.keys(changed).length > 0 ? { ...existing, ...changed } : existing;
  }
  const nodes = options.nodes ?? 1;
  const name = options.name ?? "roder";
  return {
    dataVersion,
    name,
    port: options.port ?? 6_443,
    nodes,
    nodeName: nodeNameOf(hostname()),
    bindAddress: options.bindAddress ?? (nodes === 0 ? "127.0.0.1" : "0.0.0.0"),
    podRange: options.podRange ?? "10.42.0.0/16",
    serviceRange: options.serviceRange ?? "10.43.0.0/16",
    clusterDomain: "cluster.local",
    agentPort: 10_250,
    kubeconfig: options.kubeconfig ?? defaultKubeconfig,
    ...Object.fromEntries(plugins),
    ...hollow,
  };
}

/** A node's name is a DNS subdomain (RFC 1123); a host name may be less strict. */
function nodeNameOf(host: string): string {
  const name = host
    .toLowerCase()
    .replaceAll(/[^a-z0-9.-]/g, "-")
    .replaceAll(/^[-.]+|[-.]+$/g, "");
  return name === "" ? "node" : name;
}

const hollowGraceMs = 10_000;
/** A component that does not come up in this time will not. */
const startMsMax = 120_000;

async function startProcesses(
  directory: DataDirectory,
  settings: ClusterSettings,
  running: Readonly<Record<"server" | "node" | "hollow", ComponentRecord | undefined>>,
  clock: Clock,
  say: (line: string) => void,
): Promise<void> {
  const startedMs = clock.monotonicMs();
  const startedAtMs = clock.now();
  const seconds = () => `${((clock.monotonicMs() - startedMs) / 1000).toFixed(1)} s`;
  const start = (component: "server" | "node" | "hollow") =>
    running[component] ??
    startDetached(directory, component, roderCommand(component, directory.root), {
      ...componentEnvironment,
      ...process.env,
    });
  const server = start("server");
  // The node waits for the API by itself; containerd comes up meanwhile.
  const node = settings.nodes > 0 ? start("node") : undefined;
  const hollow = settings.hollowNodes ? start("hollow") : undefined;
  const giveUp = AbortSignal.timeout(startMsMax);
  const records = [server, ...(node ? [node] : []), ...(hollow ? [hollow] : [])];
  const client = await administratorClient(directory);
  try {
    await whenReady({
      settings,
      client,
      records,
      // Of one that ran already any report will do.
      nodeStartedMs: running.node ? 0 : startedAtMs,
      clock,
      signal: giveUp,
      reached: (what) => say(`${what} (${seconds()})`),
    });
  } finally {
    client.close();
  }
}

/**
 * How the server's heap grows. A young generation of 3 × 4 MB, which the node has, makes a process 11 MB smaller than one of
 * 3 × 16 and costs a read nothing; but writes keep more, and an update of a large object takes 8 % less with 16 than with 8.
 * What a burst took is given back by collectWhenIdle.
 */
export const serverHeapFlags = ["--max-semi-space-size=16"];

/**
 * The C library makes an arena for each thread that allocates, and keeps in it what that thread gave back: 28 MB with 5,000
 * nodes and 10,000 pods. (Giving large pieces back at once, MALLOC_MMAP_THRESHOLD_, would save 50 MB more and cost a patch
 * a tenth.)
 */
export const componentEnvironment = { MALLOC_ARENA_MAX: "2" };

/** This program, which is what Node was started with, as a component's process. */
function roderCommand(component: string, root: string): [string, ...string[]] {
  const main = process.argv[1]!;
  const flags = component === "server" ? serverHeapFlags : ["--max-semi-space-size=4"];
  return [process.execPath, ...flags, main, ...componentArguments(component, root)];
}
