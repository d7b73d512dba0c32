import type { Draft } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { shownAs } from "../go-value.ts";
import { immutableField, resetMetadataForStatus } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { ResourceClaimStatus, ResourceResourceClaim } from "../types.generated.ts";
import { deviceKey, validateClaimStatusUpdate } from "./claim-status-validation.ts";
import { defaultDeviceClaim, validateDeviceClaim } from "./device-claim.ts";

/** The claim is kept while it has devices; who takes them from it takes the finalizer too. */
export const resourceClaimFinalizer = "resource.kubernetes.io/delete-protection";
/** On a claim that was made from a template: the name that the pod has for it. */
export const podClaimNameAnnotation = "resource.kubernetes.io/pod-claim-name";

export const ResourceClaims = defineResource<ResourceResourceClaim>({
  group: "resource.k8s.io",
  version: "v1",
  kind: "ResourceClaim",
  plural: "resourceclaims",
  columns: [nameColumn, { name: "State", type: "string", of: stateCell }, ageColumn],
  hasGeneration: false,
  defaults: ({ spec }) => {
    if (spec.devices) defaultDeviceClaim(spec.devices);
  },
  prepareForStatusUpdate: ({ metadata, status }, old) => {
    resetMetadataForStatus(metadata, old.metadata);
    dropReleasedDevices(status, old.status);
  },
  // What was asked for does not change any more.
  validateCreate: ({ spec }, at) => validateDeviceClaim(spec.devices ?? {}, at.child("spec", "devices")),
  validateUpdate: (next, old, at) =>
    immutableField(at.child("spec"), next.spec, old.spec, shownAs("io.k8s.api.resource.v1.ResourceClaimSpec")),
  validateStatusUpdate: validateClaimStatusUpdate,
});

function stateCell({ metadata, status }: ResourceResourceClaim): string {
  const states: string[] = [];
  const isDeleted = metadata.deletionTimestamp !== undefined;
  if (isDeleted) states.push("deleted");
  if (status.allocation) states.push("allocated", ...(status.reservedFor?.length ? ["reserved"] : []));
  else if (!isDeleted) states.push("pending");
  return states.join(",");
}

/** What a driver reported of a device goes when the claim gives the device back. */
function dropReleasedDevices(status: Draft<ResourceClaimStatus>, old: ResourceClaimStatus): void {
  const keysOf = ({ allocation }: ResourceClaimStatus) => (allocation?.devices?.results ?? []).map(deviceKey);
  const kept = new Set(keysOf(status));
  const released = new Set(keysOf(old).filter((key) => !kept.has(key)));
  status.devices = (status.devices ?? []).filter((device) => !released.has(deviceKey(device)));
  if (status.devices.length === 0) delete status.devices;
}
