// The volumes of StatefulSets: each claim has one of its own, and goes only when the set's policy says so.
import type { KubeObject, PersistentVolumeClaim, Pod, StatefulSet } from "roder";
import { controller } from "./asked.ts";
import { type Invariant, isUp, type State, type Write } from "./state.ts";

/** The name of the claim templates that sets have here. */
export const claimTemplate = "data";

interface ScaledDown {
  /**
   * Whether the ordinal had a pod when it was not wanted any more, the last time, that went by its set. One that somebody
   * else takes may go before the set, which waits for others, has told its claim to go with it: so it is upstream.
   */
  hadPod: boolean;
  /** Whether it is wanted again. */
  isPast: boolean;
}

export class Claims implements Invariant {
  readonly #state: State;
  /** By the uids of claims whose ordinal was not wanted at some time. */
  readonly #scaledDown = new Map<string, ScaledDown>();
  /** What sets that are gone have said of their claims. */
  readonly #sets = new Map<string, StatefulSet>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, by, departure }: Write): Iterable<string> {
    if (departure && by !== controller("statefulset-controller")) this.#taken(departure.pod);
    // The kind says what they are.
    if (kind === "statefulsets") this.#note((now ?? before) as StatefulSet);
    if (kind !== "persistentvolumeclaims") return;
    const claim = (now ?? before) as PersistentVolumeClaim;
    if (now && claim.spec.volumeName !== (before as PersistentVolumeClaim | undefined)?.spec.volumeName) {
      yield* this.#shared(claim);
    }
    const isGoing = (object: KubeObject | undefined) => object?.metadata.deletionTimestamp !== undefined || !object;
    if (before && !isGoing(before) && isGoing(now)) yield* this.#judge(claim, by);
  }

  *#shared({ metadata, spec }: PersistentVolumeClaim): Iterable<string> {
    for (const other of this.#state.list<PersistentVolumeClaim>("persistentvolumeclaims")) {
      if (other.metadata.uid === metadata.uid || other.spec.volumeName !== spec.volumeName) continue;
      yield `${metadata.name} and ${other.metadata.name} are bound to the volume ${spec.volumeName}`;
    }
  }

  *#judge({ metadata }: PersistentVolumeClaim, by: string | undefined): Iterable<string> {
    const { name, uid } = metadata;
    // The namespace goes with everything in it.
    if (by === controller("namespace-controller")) return;
    const set = this.#sets.get(setOf(name));
    const { whenDeleted, whenScaled } = set?.spec.persistentVolumeClaimRetentionPolicy ?? {};
    const present = this.#state.find<StatefulSet>("statefulsets", set?.metadata.uid);
    const isSetGoing = !present || present.metadata.deletionTimestamp !== undefined;
    if (whenScaled === "Delete" && this.#scaledDown.has(uid)) return;
    if (whenDeleted === "Delete" && isSetGoing) return;
    yield `the claim ${name} goes by ${by} against the policy of its set (${whenDeleted}, ${whenScaled})`;
  }

  /** What is there and should have gone. */
  *atRest(): Iterable<string> {
    for (const { metadata } of this.#state.list<PersistentVolumeClaim>("persistentvolumeclaims")) {
      const { name, uid } = metadata;
      const set = this.#sets.get(setOf(name));
      const { whenDeleted, whenScaled } = set?.spec.persistentVolumeClaimRetentionPolicy ?? {};
      const isSetThere = this.#state.find("statefulsets", set?.metadata.uid) !== undefined;
      const isOrphan = set?.metadata.finalizers?.includes("orphan");
      if (!isSetThere && whenDeleted === "Delete" && !isOrphan) yield `the claim ${name} has outlived its set`;
      const isUnwanted = isSetThere && ordinalOf(name) >= (set?.spec.replicas ?? 1);
      // A claim goes with its pod. Where there was none, as in the middle of a rollout, it is nobody's to delete.
      if (isUnwanted && whenScaled === "Delete" && this.#scaledDown.get(uid)?.hadPod)
        yield `the claim ${name} has outlived its pod`;
    }
  }

  #taken({ metadata }: Pod): void {
    const name = `${claimTemplate}-${metadata.name}`;
    for (const claim of this.#state.list<PersistentVolumeClaim>("persistentvolumeclaims")) {
      const known = claim.metadata.name === name && this.#scaledDown.get(claim.metadata.uid);
      if (known && !known.isPast) known.hadPod = false;
    }
  }

  #note(set: StatefulSet): void {
    const { metadata, spec } = set;
    this.#sets.set(metadata.name, set);
    const pods = this.#state.controlledBy<Pod>(metadata.uid, "pods").filter(isUp);
    const ordinals = new Set(pods.map((pod) => ordinalOf(pod.metadata.name)));
    for (const claim of this.#state.list<PersistentVolumeClaim>("persistentvolumeclaims")) {
      const { name, uid } = claim.metadata;
      const ordinal = ordinalOf(name);
      if (setOf(name) !== metadata.name) continue;
      const isWanted = ordinal < (spec.replicas ?? 1);
      const known = this.#scaledDown.get(uid);
      if (known && isWanted) known.isPast = true;
      if (!isWanted && known?.isPast !== false)
        this.#scaledDown.set(uid, { hadPod: ordinals.has(ordinal), isPast: false });
    }
  }
}

/** The set whose claim has this name. */
export const setOf = (claim: string) => claim.slice(claimTemplate.length + 1, claim.lastIndexOf("-"));
export const ordinalOf = (claim: string) => Number(claim.slice(claim.lastIndexOf("-") + 1));
