import { type Labels, type Node, type Pod, quantityValue, type Taint } from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import { type Amounts, addAmounts, amountsOf, noAmounts } from "./amounts.ts";
import { ChangeLog } from "./change-log.ts";
import { DomainTallies } from "./domain-tally.ts";
import { priorityOf } from "./pod-key.ts";
import type { HostPort, PodShape, PodShapes } from "./pod-shape.ts";
import { type NamespaceLabels, type PodTerms, podTermsOf } from "./pod-terms.ts";
import type { NodeChange } from "./rule.ts";

/** A pod that is, or is about to be, on a node. */
export interface PlacedPod {
  readonly pod: Pod;
  readonly shape: PodShape;
  readonly nodeName: string;
}

/** Placed pods of one namespace with the same terms of affinity to other pods. */
export interface PodGroup {
  readonly shape: PodShape;
  readonly namespace: string;
  readonly terms: PodTerms;
}

/** A pod that came to a node, or left it. */
export interface PodChange {
  readonly placed: PlacedPod;
  readonly node: NodeState;
  readonly sign: 1 | -1;
}

const noLabels: Labels = {};

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
  /** The pods that are to come here when room has been made for them, by their uid; they are not in the sums. */
  readonly nominated = new Map<string, PlacedPod>();
  #labels: Labels = noLabels;
  /** Undefined until somebody asks. */
  #lowestPriority: number | undefined;
  #node: Node | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** Only nodes that exist are in a snapshot's list; pods may be placed on a node before it is known. */
  get node(): Node {
    if (this.#node === undefined) throw new Error(`the node ${this.name} is not known`);
    return this.#node;
  }

  /** The value of one of the node's labels. */
  label(key: string): string | undefined {
    return Object.hasOwn(this.#labels, key) ? this.#labels[key] : undefined;
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
    this.#labels = node.metadata.labels ?? noLabels;
  }

  /** The lowest priority of a pod on the node; Infinity when there is none. */
  get lowestPriority(): number {
    this.#lowestPriority ??= [...this.pods.values()].reduce(
      (lowest, { pod }) => Math.min(lowest, priorityOf(pod)),
      Number.POSITIVE_INFINITY,
    );
    return this.#lowestPriority;
  }

  /** The node as it would be with some pods more and some less. */
  with({ added, removed }: NodeChange): NodeState {
    const copy = new NodeState(this.name);
    copy.index = this.index;
    copy.allocatable = this.allocatable;
    copy.podsMax = this.podsMax;
    copy.requested = this.requested;
    copy.assumed = this.assumed;
    copy.#labels = this.#labels;
    copy.#node = this.#node;
    for (const [uid, placed] of this.pods) copy.pods.set(uid, placed);
    for (const [uid, placed] of this.nominated) copy.nominated.set(uid, placed);
    for (const placed of removed) copy.remove(placed);
    for (const placed of added) copy.add(placed);
    return copy;
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
    this.#lowestPriority = undefined;
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

/** The nodes that have an image. */
interface ImageNodes {
  readonly sizes: Map<string, number>;
  /** The largest; undefined until somebody asks. */
  sizeBytes: number | undefined;
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
  readonly #withTerms = new Map<PodShape, Map<string, PodGroup & { count: number }>>();
  readonly #namespaces = new Map<string, Labels>();
  readonly #images = new Map<string, ImageNodes>();
  /** The nodes that changed. */
  readonly #changes = new ChangeLog<NodeState>(changesMax);
  /** The pods that came to nodes and left them. */
  readonly podChanges = new ChangeLog<PodChange>(changesMax);
  /** What is counted of pods by domain. */
  readonly tallies = new DomainTallies(this);
  /** Where pods are nominated to, by their uid. */
  readonly #nominations = new Map<string, NodeState>();
  #layoutNumber = 0;
  #softTaintedNodes = 0;

  constructor(shapes: PodShapes) {
    this.shapes = shapes;
  }

  /** The number of the last change of any node. */
  get changeNumber(): number {
    return this.#changes.number;
  }

  /** Grows when nodes come or go, or when they or namespaces get other labels or taints. */
  get layoutNumber(): number {
    return this.#layoutNumber;
  }

  /** How many nodes have taints that pods avoid rather than obey (PreferNoSchedule). */
  get softTaintedNodes(): number {
    return this.#softTaintedNodes;
  }

  /** The nodes that changed after change `number`, some perhaps more than once; undefined when that is too long ago. */
  changedSince(number: number): readonly NodeState[] | undefined {
    return this.#changes.since(number);
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
    const sameLabels = deepEqual(old?.metadata.labels, node.metadata.labels);
    if (isNew || !sameLabels || !deepEqual(old?.spec?.taints, node.spec?.taints)) {
      this.#layoutNumber++;
    }
    if (!deepEqual(old?.status?.images, node.status?.images)) {
      this.#forgetImages(old);
      this.#addImages(node);
    }
    this.#softTaintedNodes += Number(hasSoftTaint(node)) - Number(hasSoftTaint(old));
    this.#changed(state);
  }

  /** Takes over a version of a node that differs in nothing that the rules of Kubernetes read. */
  refreshNode(node: Node): void {
    this.node(node.metadata.name)?.set(node);
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
    this.#layoutNumber++;
    this.#dropIfEmpty(state);
    this.#forgetImages(state.node);
    this.#softTaintedNodes -= Number(hasSoftTaint(state.node));
    // Whoever remembers nodes by their place has to look at all of them.
    this.#changes.reset();
  }

  setNamespace(name: string, labels: Labels): void {
    const old = this.#namespaces.get(name);
    this.#namespaces.set(name, labels);
    if (!deepEqual(old, labels)) this.#layoutNumber++;
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(name);
    this.#layoutNumber++;
  }

  readonly namespaceLabels: NamespaceLabels = (namespace) => this.#namespaces.get(namespace);

  /** The placed pods that have terms of affinity to other pods, together where these are the same. */
  *podsWithTerms(): Iterable<PodGroup> {
    for (const byNamespace of this.#withTerms.values()) yield* byNamespace.values();
  }

  /** The groups of placed pods that require to be apart from the pod. */
  groupsAgainst(pod: Pod): readonly PodGroup[] {
    const against: PodGroup[] = [];
    for (const group of this.podsWithTerms()) {
      if (group.terms.requiredAntiAffinity.some((term) => term.matches(pod, this.namespaceLabels))) against.push(group);
    }
    return against;
  }

  /** The pod that was placed under this uid. */
  placed(uid: string): PlacedPod | undefined {
    return this.#placed.get(uid);
  }

  /** Puts a pod on a node, or takes over its new version. */
  place(pod: Pod, nodeName: string, before?: { readonly pod: Pod; readonly shape: PodShape }): void {
    const { uid } = pod.metadata;
    const old = this.#placed.get(uid);
    const placed = { pod, shape: this.shapes.of(pod, old ?? before), nodeName };
    const state = this.#state(nodeName);
    if (old?.nodeName === nodeName && old.shape === placed.shape) {
      // Nothing that adds up has changed: mostly the scheduler's own decision, confirmed.
      this.#forgetTerms(old);
      this.#placed.set(uid, placed);
      state.pods.set(uid, placed);
      this.#rememberTerms(placed);
      if (!sameForOthers(old.pod, pod)) {
        this.podChanges.add({ placed: old, node: state, sign: -1 });
        this.podChanges.add({ placed, node: state, sign: 1 });
      }
      return;
    }
    if (old !== undefined) this.unplace(uid);
    this.#placed.set(uid, placed);
    this.#rememberTerms(placed);
    state.add(placed);
    this.podChanges.add({ placed, node: state, sign: 1 });
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
    this.podChanges.add({ placed, node: state, sign: -1 });
    this.#dropIfEmpty(state);
    this.#changed(state);
    return placed;
  }

  /** Notes that room is being made for a pod on a node: others of no higher priority are to leave it that room. */
  nominate(pod: Pod, nodeName: string): void {
    const { uid } = pod.metadata;
    const old = this.#nominations.get(uid);
    if (old?.name !== nodeName) this.withdrawNomination(uid);
    const state = this.#state(nodeName);
    const shape = this.shapes.of(pod);
    const known = state.nominated.get(uid);
    state.nominated.set(uid, { pod, shape, nodeName });
    this.#nominations.set(uid, state);
    if (known?.shape !== shape) this.#changed(state);
  }

  /** Ends a nomination; gives the node's name. */
  withdrawNomination(uid: string): string | undefined {
    const state = this.#nominations.get(uid);
    if (state === undefined) return undefined;
    this.#nominations.delete(uid);
    state.nominated.delete(uid);
    this.#dropIfEmpty(state);
    this.#changed(state);
    return state.name;
  }

  /** Where the pod is nominated to. */
  nominatedNode(uid: string): string | undefined {
    return this.#nominations.get(uid)?.name;
  }

  /** On how many nodes an image is, and how large; undefined when it is on none. `name` has a tag or digest. */
  image(name: string): ImageSpread | undefined {
    const image = this.#images.get(name);
    if (image === undefined) return undefined;
    image.sizeBytes ??= image.sizes.values().reduce((a, b) => Math.max(a, b), 0);
    return { sizeBytes: image.sizeBytes, nodeCount: image.sizes.size };
  }

  hasImage(name: string, node: NodeState): boolean {
    return this.#images.get(name)?.sizes.has(node.name) ?? false;
  }

  #state(name: string): NodeState {
    return this.#byName.getOrInsertComputed(name, () => new NodeState(name));
  }

  #changed(state: NodeState): void {
    if (state.index >= 0) this.#changes.add(state);
  }

  /** Forgets a node that is neither known nor has anything on it. */
  #dropIfEmpty(state: NodeState): void {
    if (state.index < 0 && state.pods.size + state.nominated.size === 0) this.#byName.delete(state.name);
  }

  #rememberTerms({ shape, pod }: PlacedPod): void {
    if (!shape.hasAffinityTerms) return;
    const { namespace = "" } = pod.metadata;
    const byNamespace = this.#withTerms.getOrInsertComputed(shape, () => new Map());
    const newGroup = () => ({ shape, namespace, terms: podTermsOf(shape, namespace), count: 0 });
    byNamespace.getOrInsertComputed(namespace, newGroup).count++;
  }

  #forgetTerms({ shape, pod }: PlacedPod): void {
    const byNamespace = this.#withTerms.get(shape);
    const { namespace = "" } = pod.metadata;
    const group = byNamespace?.get(namespace);
    if (group === undefined || --group.count > 0) return;
    byNamespace?.delete(namespace);
    if (byNamespace?.size === 0) this.#withTerms.delete(shape);
  }

  #addImages(node: Node): void {
    for (const { names, sizeBytes } of node.status?.images ?? []) {
      for (const name of names ?? []) {
        const image = this.#images.getOrInsertComputed(name, () => ({ sizes: new Map(), sizeBytes: undefined }));
        image.sizes.set(node.metadata.name, Number(sizeBytes ?? 0));
        image.sizeBytes = undefined;
      }
    }
  }

  #forgetImages(node: Node | undefined): void {
    for (const { names } of node?.status?.images ?? []) {
      for (const name of names ?? []) {
        const image = this.#images.get(name);
        if (image === undefined) continue;
        image.sizes.delete(node!.metadata.name);
        image.sizeBytes = undefined;
        if (image.sizes.size === 0) this.#images.delete(name);
      }
    }
  }
}

/** Whether other pods' rules about pods see no difference. */
export function sameForOthers({ metadata: a }: Pod, { metadata: b }: Pod): boolean {
  return (
    (a.deletionTimestamp === undefined) === (b.deletionTimestamp === undefined) &&
    (a.labels === b.labels || deepEqual(a.labels, b.labels))
  );
}

function hasSoftTaint(node: Node | undefined): boolean {
  return node?.spec?.taints?.some((taint) => taint.effect === "PreferNoSchedule") ?? false;
}
