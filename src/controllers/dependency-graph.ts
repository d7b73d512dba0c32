// Who owns whom, by uid: the memory of the garbage collector. No I/O.
import { foregroundFinalizer, type KubeObject, type OwnerReference, orphanFinalizer } from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import type { ServedKind } from "./resource-catalog.ts";

type Uid = string;

export interface GraphNode {
  readonly resource: ServedKind;
  readonly object: KubeObject;
}

export function ownersOf(object: KubeObject): readonly OwnerReference[] {
  return object.metadata.ownerReferences ?? [];
}

export function isBeingDeleted({ metadata }: KubeObject): boolean {
  return metadata.deletionTimestamp !== undefined;
}

/** Whether the object waits until its dependents are gone. */
export function waitsForDependents(object: KubeObject): boolean {
  return isBeingDeleted(object) && (object.metadata.finalizers ?? []).includes(foregroundFinalizer);
}

/** Whether the object waits until its dependents are set free. */
export function waitsForOrphaning(object: KubeObject): boolean {
  return isBeingDeleted(object) && (object.metadata.finalizers ?? []).includes(orphanFinalizer);
}

export class DependencyGraph {
  readonly #nodes = new Map<Uid, GraphNode>();
  readonly #dependents = new Map<Uid, Set<Uid>>();

  get(uid: Uid): GraphNode | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: Uid): readonly GraphNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((each) => this.#nodes.get(each) ?? []);
  }

  /**
   * Takes in an object as it is now; of one that is new nothing is looked up. Returns the uids of those that must be
   * looked at because of it.
   */
  put(resource: ServedKind, object: KubeObject, isNew = false): ReadonlySet<Uid> {
    const { uid } = object.metadata;
    const before = isNew ? undefined : this.#nodes.get(uid)?.object;
    this.#nodes.set(uid, { resource, object });
    const affected = new Set<Uid>();
    const ownersChanged = !deepEqual(before?.metadata.ownerReferences ?? [], ownersOf(object));
    if (ownersChanged) {
      if (before) this.#unlink(before);
      for (const owner of ownersOf(object)) this.#link(owner.uid, uid);
      // An owner that waits may wait no more for an object that has left it, or that blocks it no more.
      if (before) this.#addWaitingOwners(before, affected);
      affected.add(uid);
    }
    if (waitsForOrphaning(object)) affected.add(uid);
    if (waitsForDependents(object)) {
      affected.add(uid);
      if (!before || !waitsForDependents(before)) this.#addDependents(uid, affected);
    }
    return affected;
  }

  /** Forgets an object that is gone. Returns as `put` does. */
  remove(object: KubeObject): ReadonlySet<Uid> {
    const { uid } = object.metadata;
    const affected = new Set<Uid>();
    const known = this.#nodes.get(uid);
    this.#nodes.delete(uid);
    if (known) this.#unlink(known.object);
    this.#addDependents(uid, affected);
    this.#addWaitingOwners(known?.object ?? object, affected);
    return affected;
  }

  /** All objects of a kind. */
  ofKind(kind: ServedKind): readonly GraphNode[] {
    return [...this.#nodes.values()].filter(({ resource }) => resource === kind);
  }

  #link(owner: Uid, dependent: Uid): void {
    const dependents = this.#dependents.get(owner);
    if (dependents) dependents.add(dependent);
    else this.#dependents.set(owner, new Set([dependent]));
  }

  #unlink(object: KubeObject): void {
    for (const { uid } of ownersOf(object)) {
      const dependents = this.#dependents.get(uid);
      dependents?.delete(object.metadata.uid);
      if (dependents?.size === 0) this.#dependents.delete(uid);
    }
  }

  #addDependents(uid: Uid, to: Set<Uid>): void {
    for (const dependent of this.#dependents.get(uid) ?? []) to.add(dependent);
  }

  #addWaitingOwners(object: KubeObject, to: Set<Uid>): void {
    for (const { uid } of ownersOf(object)) {
      const owner = this.#nodes.get(uid);
      if (owner && waitsForDependents(owner.object)) to.add(uid);
    }
  }
}
