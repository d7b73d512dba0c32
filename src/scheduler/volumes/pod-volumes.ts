// The claims of a pod, and what they are bound to.
import {
  bindCompletedAnnotation,
  claimClass,
  isControlledBy,
  isReservedFor,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumeClaims,
  type Pod,
  podClaims,
  type StorageClass,
  StorageClasses,
  volumeClass,
} from "../../api/index.ts";
import type { Informer } from "../../client/index.ts";
import type { PluginContext } from "../plugin.ts";
import { type Rejection, unresolvable } from "../rule.ts";

export interface PodVolumes {
  readonly bound: readonly PersistentVolumeClaim[];
  /** Those for which the scheduler finds a volume, or a node on which one is to be made. */
  readonly waiting: readonly PersistentVolumeClaim[];
}

const unboundImmediate = unresolvable("pod has unbound immediate PersistentVolumeClaims");

/** Reads the claims that pods name. */
export class PodVolumeReader {
  readonly #claims: Informer<PersistentVolumeClaim>;
  readonly #classes: Informer<StorageClass>;

  constructor({ informer }: PluginContext) {
    this.#claims = informer(PersistentVolumeClaims);
    this.#classes = informer(StorageClasses);
  }

  /** The pod's claims; or why it can go nowhere, in the words of kube-scheduler's VolumeBinding. */
  read(pod: Pod): PodVolumes | Rejection {
    const bound: PersistentVolumeClaim[] = [];
    const waiting: PersistentVolumeClaim[] = [];
    const { namespace = "" } = pod.metadata;
    for (const { name, isEphemeral } of podClaims(pod)) {
      const claim = this.#claims.get(`${namespace}/${name}`);
      const why = claim ? whyNotYet(claim, pod, isEphemeral) : whyMissing(name, isEphemeral);
      if (claim === undefined || why !== undefined) return unresolvable(why ?? "");
      if (isBound(claim)) bound.push(claim);
      else if (this.#waits(claim)) waiting.push(claim);
      else return unboundImmediate;
    }
    return { bound, waiting };
  }

  /** Whether a volume is, or may become, one of the pod's. */
  mayUse(pod: Pod, volume: PersistentVolume): boolean {
    return this.#claimsOf(pod).some((claim) => {
      const { volumeName } = claim.spec;
      if (volumeName) return volumeName === volume.metadata.name;
      return volume.spec.claimRef ? isReservedFor(volume, claim) : volumeClass(volume) === claimClass(claim);
    });
  }

  /** Whether a claim of the pod is of the class. */
  namesClass(pod: Pod, name: string): boolean {
    return this.#claimsOf(pod).some((claim) => claimClass(claim) === name);
  }

  classOf(claim: PersistentVolumeClaim): StorageClass | undefined {
    return this.#classes.get(claimClass(claim));
  }

  #claimsOf(pod: Pod): PersistentVolumeClaim[] {
    return podClaims(pod).flatMap(({ name }) => this.#claims.get(`${pod.metadata.namespace ?? ""}/${name}`) ?? []);
  }

  #waits(claim: PersistentVolumeClaim): boolean {
    return !claim.spec.volumeName && this.classOf(claim)?.volumeBindingMode === "WaitForFirstConsumer";
  }
}

/** Whether the binder is done with the claim. */
export function isBound({ metadata, spec }: PersistentVolumeClaim): boolean {
  return Boolean(spec.volumeName) && metadata.annotations?.[bindCompletedAnnotation] !== undefined;
}

/** Whether the claim is one of the pod's. */
export function namesClaim(pod: Pod, { metadata }: PersistentVolumeClaim): boolean {
  return metadata.namespace === pod.metadata.namespace && podClaims(pod).some(({ name }) => name === metadata.name);
}

function whyMissing(name: string, isEphemeral: boolean): string {
  return isEphemeral
    ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
    : `persistentvolumeclaim "${name}" not found`;
}

function whyNotYet(claim: PersistentVolumeClaim, pod: Pod, isEphemeral: boolean): string | undefined {
  const { name, namespace, deletionTimestamp } = claim.metadata;
  if (claim.status?.phase === "Lost") {
    return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec.volumeName ?? ""}"`;
  }
  if (deletionTimestamp !== undefined) return `persistentvolumeclaim "${name}" is being deleted`;
  if (isEphemeral && !isControlledBy(claim, pod)) {
    return `PVC ${namespace}/${name} was not created for pod ${namespace}/${pod.metadata.name} (pod is not owner)`;
  }
  return undefined;
}
