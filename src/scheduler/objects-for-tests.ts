import type { Container, Node, Pod, PodSpec, Taint } from "../api/index.ts";
import { InformerSet, inProcessClient } from "../client/index.ts";
import { seededRandom, silentLogger, VirtualClock } from "../lib/index.ts";
import { defaultConfiguration } from "./configuration.ts";
import type { PluginContext } from "./plugin.ts";
import { PodShapes } from "./pod-shape.ts";
import { createProfile, type Profile } from "./profile.ts";
import { Snapshot } from "./snapshot.ts";

export interface PodOptions extends Partial<Omit<PodSpec, "containers">> {
  readonly name?: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly requests?: Readonly<Record<string, string>>;
  readonly ports?: Container["ports"];
  readonly image?: string;
  readonly containers?: readonly Partial<Container>[];
  readonly deletionTimestamp?: string;
  readonly generation?: number;
  readonly startTime?: string;
}

/** A pod as the API server gives it to the scheduler. Its uid is made of its name. */
export function makePod(options: PodOptions = {}): Pod {
  const { name = "pod", namespace = "default", labels, requests, ports, image = "app", containers, ...rest } = options;
  const { deletionTimestamp, generation = 1, startTime, ...spec } = rest;
  const container: Partial<Container> = {
    ...(requests === undefined ? {} : { resources: { requests } }),
    ...(ports === undefined ? {} : { ports }),
  };
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name,
      namespace,
      uid: `uid-of-${namespace}-${name}`,
      generation,
      ...(labels === undefined ? {} : { labels }),
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    spec: {
      schedulerName: "default-scheduler",
      ...spec,
      containers: (containers ?? [container]).map((each, index) => ({ name: `container-${index}`, image, ...each })),
    },
    status: { phase: "Pending", ...(startTime === undefined ? {} : { startTime }) },
  } as unknown as Pod; // the metadata that tests do not need is left out
}

export interface NodeOptions {
  readonly name?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly allocatable?: Readonly<Record<string, string>>;
  readonly taints?: readonly Taint[];
  readonly unschedulable?: boolean;
  readonly images?: Readonly<Record<string, number>>;
}

/** A node with 4 cores, 8 GiB and room for 110 pods unless it says otherwise. */
export function makeNode({ name = "node", labels = {}, allocatable, images = {}, ...spec }: NodeOptions = {}): Node {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, uid: `uid-of-${name}`, labels: { "kubernetes.io/hostname": name, ...labels } },
    spec,
    status: {
      allocatable: { cpu: "4", memory: "8Gi", "ephemeral-storage": "20Gi", pods: "110", ...allocatable },
      images: Object.entries(images).map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
    },
  } as unknown as Node; // as above
}

/** A snapshot of nodes and of the pods on them, by the node's name. */
export function makeSnapshot(
  nodes: readonly NodeOptions[],
  pods: Readonly<Record<string, readonly PodOptions[]>> = {},
): Snapshot {
  const snapshot = new Snapshot(new PodShapes());
  for (const node of nodes) snapshot.setNode(makeNode(node));
  for (const [nodeName, placed] of Object.entries(pods)) {
    for (const [index, pod] of placed.entries()) {
      snapshot.place(makePod({ name: `placed-${nodeName}-${index}`, ...pod }), nodeName);
    }
  }
  return snapshot;
}

/** What plugins are given, over an API that has nothing. */
export function emptyContext(snapshot: Snapshot = makeSnapshot([])): PluginContext {
  const stop = new AbortController();
  stop.abort();
  const client = inProcessClient(
    { handle: () => Promise.reject(new Error("there is no API here")) },
    { name: "system:kube-scheduler", groups: [] },
  );
  const environment = {
    client,
    clock: new VirtualClock(),
    random: seededRandom(1),
    log: silentLogger,
    signal: stop.signal,
  };
  const informers = new InformerSet(environment);
  const ignore = () => {};
  return {
    ...environment,
    snapshot,
    events: { normal: ignore, warning: ignore },
    informer: (resource) => informers.informer(resource),
  };
}

/** The default plugins, for planning without a scheduler. */
export function defaultProfile(snapshot?: Snapshot): Profile {
  const [settings] = defaultConfiguration.profiles;
  return createProfile(settings!, emptyContext(snapshot));
}
