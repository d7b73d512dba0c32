// The writes that bind and unbind. A binding is two pointers, volume.spec.claimRef and claim.spec.volumeName, written in
// this order, each followed by a phase; what is there after any of the four writes is enough to go on.
import {
  bindCompletedAnnotation,
  boundByControllerAnnotation,
  boundTo,
  type PersistentVolume,
  type PersistentVolumeClaim,
  type PersistentVolumeClaimStatus,
  PersistentVolumeClaims,
  PersistentVolumes,
} from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";

/** Makes volume and claim each other's, as far as they are not. */
export async function bind(client: Client, volume: PersistentVolume, claim: PersistentVolumeClaim): Promise<void> {
  const reserved = boundTo(volume, claim);
  const held = reserved === volume ? volume : await client.update(PersistentVolumes, reserved);
  await setVolumePhase(client, held, "Bound");
  const named = naming(claim, held.metadata.name);
  const bound = named === claim ? claim : await client.update(PersistentVolumeClaims, named);
  await setClaimStatus(client, bound, boundStatus(bound, held));
}

/** Takes the volume back from a claim that has another one; a reservation that a user made stays, by name. */
export async function unbind(client: Client, volume: PersistentVolume): Promise<void> {
  const { metadata, spec } = volume;
  const { [boundByControllerAnnotation]: byController, ...annotations } = metadata.annotations ?? {};
  const { claimRef, ...rest } = spec;
  const { uid: _, ...byName } = claimRef ?? {};
  const freed =
    byController === undefined
      ? { ...volume, spec: { ...spec, claimRef: byName } }
      : { ...volume, metadata: { ...metadata, annotations }, spec: rest };
  await setVolumePhase(client, await client.update(PersistentVolumes, freed), "Available");
}

/** The volume in its new phase; gives whether it had another one before. */
export async function setVolumePhase(
  client: Client,
  volume: PersistentVolume,
  phase: string,
  message = "",
): Promise<boolean> {
  if (volume.status.phase === phase) return false;
  const { message: _, ...status } = volume.status;
  const next = { ...status, phase, ...(message === "" ? {} : { message }) };
  await client.update(PersistentVolumes, { ...volume, status: next }, { subresource: "status" });
  return true;
}

/** The claim with a phase in which it has no volume; gives whether it was in another one before. */
export async function setClaimWithout(client: Client, claim: PersistentVolumeClaim, phase: string): Promise<boolean> {
  const { accessModes: _, capacity: __, currentVolumeAttributesClassName: ___, ...status } = claim.status;
  await setClaimStatus(client, claim, { ...status, phase });
  return claim.status.phase !== phase;
}

async function setClaimStatus(
  client: Client,
  claim: PersistentVolumeClaim,
  status: PersistentVolumeClaimStatus,
): Promise<void> {
  if (deepEqual(status, claim.status)) return;
  await client.update(PersistentVolumeClaims, { ...claim, status }, { subresource: "status" });
}

function naming(claim: PersistentVolumeClaim, volumeName: string): PersistentVolumeClaim {
  const { metadata, spec } = claim;
  const wasNamed = spec.volumeName === volumeName;
  if (wasNamed && metadata.annotations?.[bindCompletedAnnotation] !== undefined) return claim;
  const annotations = {
    ...metadata.annotations,
    ...(wasNamed ? {} : { [boundByControllerAnnotation]: "yes" }),
    [bindCompletedAnnotation]: "yes",
  };
  return { ...claim, metadata: { ...metadata, annotations }, spec: { ...spec, volumeName } };
}

/** The capacity is that of the volume when it is bound; what becomes of it later is told by who resizes it. */
function boundStatus({ status }: PersistentVolumeClaim, { spec }: PersistentVolume): PersistentVolumeClaimStatus {
  const { accessModes, capacity, volumeAttributesClassName } = spec;
  return {
    ...status,
    phase: "Bound",
    ...(accessModes ? { accessModes } : {}),
    ...(capacity && status.phase !== "Bound" ? { capacity } : {}),
    ...(volumeAttributesClassName ? { currentVolumeAttributesClassName: volumeAttributesClassName } : {}),
  };
}
