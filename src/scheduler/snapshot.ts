import { type Labels, type Node, type Pod, quantityValue, type Taint } from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import { type Amounts, addAmounts, amountsOf, noAmounts } from "./amounts.ts";
import type { HostPort, PodShape, PodShapes } from "./pod-shape.ts";
import { type NamespaceLabels, type PodTerms, podTermsOf } from "./pod-terms.ts";

/** A pod that is, or is about to be, on a node. */
export interface PlacedPod {
  readonly pod: Pod;
  readonly shape: PodShape;
  readonly nodeName: string;
}

/** A node with everything that is on it, added up. */
export class NodeState {
  readonly name: string;
  /** Where the node is in `Snapshot.nodes`; -1 while it is not. */
  index = -1;
  allocatable: Amounts = noAmounts;
  podsMax = 0;
  requested: Amounts = noAmounts;
  /** As `requested`, with an assumption for containers that ask for nothing. */
  assumed: Amounts = noAmounts;
  /** By the pods' uid. */
  readonly pods = new Map<string, PlacedPod>();
  #node: Node | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Only nodes that exist are in a snapshot's list; pods may be placed on a node before it is known. */
  get node(): Node {
    if (this.#node === undefined) throw new Error(`the node ${this.name} is not known`);
    return this.#node;
  }

  get taints(): readonly Taint[] {
    return this.#node?.spec?.taints ?? [];
  }

  set(node: Node): void {
    if (!deepEqual(this.#node?.status?.allocatable, node.status?.allocatable)) {
      const allocatable = node.status?.allocatable ?? {};
      this.allocatable = amountsOf(Object.entries(allocatable));
      this.podsMax = quantityValue(allocatable.pods ?? "0");
    }
    this.#node = node;
  }

  add(placed: PlacedPod): void {
    this.pods.set(placed.pod.metadata.uid, placed);
    this.#count(placed, 1);
  }

  remove(placed: PlacedPod): void {
    this.pods.delete(placed.pod.metadata.uid);
    this.#count(placed, -1);
  }

  /** Whether a pod on the node uses a port that `wanted` needs. */
  usesPort(wanted: HostPort): boolean {
    for (const { shape } of this.pods.values()) {
      if (shape.hostPorts.some((used) => portsConflict(used, wanted))) return true;
    }
    return false;
  }

  #count({ shape }: PlacedPod, sign: 1 | -1): void {
    this.requested = addAmounts(this.requested, shape.requests, sign);
    this.assumed = addAmounts(this.assumed, shape.assumedRequests, sign);
  }
}

/** 0.0.0.0 stands for all addresses of the node. */
function portsConflict(a: HostPort, b: HostPort): boolean {
  if (a.port !== b.port || a.protocol !== b.protocol) return false;
  return a.hostIP === b.hostIP || a.hostIP === "0.0.0.0" || b.hostIP === "0.0.0.0";
}

/** How an image is spread over the nodes. */
export interface ImageSpread {
  readonly sizeBytes: number;
  readonly nodeCount: number;
}

/** How many changes are remembered; whoever is further behind looks at all nodes. */
const changesMax = 4_096;

/**
 * The nodes and what is on them, kept up to date by events and by the scheduler's own decisions. Planning reads it and
 * does not change it. Each change of a node has a number, so that a plan can be brought up to date with what changed.
 */
export class Snapshot {
  readonly shapes: PodShapes;
  /** The nodes that exist, in no order. */
  readonly nodes: NodeState[] = [];
  readonly #byName = new Map<string, NodeState>();
  readonly #placed = new Map<string, PlacedPod>();
  /** The pods that say something about other pods, by shape and namespace. */
  readonly #withTerms = new Map<PodShape, Map<string, Set<PlacedPod>>>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #images = new Map<string, Map<string, number>>();
  /** The nodes that changed, the last of them under number `changeNumber`. */
  #changes: NodeState[] = [];
  #changeNumber = 0;
  #softTaintedNodes = 0;

  constructor(shapes: PodShapes) {
    this.shapes = shapes;
  }

  /** The number of the last change of any node. */
  get changeNumber(): number {
    return this.#changeNumber;
  }

  /** How many nodes have taints that pods avoid rather than obey (PreferNoSchedule). */
  get softTaintedNodes(): number {
    return this.#softTaintedNodes;
  }

  /** The nodes that changed after change `number`, some perhaps more than once; undefined when that is too long ago. */
  changedSince(number: number): readonly NodeState[] | undefined {
    const count = this.#changeNumber - number;
    return count <= this.#changes.length ? this.#changes.slice(this.#changes.length - count) : undefined;
  }

  node(name: string): NodeState | undefined {
    const state = this.#byName.get(name);
    return state === undefined || state.index < 0 ? undefined : state;
  }

  setNode(node: Node): void {
    const state = this.#state(node.metadata.name);
    const isNew = state.index < 0;
    const old = isNew ? undefined : state.node;
    state.set(node);
    if (isNew) state.index = this.nodes.push(state) - 1;
    if (!deepEqual(old?.status?.images, node.status?.images)) {
      this.#forgetImages(old);
      this.#addImages(node);
    }
    this.#softTaintedNodes += Number(hasSoftTaint(node)) - Number(hasSoftTaint(old));
    this.#changed(state);
  }

  removeNode(name: string): void {
    const state = this.node(name);
    if (state === undefined) return;
    const last = this.nodes.pop();
    if (last !== undefined && last !== state) {
      this.nodes[state.index] = last;
      last.index = state.index;
    }
    state.index = -1;
    if (state.pods.size === 0) this.#byName.delete(name);
    this.#forgetImages(state.node);
    this.#softTaintedNodes -= Number(hasSoftTaint(state.node));
    // Whoever remembers nodes by their place has to look at all of them.
    this.#changeNumber++;
    this.#changes = [];
  }

  setNamespace(name: string, labels: Labels): void {
    this.#namespaces.set(name, labels);
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(name);
  }

  readonly namespaceLabels: NamespaceLabels = (namespace) => this.#namespaces.get(namespace);

  /** The placed pods that have terms of affinity to other pods, together where these are the same. */
  *podsWithTerms(): Iterable<{ readonly terms: PodTerms; readonly placed: ReadonlySet<PlacedPod> }> {
    for (const [shape, byNamespace] of this.#withTerms) {
      for (const [namespace, placed] of byNamespace) yield { terms: podTermsOf(shape, namespace), placed };
    }
  }

  /** The pod that was placed under this uid. */
  placed(uid: string): PlacedPod | undefined {
    return this.#placed.get(uid);
  }

  /** Puts a pod on a node, or takes over its new version. */
  place(pod: Pod, nodeName: string): void {
    const { uid } = pod.metadata;
    const old = this.#placed.get(uid);
    const placed = { pod, shape: this.shapes.of(pod), nodeName };
    const state = this.#state(nodeName);
    if (old?.nodeName === nodeName && old.shape === placed.shape) {
      // Nothing that adds up has changed: mostly the scheduler's own decision, confirmed.
      this.#forgetTerms(old);
      this.#placed.set(uid, placed);
      state.pods.set(uid, placed);
      this.#rememberTerms(placed);
      return;
    }
    if (old !== undefined) this.unplace(uid);
    this.#placed.set(uid, placed);
    this.#rememberTerms(placed);
    state.add(placed);
    this.#changed(state);
  }

  /** Takes the pod from its node; gives what it was. */
  unplace(uid: string): PlacedPod | undefined {
    const placed = this.#placed.get(uid);
    if (placed === undefined) return undefined;
    this.#placed.delete(uid);
    this.#forgetTerms(placed);
    const state = this.#state(placed.nodeName);
    state.remove(placed);
    if (state.index < 0 && state.pods.size === 0) this.#byName.delete(placed.nodeName);
    this.#changed(state);
    return placed;
  }

  /** On how many nodes an image is, and how large; undefined when it is on none. `name` has a tag or digest. */
  image(name: string): ImageSpread | undefined {
    const nodes = this.#images.get(name);
    if (nodes === undefined) return undefined;
    let sizeBytes = 0;
    for (const size of nodes.values()) sizeBytes = Math.max(sizeBytes, size);
    return { sizeBytes, nodeCount: nodes.size };
  }

  hasImage(name: string, node: NodeState): boolean {
    return this.#images.get(name)?.has(node.name) ?? false;
  }

  #state(name: string): NodeState {
    return this.#byName.getOrInsertComputed(name, () => new NodeState(name));
  }

  #changed(state: NodeState): void {
    if (state.index < 0) return;
    this.#changeNumber++;
    this.#changes.push(state);
    if (this.#changes.length > 2 * changesMax) this.#changes = this.#changes.slice(-changesMax);
  }

  #rememberTerms(placed: PlacedPod): void {
    const { shape, pod } = placed;
    if (!shape.hasAffinityTerms) return;
    const byNamespace = this.#withTerms.getOrInsertComputed(shape, () => new Map());
    byNamespace.getOrInsertComputed(pod.metadata.namespace ?? "", () => new Set()).add(placed);
  }

  #forgetTerms(placed: PlacedPod): void {
    const { shape, pod } = placed;
    const byNamespace = this.#withTerms.get(shape);
    const { namespace = "" } = pod.metadata;
    const pods = byNamespace?.get(namespace);
    pods?.delete(placed);
    if (pods?.size === 0) byNamespace?.delete(namespace);
    if (byNamespace?.size === 0) this.#withTerms.delete(shape);
  }

  #addImages(node: Node): void {
    for (const { names, sizeBytes } of node.status?.images ?? []) {
      for (const name of names ?? []) {
        this.#images.getOrInsertComputed(name, () => new Map()).set(node.metadata.name, sizeBytes ?? 0);
      }
    }
  }

  #forgetImages(node: Node | undefined): void {
    for (const { names } of node?.status?.images ?? []) {
      for (const name of names ?? []) {
        const nodes = this.#images.get(name);
        nodes?.delete(node!.metadata.name);
        if (nodes?.size === 0) this.#images.delete(name);
      }
    }
  }
}

function hasSoftTaint(node: Node | undefined): boolean {
  return node?.spec?.taints?.some((taint) => taint.effect === "PreferNoSchedule") ?? false;
}
