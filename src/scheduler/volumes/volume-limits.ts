import {
  type CSINode,
  CSINodes,
  claimClass,
  type PersistentVolume,
  PersistentVolumeClaims,
  PersistentVolumes,
  type Pod,
  Pods,
  podClaims,
  StorageClasses,
  VolumeAttachments,
} from "../../api/index.ts";
import { type PluginContext, type PluginDefinition, wakeHint } from "../plugin.ts";
import { resolvable } from "../rule.ts";
import type { NodeState } from "../snapshot.ts";
import { namesClaim } from "./pod-volumes.ts";

const name = "NodeVolumeLimits";
const tooMany = resolvable("node(s) exceed max volume count");

/** By a volume's handle, unique among all drivers, the driver. */
type DriverOfVolume = ReadonlyMap<string, string>;

/** A CSI driver says for each node how many volumes it can attach there. */
export const volumeLimits: PluginDefinition = {
  name,
  create(context) {
    const nodes = context.informer(CSINodes);
    const volumes = new AttachedVolumes(context);
    return {
      name,
      filter: {
        name,
        isRelative: true,
        prepare({ pod }) {
          const wanted = volumes.ofPod(pod);
          if (wanted.size === 0) return undefined;
          return (node) => {
            const limits = limitsOf(nodes.get(node.name));
            return limits.size > 0 && exceeds(wanted, volumes.ofNode(node), limits) ? tooMany : undefined;
          };
        },
      },
      wakes: [
        wakeHint(CSINodes, (_, { type }) => type !== "delete"),
        wakeHint(PersistentVolumeClaims, (pod, { type, object }) => type === "add" && namesClaim(pod, object)),
        wakeHint(VolumeAttachments, (_, { type }) => type === "delete"),
        wakeHint(Pods, (_, { type, object }) => type === "delete" && podClaims(object).length > 0),
      ],
    };
  },
};

function limitsOf(node: CSINode | undefined): ReadonlyMap<string, number> {
  return new Map(
    (node?.spec.drivers ?? []).flatMap(({ name, allocatable }): [string, number][] =>
      allocatable?.count === undefined ? [] : [[name, allocatable.count]],
    ),
  );
}

function exceeds(wanted: DriverOfVolume, attached: DriverOfVolume, limits: ReadonlyMap<string, number>): boolean {
  const counts = new Map<string, number>();
  for (const driver of new Map([...attached, ...wanted]).values()) counts.set(driver, (counts.get(driver) ?? 0) + 1);
  // What is over the limit already is not for this pod to mend, if it adds nothing.
  return [...wanted].some(
    ([handle, driver]) => !attached.has(handle) && (counts.get(driver) ?? 0) > (limits.get(driver) ?? Infinity),
  );
}

class AttachedVolumes {
  readonly #claims;
  readonly #volumes;
  readonly #classes;
  readonly #attachments;

  constructor({ informer }: PluginContext) {
    this.#claims = informer(PersistentVolumeClaims);
    this.#volumes = informer(PersistentVolumes);
    this.#classes = informer(StorageClasses);
    this.#attachments = informer(VolumeAttachments);
    this.#attachments.addIndex("node", ({ spec }) => [spec.nodeName]);
  }

  /** The CSI volumes of a pod, also those that are still to be made. */
  ofPod(pod: Pod): DriverOfVolume {
    const found = new Map<string, string>();
    for (const { name: claimName } of podClaims(pod)) {
      const key = `${pod.metadata.namespace ?? ""}/${claimName}`;
      const claim = this.#claims.get(key);
      if (claim === undefined) continue;
      if (claim.spec.volumeName) {
        addVolume(found, this.#volumes.get(claim.spec.volumeName));
      } else {
        const provisioner = this.#classes.get(claimClass(claim))?.provisioner;
        if (provisioner !== undefined) found.set(`claim ${key}`, provisioner);
      }
    }
    return found;
  }

  /** Those of the pods on a node, and what is attached there for whatever reason. */
  ofNode(node: NodeState): DriverOfVolume {
    const found = new Map<string, string>();
    for (const { pod } of node.pods.values()) for (const [handle, driver] of this.ofPod(pod)) found.set(handle, driver);
    for (const { spec } of this.#attachments.byIndex("node", node.name)) {
      addVolume(found, this.#volumes.get(spec.source.persistentVolumeName ?? ""));
    }
    return found;
  }
}

function addVolume(found: Map<string, string>, volume: PersistentVolume | undefined): void {
  const { csi } = volume?.spec ?? {};
  if (csi) found.set(`${csi.driver}/${csi.volumeHandle}`, csi.driver);
}
