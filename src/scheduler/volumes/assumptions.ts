import type { PersistentVolumeClaim } from "../../api/index.ts";
import type { VolumeChoice } from "./volume-choice.ts";

interface Held extends VolumeChoice {
  readonly nodeName: string;
}

/**
 * What was decided for pods whose claims are not bound yet. The informers do not show it before it is written, and the
 * next pod must not be given the same volume.
 */
export class Assumptions {
  readonly #byPod = new Map<string, Held>();
  /** By the volume's name, the claim's uid. */
  readonly #taken = new Map<string, string>();

  /** Holds what was chosen for a pod until `forget`. */
  assume(podUid: string, choice: VolumeChoice, nodeName: string): void {
    this.#byPod.set(podUid, { ...choice, nodeName });
    for (const { volume, claim } of choice.reservations) this.#taken.set(volume.metadata.name, claim.metadata.uid);
  }

  of(podUid: string): VolumeChoice | undefined {
    return this.#byPod.get(podUid);
  }

  forget(podUid: string): void {
    const held = this.#byPod.get(podUid);
    if (held === undefined) return;
    this.#byPod.delete(podUid);
    for (const { volume } of held.reservations) this.#taken.delete(volume.metadata.name);
    // Two pods may share a claim: what the other one holds stays.
    for (const { reservations } of this.#byPod.values()) {
      for (const { volume, claim } of reservations) this.#taken.set(volume.metadata.name, claim.metadata.uid);
    }
  }

  /** The name of the volume that the claim will get. */
  volumeOf({ metadata }: PersistentVolumeClaim): string | undefined {
    for (const [volume, claim] of this.#taken) if (claim === metadata.uid) return volume;
    return undefined;
  }

  /** The node on which the claim's volume will be made. */
  nodeOf({ metadata }: PersistentVolumeClaim): string | undefined {
    for (const { provisions, nodeName } of this.#byPod.values()) {
      if (provisions.some((claim) => claim.metadata.uid === metadata.uid)) return nodeName;
    }
    return undefined;
  }

  isTaken(volume: string): boolean {
    return this.#taken.has(volume);
  }
}
