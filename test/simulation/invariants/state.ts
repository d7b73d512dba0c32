// What stands in the storage, as far as the invariants look at it, and what stood there lately.

import { controllerOf, isPodReady, type KubeObject, type Pod } from "roder";
import type { Int64 } from "../../../src/lib/index.ts";
import type { Departure } from "./readiness.ts";

/** One change of one object, and in which request it happened. */
export interface Write {
  readonly kind: string;
  readonly before: KubeObject | undefined;
  readonly now: KubeObject | undefined;
  /** Who asked; undefined for what the API does by itself. */
  readonly by: string | undefined;
  readonly subresource: string | undefined;
  readonly atMs: number;
  /** The pod that is deleted by it. */
  readonly departure?: Departure | undefined;
}

/** Something that always holds. */
export interface Invariant {
  /** What a write breaks; the state is what it leaves. */
  problems(write: Write): Iterable<string>;
  /** What does not hold when all has come to rest. */
  atRest?(): Iterable<string>;
}

interface Specified<T> {
  readonly object: T;
  /** Since when its controller has observed a later one. */
  pastMs?: number;
}

/** The specifications of one object. What a controller did is measured by every one that it may have acted on. */
class Specifications<T extends KubeObject> {
  #all: Specified<T>[] = [];

  add(object: T, observedGeneration: Int64, keptMs: number, nowMs: number): void {
    const { generation = 0 } = object.metadata;
    if (this.#all.at(-1)?.object.metadata.generation !== generation) this.#all.push({ object });
    for (const each of this.#all) {
      if ((each.object.metadata.generation ?? 0) < (observedGeneration < generation ? observedGeneration : generation))
        each.pastMs ??= nowMs;
    }
    this.#all = this.#all.filter(({ pastMs = nowMs }) => nowMs - pastMs <= keptMs);
  }

  /** Those since the one that the controller says it has observed. */
  get open(): readonly T[] {
    return this.#all.filter(({ pastMs }) => pastMs === undefined).map(({ object }) => object);
  }

  since(ms: number): readonly T[] {
    return this.#all.filter(({ pastMs = ms }) => pastMs >= ms).map(({ object }) => object);
  }
}

interface Known {
  readonly kind: string;
  readonly key: string;
  readonly specs: Specifications<KubeObject>;
}

/** What the invariants look at. */
export const kinds: ReadonlySet<string> = new Set([
  ...["pods", "resourcequotas", "deployments", "replicasets", "statefulsets", "daemonsets", "jobs", "cronjobs"],
  ...["poddisruptionbudgets", "horizontalpodautoscalers", "persistentvolumeclaims", "nodes"],
]);

/** The plural that a key names. */
export const kindOf = (key: string): string => key.split("/", 4)[3] ?? "";

export class State {
  /** How long what has passed is remembered: as long as a controller may go on acting on it. */
  readonly keptMs: number;
  /** How late controllers may see what is. */
  readonly lateMs: number;
  readonly #byKind = new Map<string, Map<string, KubeObject>>();
  readonly #byUid = new Map<string, Known>();
  /** What an object controls, by kind and its uid. */
  readonly #controlled = new Map<string, Map<string, KubeObject>>();

  /** By the uid of its owner, when something was created of which it was not told. */
  readonly #overlooked = new Map<string, number[]>();

  constructor({ keptMs, lateMs }: Pick<State, "keptMs" | "lateMs">) {
    this.keptMs = keptMs;
    this.lateMs = lateMs;
  }

  /** Returns what was there before. */
  set(kind: string, key: string, object: KubeObject | undefined, nowMs: number): KubeObject | undefined {
    const objects = this.#byKind.getOrInsertComputed(kind, () => new Map());
    const before = objects.get(key);
    if (before) this.#unlink(key, before);
    if (!object) {
      objects.delete(key);
      if (before) this.#byUid.delete(before.metadata.uid);
      return before;
    }
    objects.set(key, object);
    const owner = controllerOf(object)?.uid;
    if (owner !== undefined) {
      this.#controlled.getOrInsertComputed(`${kind} ${owner}`, () => new Map()).set(key, object);
    }
    const { uid } = object.metadata;
    const known = this.#byUid.getOrInsertComputed(uid, () => ({ kind, key, specs: new Specifications() }));
    if (kind !== "pods" && kind !== "nodes") known.specs.add(object, observedOf(kind, object), this.keptMs, nowMs);
    return before;
  }

  list<T extends KubeObject>(kind: string): readonly T[] {
    // The key says the kind.
    return [...(this.#byKind.get(kind)?.values() ?? [])] as T[];
  }

  /** The object of this kind that has the uid. */
  find<T extends KubeObject>(kind: string, uid: string | undefined): T | undefined {
    const known = uid === undefined ? undefined : this.#byUid.get(uid);
    // The key says the kind.
    return known?.kind === kind ? (this.#byKind.get(kind)?.get(known.key) as T | undefined) : undefined;
  }

  /** The object that has the uid, of whatever kind. */
  anyOf(uid: string): KubeObject | undefined {
    const known = this.#byUid.get(uid);
    return known && this.#byKind.get(known.kind)?.get(known.key);
  }

  allControlledBy(uid: string): readonly KubeObject[] {
    return [...kinds].flatMap((kind) => this.controlledBy(uid, kind));
  }

  controlledBy<T extends KubeObject>(uid: string, kind: string): readonly T[] {
    // The key says the kind.
    return [...(this.#controlled.get(`${kind} ${uid}`)?.values() ?? [])] as T[];
  }

  /** The specifications that the controller of the object may still act on. */
  specs<T extends KubeObject>({ metadata }: T): readonly T[] {
    return (this.#byUid.get(metadata.uid)?.specs.open ?? []) as readonly T[]; // of the same object
  }

  /** Those, and those that it acted on lately. */
  lateSpecs<T extends KubeObject>({ metadata }: T, nowMs: number): readonly T[] {
    return (this.#byUid.get(metadata.uid)?.specs.since(nowMs - this.keptMs) ?? []) as readonly T[]; // of the same object
  }

  noteOverlooked(object: KubeObject, nowMs: number): void {
    const owner = controllerOf(object)?.uid;
    if (owner !== undefined) this.#overlooked.getOrInsertComputed(owner, () => []).push(nowMs);
  }

  /** How many more objects than it knows of the owner may have: it makes one again until its cache shows it the first. */
  overlookedOf(owner: string, nowMs: number): number {
    return this.#overlooked.get(owner)?.filter((ms) => nowMs - ms <= this.keptMs).length ?? 0;
  }

  #unlink(key: string, object: KubeObject): void {
    const owner = controllerOf(object)?.uid;
    if (owner === undefined) return;
    const place = `${kindOf(key)} ${owner}`;
    const controlled = this.#controlled.get(place);
    controlled?.delete(key);
    if (controlled?.size === 0) this.#controlled.delete(place);
  }
}

/** The generation that its controller has observed. A Job says nowhere which, and counts as observed at once. */
function observedOf(kind: string, { metadata, ...object }: KubeObject): number {
  if (kind === "jobs") return Number(metadata.generation ?? 0);
  const { status } = object as { readonly status?: { readonly observedGeneration?: number } }; // of those that have one
  return status?.observedGeneration ?? 0;
}

export const isTerminal = ({ status }: Pod) => status.phase === "Succeeded" || status.phase === "Failed";
export const isUp = (pod: Pod) => pod.metadata.deletionTimestamp === undefined && !isTerminal(pod);
export const isAvailable = (pod: Pod) => isUp(pod) && isPodReady(pod);

/** The node that a pod of a DaemonSet is for: it is named by an affinity to the node's name. */
export function daemonNodeOf({ spec }: Pod): string | undefined {
  const terms = spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  return terms?.[0]?.matchFields?.[0]?.values?.[0];
}

export const ordinalOf = ({ metadata }: Pod) => Number(metadata.name.slice(metadata.name.lastIndexOf("-") + 1));
