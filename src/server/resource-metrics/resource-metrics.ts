// metrics.k8s.io/v1beta1 from what the nodes' agents say: what the metrics server is elsewhere. Nothing is measured while
// nobody asks; who asks after a pause waits for a second, between two looks at each node that the question is about.
import {
  type KubeObject,
  type NewObject,
  type Node,
  type NodeMetrics,
  NodeMetricses,
  Nodes,
  type Pod,
  PodMetricses,
  Pods,
  qualifiedResource,
  type ResourceDefinition,
  type StatsSummary,
} from "../../api/index.ts";
import { type Clock, errorMessage, type Logger, sleep } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import type { Compute, Selected } from "../pipeline/computed.ts";
import type { ResourceRegistry } from "../registry.ts";
import { type NodeUse, usageBetween } from "./usage-rates.ts";

/** What a node and its pods have used so far; rejects when its agent does not answer in time. */
export type ReadNodeStats = (node: Node) => Promise<StatsSummary>;

export interface ResourceMetricsOptions {
  readonly lookup: Pick<Lookup, "list" | "get">;
  readonly read: ReadNodeStats;
  readonly clock: Clock;
  readonly log: Logger;
}

/** For so long an answer is given to everybody who asks; as the metrics server's --metric-resolution. */
const freshMs = 15_000;
/** A look that is older than this says nothing about now. */
const usableMs = 60_000;
/** Between the first two looks: long enough for a rate, short enough to wait for. */
const firstWindowMs = 1_000;
/** How many agents are asked at once. */
const nodesAtOnce = 50;

/** The last look at a node, and what came of it. */
interface Look {
  readonly startedMs: number;
  readonly use: Promise<{ readonly summary: StatsSummary; readonly use: NodeUse } | undefined>;
}

const group = { apiVersion: "metrics.k8s.io/v1beta1" };

class ResourceMetrics {
  readonly #options: ResourceMetricsOptions;
  /** By the uid of the node. */
  readonly #looks = new Map<string, Look>();

  constructor(options: ResourceMetricsOptions) {
    this.#options = options;
  }

  async nodes({ matches }: Selected): Promise<readonly NewObject<KubeObject>[]> {
    const nodes = this.#options.lookup.list(Nodes).filter((node) => matches({ metadata: described(node) }));
    const uses = await this.#usesOf(nodes);
    return nodes.flatMap((node): NewObject<NodeMetrics>[] => {
      const use = uses.get(node.metadata.name)?.node;
      return use ? [{ ...group, kind: NodeMetricses.kind, metadata: described(node), ...use }] : [];
    });
  }

  async pods({ namespace, matches }: Selected): Promise<readonly NewObject<KubeObject>[]> {
    const { lookup } = this.#options;
    const pods = lookup
      .list(Pods, namespace === "" ? undefined : namespace)
      .filter((pod) => pod.status.phase === "Running" && matches({ metadata: described(pod) }));
    const names = new Set(pods.flatMap(({ spec }) => spec.nodeName ?? []));
    const uses = await this.#usesOf([...names].flatMap((name) => lookup.get(Nodes, undefined, name) ?? []));
    return pods.flatMap((pod) => {
      const use = uses.get(pod.spec.nodeName ?? "")?.pods.get(pod.metadata.uid);
      return use ? [{ ...group, kind: PodMetricses.kind, metadata: described(pod), ...use }] : [];
    });
  }

  /** By the name of the node; those that do not answer are left out. */
  async #usesOf(nodes: readonly Node[]): Promise<ReadonlyMap<string, NodeUse>> {
    this.#forget();
    const uses = new Map<string, NodeUse>();
    const waiting = [...nodes];
    const ask = async () => {
      for (let node = waiting.pop(); node; node = waiting.pop()) {
        const found = await this.#look(node);
        if (found) uses.set(node.metadata.name, found.use);
      }
    };
    await Promise.all(Array.from({ length: Math.min(nodesAtOnce, nodes.length) }, ask));
    return uses;
  }

  #look(node: Node): Look["use"] {
    const { uid } = node.metadata;
    const nowMs = this.#options.clock.monotonicMs();
    const last = this.#looks.get(uid);
    if (last && nowMs - last.startedMs < freshMs) return last.use;
    const look: Look = { startedMs: nowMs, use: this.#measure(node, last) };
    this.#looks.set(uid, look);
    void look.use.then((found) => {
      // Who asks next tries again.
      if (!found && this.#looks.get(uid) === look) this.#looks.delete(uid);
    });
    return look.use;
  }

  async #measure(node: Node, last: Look | undefined): Look["use"] {
    const { read, clock, log } = this.#options;
    try {
      let before = (await last?.use)?.summary;
      if (!before) {
        before = await read(node);
        await sleep(clock, firstWindowMs);
      }
      const summary = await read(node);
      return { summary, use: usageBetween(before, summary) };
    } catch (error) {
      log.debug("a node does not say what it uses", { node: node.metadata.name, error: errorMessage(error) });
      return undefined;
    }
  }

  /** Drops what is too old to be compared with: nodes that are gone, and all after a pause. */
  #forget(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const [uid, { startedMs }] of this.#looks) if (nowMs - startedMs > usableMs) this.#looks.delete(uid);
  }
}

/** Serves the kinds of metrics.k8s.io; what is returned makes their objects. */
export function serveResourceMetrics(
  registry: Pick<ResourceRegistry, "set">,
  options: ResourceMetricsOptions,
): readonly (readonly [string, Compute])[] {
  const metrics = new ResourceMetrics(options);
  // The registry treats all kinds alike.
  for (const each of [NodeMetricses, PodMetricses]) registry.set(each as unknown as ResourceDefinition);
  return [
    [qualifiedResource(NodeMetricses), (selected) => metrics.nodes(selected)],
    [qualifiedResource(PodMetricses), (selected) => metrics.pods(selected)],
  ];
}

/** What metrics carry of the metadata of what they are about. */
function described({ metadata }: Node | Pod): KubeObject["metadata"] {
  const { name, namespace, labels, creationTimestamp } = metadata;
  // What was never stored has neither uid nor resourceVersion.
  return {
    name,
    ...(namespace === undefined ? {} : { namespace }),
    creationTimestamp,
    ...(labels ? { labels } : {}),
  } as KubeObject["metadata"];
}
