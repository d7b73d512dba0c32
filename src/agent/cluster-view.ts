// What an agent sees of the cluster: its node, its pods and the Services. A real node watches for itself; simulated nodes
// of one process share three watches, since a thousand times three cost more than all that the nodes do.
import { type Node, Nodes, type Pod, Pods, type Service, Services } from "../api/index.ts";
import { Informer, type InformerEnvironment, type InformerEvent, type InformerHandler } from "../client/index.ts";

export interface ClusterView {
  /** Resolves when everything is there, or when the view ends before. */
  synced(): Promise<void>;
  node(): Node | undefined;
  /** The pods that are bound to the node. */
  pods(): readonly Pod[];
  services(): readonly Service[];
  /** Tells of the pods that there are, as added, and of every change to one. */
  onPod(handler: InformerHandler<Pod>): void;
}

/** By watches of the node's own, which see nothing else. */
export function watchedView(nodeName: string, environment: InformerEnvironment): ClusterView {
  const nodes = new Informer(Nodes, { fieldSelector: `metadata.name=${nodeName}` }, environment);
  const services = new Informer(Services, {}, environment);
  const pods = new Informer(Pods, { fieldSelector: `spec.nodeName=${nodeName}` }, environment);
  return {
    async synced() {
      await Promise.all([nodes.synced(), services.synced(), pods.synced()]);
    },
    node: () => nodes.get(nodeName),
    pods: () => pods.list(),
    services: () => services.list(),
    onPod: (handler) => {
      pods.addHandler(handler);
    },
  };
}

const podsOfNode = "spec.nodeName";

/** The views of many nodes in one process. */
export class SharedViews {
  readonly #nodes: Informer<Node>;
  readonly #services: Informer<Service>;
  readonly #pods: Informer<Pod>;
  readonly #handlers = new Map<string, Set<InformerHandler<Pod>>>();

  constructor(environment: InformerEnvironment) {
    this.#nodes = new Informer(Nodes, {}, environment);
    this.#services = new Informer(Services, {}, environment);
    this.#pods = new Informer(Pods, {}, environment);
    this.#pods.addIndex(podsOfNode, ({ spec }) => (spec.nodeName ? [spec.nodeName] : []));
    this.#pods.addHandler((event) => this.#tell(event));
  }

  /** The view of one node, until the signal ends it. */
  of(nodeName: string, signal: AbortSignal): ClusterView {
    const pods = () => this.#pods.byIndex(podsOfNode, nodeName);
    return {
      synced: async () => {
        await Promise.all([this.#nodes.synced(), this.#services.synced(), this.#pods.synced()]);
        // Right after it was registered a node counts on being there, as with a watch that starts then.
        await this.#nodes
          .waitUntil(() => this.#nodes.get(nodeName) !== undefined, signal)
          .catch((error: unknown) => {
            // Being stopped is the other thing that ends the wait.
            if (!signal.aborted) throw error;
          });
      },
      node: () => this.#nodes.get(nodeName),
      pods,
      services: () => this.#services.list(),
      onPod: (handler) => {
        const handlers = this.#handlers.getOrInsertComputed(nodeName, () => new Set());
        handlers.add(handler);
        const forget = () => {
          handlers.delete(handler);
          if (handlers.size === 0) this.#handlers.delete(nodeName);
        };
        signal.addEventListener("abort", forget, { once: true });
        for (const object of pods()) handler({ type: "add", object });
      },
    };
  }

  #tell(event: InformerEvent<Pod>): void {
    const { nodeName } = event.object.spec;
    const handlers = nodeName ? this.#handlers.get(nodeName) : undefined;
    if (!handlers) return;
    // A pod comes to its node by being bound, which is a change of what is there.
    const isNew = event.type === "update" && event.old.spec.nodeName !== nodeName;
    const seen: InformerEvent<Pod> = isNew ? { type: "add", object: event.object } : event;
    for (const handler of handlers) handler(seen);
  }
}
