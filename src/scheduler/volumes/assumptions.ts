import type { PersistentVolumeClaim } from "../../api/index.ts";
import type { VolumeChoice } from "./volume-choice.ts";

/** What a claim will get: a volume, or one that is made on the node. */
interface Assumed {
  readonly volume: string | undefined;
  readonly nodeName: string;
  /** How many pods were decided on with it: they may share a claim, and then also what was decided for it. */
  pods: number;
}

/**
 * What was decided for pods whose claims are not bound yet. The informers do not show it before it is written, and the
 * next pod must not be given the same volume.
 */
export class Assumptions {
  readonly #byPod = new Map<string, VolumeChoice>();
  /** By the claim's uid. */
  readonly #claims = new Map<string, Assumed>();
  /** The names of volumes that claims will get. */
  readonly #taken = new Set<string>();

  /** Holds what was chosen for a pod until `forget`. */
  assume(podUid: string, choice: VolumeChoice, nodeName: string): void {
    this.#byPod.set(podUid, choice);
    for (const { volume, claim } of choice.reservations) this.#hold(claim, volume.metadata.name, nodeName);
    for (const claim of choice.provisions) this.#hold(claim, undefined, nodeName);
  }

  of(podUid: string): VolumeChoice | undefined {
    return this.#byPod.get(podUid);
  }

  forget(podUid: string): void {
    const choice = this.#byPod.get(podUid);
    this.#byPod.delete(podUid);
    for (const { claim } of choice?.reservations ?? []) this.#release(claim);
    for (const claim of choice?.provisions ?? []) this.#release(claim);
  }

  /** The name of the volume that the claim will get. */
  volumeOf({ metadata }: PersistentVolumeClaim): string | undefined {
    return this.#claims.get(metadata.uid)?.volume;
  }

  /** The node on which the claim's volume will be made. */
  nodeOf({ metadata }: PersistentVolumeClaim): string | undefined {
    const assumed = this.#claims.get(metadata.uid);
    return assumed?.volume === undefined ? assumed?.nodeName : undefined;
  }

  isTaken(volume: string): boolean {
    return this.#taken.has(volume);
  }

  #hold({ metadata }: PersistentVolumeClaim, volume: string | undefined, nodeName: string): void {
    if (volume !== undefined) this.#taken.add(volume);
    this.#claims.getOrInsertComputed(metadata.uid, () => ({ volume, nodeName, pods: 0 })).pods++;
  }

  #release({ metadata }: PersistentVolumeClaim): void {
    const assumed = this.#claims.get(metadata.uid);
    if (assumed === undefined || --assumed.pods > 0) return;
    this.#claims.delete(metadata.uid);
    if (assumed.volume !== undefined) this.#taken.delete(assumed.volume);
  }
}
