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
  /** The names of volumes that claims will get. */
  readonly #taken = new Set<string>();
  /** By the claim's uid, the name of its volume. */
  readonly #volumes = new Map<string, string>();
  /** By the claim's uid, the node on which its volume will be made. */
  readonly #nodes = new Map<string, string>();

  /** Holds what was chosen for a pod until `forget`. */
  assume(podUid: string, choice: VolumeChoice, nodeName: string): void {
    const held = { ...choice, nodeName };
    this.#byPod.set(podUid, held);
    this.#remember(held);
  }

  of(podUid: string): VolumeChoice | undefined {
    return this.#byPod.get(podUid);
  }

  forget(podUid: string): void {
    const held = this.#byPod.get(podUid);
    if (held === undefined) return;
    this.#byPod.delete(podUid);
    for (const { volume, claim } of held.reservations) {
      this.#taken.delete(volume.metadata.name);
      this.#volumes.delete(claim.metadata.uid);
    }
    for (const { metadata } of held.provisions) this.#nodes.delete(metadata.uid);
    // Two pods may share a claim: what the other one holds stays.
    for (const other of this.#byPod.values()) this.#remember(other);
  }

  /** The name of the volume that the claim will get. */
  volumeOf({ metadata }: PersistentVolumeClaim): string | undefined {
    return this.#volumes.get(metadata.uid);
  }

  /** The node on which the claim's volume will be made. */
  nodeOf({ metadata }: PersistentVolumeClaim): string | undefined {
    return this.#nodes.get(metadata.uid);
  }

  isTaken(volume: string): boolean {
    return this.#taken.has(volume);
  }

  #remember({ reservations, provisions, nodeName }: Held): void {
    for (const { volume, claim } of reservations) {
      this.#taken.add(volume.metadata.name);
      this.#volumes.set(claim.metadata.uid, volume.metadata.name);
    }
    for (const { metadata } of provisions) this.#nodes.set(metadata.uid, nodeName);
  }
}
