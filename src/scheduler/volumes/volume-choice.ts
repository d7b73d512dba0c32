// Which volumes a pod's claims would get on a node: the decisions of pkg/scheduler/framework/plugins/volumebinding.
import {
  type CSIDriver,
  CSIDrivers,
  CSIStorageCapacities,
  type CSIStorageCapacity,
  claimClass,
  claimRefKey,
  compareFits,
  compareQuantities,
  freeVolumeClass,
  isFreeFor,
  isReservationGood,
  isVolumeReachable,
  matchesLabelSelector,
  type Node,
  type PersistentVolume,
  type PersistentVolumeClaim,
  PersistentVolumes,
  type StorageClass,
  selectedNodeAnnotation,
  type TopologySelectorTerm,
} from "../../api/index.ts";
import { type Informer, keyOf } from "../../client/index.ts";
import type { PluginContext } from "../plugin.ts";
import type { Assumptions } from "./assumptions.ts";
import type { PodVolumeReader, PodVolumes } from "./pod-volumes.ts";

/** A volume that is there, for a claim. */
export interface Reservation {
  readonly volume: PersistentVolume;
  readonly claim: PersistentVolumeClaim;
}

/** What has to be done for a pod's claims on a node. */
export interface VolumeChoice {
  readonly reservations: readonly Reservation[];
  /** For these a provisioner is to make a volume that the node reaches. */
  readonly provisions: readonly PersistentVolumeClaim[];
}

const otherNode = "node(s) didn't match PersistentVolume's node affinity";
const noVolume = "node(s) didn't find available persistent volumes to bind";
const noSpace = "node(s) did not have enough free storage";
const lostVolume = "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)";

/** A class with it has only volumes that are there. */
const noProvisioner = "kubernetes.io/no-provisioner";

export class VolumeChooser {
  readonly #reader: PodVolumeReader;
  readonly #assumptions: Assumptions;
  readonly #volumes: Informer<PersistentVolume>;
  readonly #drivers: Informer<CSIDriver>;
  readonly #capacities: Informer<CSIStorageCapacity>;

  constructor({ informer }: PluginContext, reader: PodVolumeReader, assumptions: Assumptions) {
    this.#reader = reader;
    this.#assumptions = assumptions;
    this.#volumes = informer(PersistentVolumes);
    // Bound volumes, which are most, are not looked at for every node.
    this.#volumes.addIndex("free.class", freeVolumeClass);
    this.#volumes.addIndex("claimRef", claimRefKey);
    this.#drivers = informer(CSIDrivers);
    this.#capacities = informer(CSIStorageCapacities);
  }

  /** What the claims get on the node, or the reasons why the node cannot serve them. */
  choose({ bound, waiting }: PodVolumes, node: Node): VolumeChoice | readonly string[] {
    const reasons: string[] = [];
    const volumes = bound.map(({ spec }) => this.#volumes.get(spec.volumeName ?? ""));
    if (volumes.some((volume) => volume && !isVolumeReachable(volume, node))) reasons.push(otherNode);
    const choice = this.#chooseFor(waiting, node);
    if (typeof choice === "string") reasons.push(choice);
    if (volumes.includes(undefined)) reasons.push(lostVolume);
    return typeof choice === "string" || reasons.length > 0 ? reasons : choice;
  }

  #chooseFor(waiting: readonly PersistentVolumeClaim[], node: Node): VolumeChoice | string {
    const reservations: Reservation[] = [];
    const provisions: PersistentVolumeClaim[] = [];
    // The smallest first, so that a small claim does not take the volume that a large one needs.
    for (const claim of waiting.length > 1 ? waiting.toSorted(compareClaims) : waiting) {
      const selected = this.#assumptions.nodeOf(claim) ?? claim.metadata.annotations?.[selectedNodeAnnotation];
      if (selected !== undefined && selected !== node.metadata.name) return noVolume;
      const volume = selected === undefined ? this.#find(claim, node, reservations) : undefined;
      if (volume) reservations.push({ volume, claim });
      else provisions.push(claim);
    }
    for (const claim of provisions) {
      const storageClass = this.#reader.classOf(claim);
      if (!storageClass || storageClass.provisioner === noProvisioner) return noVolume;
      if (!matchesTopology(storageClass.allowedTopologies, node)) return noVolume;
      if (!this.#hasCapacity(storageClass, claim, node)) return noSpace;
    }
    return { reservations, provisions };
  }

  /** The volume that is reserved for the claim, if the node reaches it, or else the free one that fits best. */
  #find(claim: PersistentVolumeClaim, node: Node, chosen: readonly Reservation[]): PersistentVolume | undefined {
    const assumed = this.#assumptions.volumeOf(claim);
    const reserved =
      assumed === undefined
        ? this.#volumes.byIndex("claimRef", keyOf(claim)).find((volume) => isReservationGood(volume, claim))
        : this.#volumes.get(assumed);
    if (reserved) return isVolumeReachable(reserved, node) ? reserved : undefined;
    let best: PersistentVolume | undefined;
    for (const volume of this.#volumes.byIndex("free.class", claimClass(claim))) {
      if (!isFreeFor(volume, claim) || this.#assumptions.isTaken(volume.metadata.name)) continue;
      if (chosen.some((other) => other.volume === volume) || !isVolumeReachable(volume, node)) continue;
      if (best === undefined || compareFits(volume, best) < 0) best = volume;
    }
    return best;
  }

  /** Asked only of drivers that publish how much they have. */
  #hasCapacity({ metadata, provisioner }: StorageClass, claim: PersistentVolumeClaim, node: Node): boolean {
    if (!this.#drivers.get(provisioner)?.spec.storageCapacity) return true;
    return this.#capacities.list().some(({ storageClassName, nodeTopology, capacity, maximumVolumeSize }) => {
      if (storageClassName !== metadata.name || !nodeTopology) return false;
      const limit = maximumVolumeSize ?? capacity;
      if (limit === undefined || compareQuantities(limit, storageOf(claim)) < 0) return false;
      return matchesLabelSelector(nodeTopology, node.metadata.labels);
    });
  }
}

const storageOf = ({ spec }: PersistentVolumeClaim) => spec.resources?.requests?.storage ?? "0";

const compareClaims = (a: PersistentVolumeClaim, b: PersistentVolumeClaim) =>
  compareQuantities(storageOf(a), storageOf(b));

/** Whether the class makes volumes for the node: any term holds, and there are none where all nodes are right. */
function matchesTopology(terms: readonly TopologySelectorTerm[] | undefined, { metadata }: Node): boolean {
  if (terms === undefined || terms.length === 0) return true;
  return terms.some(({ matchLabelExpressions = [] }) =>
    matchLabelExpressions.every(({ key, values }) => values.includes(metadata.labels?.[key] ?? "")),
  );
}
