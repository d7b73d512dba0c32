// The volumes that are directories of a node, as Roder makes them for claims: what control plane and agents agree on.
import type { PersistentVolume } from "../types.generated.ts";
import { provisionedByAnnotation } from "./volume-binding.ts";

/** The provisioner that storage classes name. */
export const localVolumeProvisioner = "roder.io/local-path";
/** On a node: the directory of its machine that holds such volumes. */
export const localVolumesAnnotation = "roder.io/local-volumes";
/** On a volume: the node that has it. Its agent may watch the volumes with this label and its name. */
export const localVolumeNodeLabel = "roder.io/node";
/** On a volume: its directory may be there. The node's agent takes it away. */
export const localVolumeFinalizer = "roder.io/local-volume";

/** Whether the volume was made by Roder, and not by a user. */
export function isLocalVolume({ metadata }: PersistentVolume): boolean {
  return metadata.annotations?.[provisionedByAnnotation] === localVolumeProvisioner;
}
