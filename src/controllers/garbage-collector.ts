// Deletes what has lost its owners, and holds back or sets free dependents as a deletion asked for.
// https://kubernetes.io/docs/concepts/architecture/garbage-collection/ and pkg/controller/garbagecollector.
import {
  ApiError,
  foregroundFinalizer,
  type KubeObject,
  type OwnerReference,
  orphanFinalizer,
  parseApiVersion,
} from "../api/index.ts";
import { defineController, type Informer, type InformerSet, type ReconcileContext } from "../client/index.ts";
import { type Clock, pause } from "../lib/index.ts";
import {
  DependencyGraph,
  type GraphNode,
  isBeingDeleted,
  ownersOf,
  waitsForDependents,
  waitsForOrphaning,
} from "./dependency-graph.ts";
import { deletableResources, type KindCatalog, type ServedKind } from "./resource-catalog.ts";

/** The garbage collector of all kinds in `catalog`, as they come and go. Its keys are uids. */
export function garbageCollector(catalog: KindCatalog, informers: InformerSet) {
  const collector = new Collector(catalog, informers);
  return defineController({
    name: "garbage-collector-controller",
    concurrency: 20,
    watches: {},
    start: (context, enqueue) => collector.start(context, enqueue),
    reconcile: (context, uid) => collector.reconcile(context, uid),
  });
}

/** A kind that cannot be listed by then (its conversion webhook is broken, say) holds nothing up; as upstream. */
const syncPatienceMs = 30_000;

interface WatchedKind {
  readonly informer: Informer;
  readonly stop: () => void;
  /** Since when it is watched. */
  readonly sinceMs: number;
}

type OwnerState = "solid" | "dangling" | "waiting";

class Collector {
  readonly #catalog: KindCatalog;
  readonly #informers: InformerSet;
  readonly #graph = new DependencyGraph();
  readonly #watched = new Map<ServedKind, WatchedKind>();
  /** Those of them whose objects are not all known yet. */
  readonly #unsynced = new Set<WatchedKind>();
  /** What is served, by `group/kind`: looked up for every owner. */
  #served: ReadonlyMap<string, readonly ServedKind[]> = new Map();
  /** Objects with an owner of a kind that is not served; looked at again when the kinds change. */
  readonly #unresolved = new Set<string>();

  constructor(catalog: KindCatalog, informers: InformerSet) {
    this.#catalog = catalog;
    this.#informers = informers;
  }

  start({ clock, signal }: ReconcileContext, enqueue: (uid: string) => void): void {
    this.#watchKinds(clock, enqueue);
    const stopListening = this.#catalog.onChange(() => {
      this.#watchKinds(clock, enqueue);
      for (const uid of this.#unresolved) enqueue(uid);
      this.#unresolved.clear();
    });
    signal.addEventListener("abort", stopListening, { once: true });
  }

  async reconcile(context: ReconcileContext, uid: string): Promise<void> {
    // An owner must not be let go before all its dependents are known.
    for (const watched of this.#unsynced) {
      if (!watched.informer.hasSynced) await syncedInTime(watched, context);
      if (watched.informer.hasSynced) this.#unsynced.delete(watched);
    }
    const node = this.#graph.get(uid);
    if (!node) return;
    if (waitsForOrphaning(node.object)) await this.#orphanDependents(context, node);
    else if (waitsForDependents(node.object)) await this.#releaseWhenAlone(context, node);
    else if (!isBeingDeleted(node.object)) await this.#collect(context, node);
  }

  #watchKinds(clock: Clock, enqueue: (uid: string) => void): void {
    const kinds = new Set(deletableResources(this.#catalog).filter(isCollected));
    this.#served = Map.groupBy(this.#catalog.all(), ({ group, kind }) => `${group}/${kind}`);
    for (const [kind, watched] of this.#watched) {
      if (kinds.has(kind)) continue;
      watched.stop();
      this.#watched.delete(kind);
      this.#unsynced.delete(watched);
      // A definition that replaces another goes on with its informer.
      if ([...kinds].some((each) => isSameResource(each, kind))) continue;
      this.#informers.drop(kind);
      for (const { object } of this.#graph.ofKind(kind)) {
        for (const uid of this.#graph.remove(object)) enqueue(uid);
      }
    }
    for (const kind of kinds) {
      if (this.#watched.has(kind)) continue;
      const informer = this.#informers.informer(kind);
      const stop = informer.addHandler(({ type, object }) => {
        if (type === "delete") this.#unresolved.delete(object.metadata.uid);
        const affected = type === "delete" ? this.#graph.remove(object) : this.#graph.put(kind, object, type === "add");
        for (const uid of affected) enqueue(uid);
      });
      const watched = { informer, stop, sinceMs: clock.monotonicMs() };
      this.#watched.set(kind, watched);
      this.#unsynced.add(watched);
    }
  }

  /** Deletes an object none of whose owners exists, and cleans the references of one that keeps some. */
  async #collect(context: ReconcileContext, node: GraphNode): Promise<void> {
    const owners = ownersOf(node.object);
    if (owners.length === 0) return;
    const states = await Promise.all(owners.map((owner) => this.#stateOf(context, node, owner)));
    const inState = (state: OwnerState) => owners.filter((_owner, index) => states[index] === state);
    const solid = inState("solid");
    const waiting = inState("waiting");
    if (solid.length === owners.length) return;
    if (solid.length > 0) {
      await setOwners(context, node, solid);
      return;
    }
    const dependents = this.#graph.dependentsOf(node.object.metadata.uid);
    if (waiting.length === 0 || dependents.length === 0) {
      await deleteNode(context, node, policyOf(node.object));
      return;
    }
    // In a circle of owners everyone would wait for the next one, so this one blocks nobody. Its change brings it back.
    const isInCircle = dependents.some(({ object }) => waitsForDependents(object));
    if (isInCircle && owners.some((owner) => owner.blockOwnerDeletion)) {
      const harmless = owners.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
      await setOwners(context, node, harmless);
      return;
    }
    await deleteNode(context, node, "Foreground");
  }

  async #stateOf(context: ReconcileContext, node: GraphNode, owner: OwnerReference): Promise<OwnerState> {
    const kind = this.#kindOf(owner);
    if (!kind) {
      // What cannot be looked up cannot be known to be gone.
      this.#unresolved.add(node.object.metadata.uid);
      return "solid";
    }
    const namespace = node.object.metadata.namespace;
    const known = this.#graph.get(owner.uid);
    if (kind.namespaced && namespace === undefined) {
      if (known?.object.metadata.namespace !== undefined) reportInvalidNamespace(context, node.object, owner);
      return "solid";
    }
    if (known) {
      const { metadata } = known.object;
      const isInReach = metadata.namespace === undefined || metadata.namespace === namespace;
      if (isInReach && metadata.name === owner.name && known.resource.kind === owner.kind)
        return ownerState(known.object);
      if (!isInReach) reportInvalidNamespace(context, node.object, owner);
    }
    return await this.#liveStateOf(context, kind, namespace, owner);
  }

  /** Asks the server about an owner that the cache does not show. */
  async #liveStateOf(
    { client }: ReconcileContext,
    kind: ServedKind,
    namespace: string | undefined,
    owner: OwnerReference,
  ): Promise<OwnerState> {
    const key = { name: owner.name, ...(kind.namespaced && namespace !== undefined ? { namespace } : {}) };
    try {
      const found = await client.get(kind, key);
      return found.metadata.uid === owner.uid ? ownerState(found) : "dangling";
    } catch (error) {
      if (error instanceof ApiError && error.code === 404) return "dangling";
      throw error;
    }
  }

  /** Undefined where the reference's version is not served either, though others of the kind are. */
  #kindOf({ apiVersion, kind }: OwnerReference): ServedKind | undefined {
    const { group, version } = parseApiVersion(apiVersion);
    return this.#served.get(`${group}/${kind}`)?.find((each) => each.version === version);
  }

  /** Lets an owner go when nothing that blocks it is left. What is left is collected under its own key. */
  async #releaseWhenAlone(context: ReconcileContext, node: GraphNode): Promise<void> {
    const { uid } = node.object.metadata;
    const isBlocked = this.#graph
      .dependentsOf(uid)
      .some(({ object }) => ownersOf(object).some((each) => each.uid === uid && each.blockOwnerDeletion === true));
    if (!isBlocked) await removeFinalizer(context, node, foregroundFinalizer);
  }

  async #orphanDependents(context: ReconcileContext, node: GraphNode): Promise<void> {
    const { uid } = node.object.metadata;
    const dependents = this.#graph.dependentsOf(uid);
    await Promise.all(
      dependents.map((dependent) =>
        setOwners(
          context,
          dependent,
          ownersOf(dependent.object).filter((each) => each.uid !== uid),
        ),
      ),
    );
    await removeFinalizer(context, node, orphanFinalizer);
  }
}

async function syncedInTime(
  { informer, sinceMs }: WatchedKind,
  { clock, signal, log }: ReconcileContext,
): Promise<void> {
  const leftMs = sinceMs + syncPatienceMs - clock.monotonicMs();
  if (leftMs <= 0) return;
  const over = new AbortController();
  await Promise.race([informer.synced(), pause(clock, leftMs, AbortSignal.any([signal, over.signal]))]);
  over.abort();
  if (!informer.hasSynced) log.warn("a kind cannot be listed", { resource: informer.resource.plural });
}

/** What cannot be watched is not known. Events are left to their time to live; upstream ignores them too. */
function isCollected({ group, plural, verbs }: ServedKind): boolean {
  return verbs.includes("watch") && (plural !== "events" || (group !== "" && group !== "events.k8s.io"));
}

function isSameResource(a: ServedKind, b: ServedKind): boolean {
  return a.group === b.group && a.version === b.version && a.plural === b.plural;
}

function ownerState(owner: KubeObject): OwnerState {
  return waitsForDependents(owner) ? "waiting" : "solid";
}

/** What becomes of the object's own dependents: what its finalizers ask for already. */
function policyOf({ metadata }: KubeObject): "Orphan" | "Foreground" | "Background" {
  if (metadata.finalizers?.includes(orphanFinalizer)) return "Orphan";
  return metadata.finalizers?.includes(foregroundFinalizer) ? "Foreground" : "Background";
}

function reportInvalidNamespace({ events }: ReconcileContext, object: KubeObject, owner: OwnerReference): void {
  const { namespace = "" } = object.metadata;
  const reference = `[${owner.apiVersion}/${owner.kind}, namespace: ${namespace}, name: ${owner.name}, uid: ${owner.uid}]`;
  const message = `ownerRef ${reference} does not exist in namespace ${JSON.stringify(namespace)}`;
  events.warning(object, "OwnerRefInvalidNamespace", message);
}

/** Deletes exactly the version that was judged: had it got an owner meanwhile, the server would refuse. */
async function deleteNode(
  { client }: ReconcileContext,
  { resource, object }: GraphNode,
  propagationPolicy: "Orphan" | "Foreground" | "Background",
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  await unlessGone(
    client.delete(resource, object.metadata, { body: { propagationPolicy, preconditions: { uid, resourceVersion } } }),
  );
}

async function setOwners(
  { client }: ReconcileContext,
  { resource, object }: GraphNode,
  owners: readonly OwnerReference[],
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const ownerReferences = owners.length === 0 ? null : owners;
  await unlessGone(client.patch(resource, object.metadata, { metadata: { uid, resourceVersion, ownerReferences } }));
}

async function removeFinalizer(
  { client }: ReconcileContext,
  { resource, object }: GraphNode,
  finalizer: string,
): Promise<void> {
  const { uid, resourceVersion } = object.metadata;
  const finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== finalizer);
  await unlessGone(client.patch(resource, object.metadata, { metadata: { uid, resourceVersion, finalizers } }));
}

async function unlessGone(write: Promise<unknown>): Promise<void> {
  try {
    await write;
  } catch (error) {
    // It is gone, which is all that was wanted.
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
}
