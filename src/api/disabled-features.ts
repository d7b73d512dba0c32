// The features of Kubernetes v1.35 that are off unless an operator turns them on, which nobody can here, and the fields
// they are for (pkg/features/kube_features.go). Its strategies remove those fields before validation, from what is
// created and from what is updated where the object did not use the feature before; no client is told, for the fields are
// known. Features that change what values are good, and not which fields there are, stand with the validation.
import type { Draft } from "../lib/index.ts";
import { definitions } from "./schema/facts.ts";
import { shortName } from "./schema/go-types.ts";
import type { Schema } from "./schema/schema.ts";

/** By the feature and the short name of the schema. */
export const disabledFeatures: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  ClusterTrustBundleProjection: { "core.v1.VolumeProjection": ["clusterTrustBundle"] },
  ContainerStopSignals: { "core.v1.Lifecycle": ["stopSignal"] },
  CoordinatedLeaderElection: { "coordination.v1.LeaseSpec": ["preferredHolder", "strategy"] },
  CRDObservedGenerationTracking: {
    "apiextensions.v1.CustomResourceDefinitionCondition": ["observedGeneration"],
    "apiextensions.v1.CustomResourceDefinitionStatus": ["observedGeneration"],
  },
  DRAConsumableCapacity: {
    "resource.v1.AllocatedDeviceStatus": ["shareID"],
    "resource.v1.Device": ["allowMultipleAllocations"],
    "resource.v1.DeviceCapacity": ["requestPolicy"],
    "resource.v1.DeviceConstraint": ["distinctAttribute"],
    "resource.v1.DeviceRequestAllocationResult": ["consumedCapacity", "shareID"],
    "resource.v1.DeviceSubRequest": ["capacity"],
    "resource.v1.ExactDeviceRequest": ["capacity"],
  },
  DRADeviceBindingConditions: {
    "resource.v1.AllocationResult": ["allocationTimestamp"],
    "resource.v1.Device": ["bindingConditions", "bindingFailureConditions", "bindsToNode"],
    "resource.v1.DeviceRequestAllocationResult": ["bindingConditions", "bindingFailureConditions"],
  },
  DRADeviceTaints: {
    "resource.v1.Device": ["taints"],
    "resource.v1.DeviceRequestAllocationResult": ["tolerations"],
    "resource.v1.DeviceSubRequest": ["tolerations"],
    "resource.v1.ExactDeviceRequest": ["tolerations"],
  },
  DRAExtendedResource: {
    "core.v1.PodStatus": ["extendedResourceClaimStatus"],
    "resource.v1.DeviceClassSpec": ["extendedResourceName"],
  },
  DRAPartitionableDevices: {
    "resource.v1.Device": ["allNodes", "consumesCounters", "nodeName", "nodeSelector"],
    "resource.v1.ResourceSliceSpec": ["perDeviceNodeSelection", "sharedCounters"],
  },
  GenericWorkload: { "core.v1.PodSpec": ["workloadRef"] },
  InPlacePodLevelResourcesVerticalScaling: { "core.v1.PodStatus": ["allocatedResources", "resources"] },
  NodeDeclaredFeatures: { "core.v1.NodeStatus": ["declaredFeatures"] },
  PodCertificateRequest: { "core.v1.VolumeProjection": ["podCertificate"] },
  ResourceHealthStatus: { "core.v1.ContainerStatus": ["allocatedResourcesStatus"] },
  // The published document is of a later day: what follows came after v1.35.
  DRAListTypeAttributes: { "resource.v1.DeviceAttribute": ["bools", "ints", "strings", "versions"] },
  DRANodeAllocatableResources: {
    "core.v1.PodStatus": ["nodeAllocatableResourceClaimStatuses"],
    "resource.v1.Device": ["nodeAllocatableResourceMappings"],
  },
  ImageVolumeWithDigest: { "core.v1.VolumeMountStatus": ["volumeStatus"] },
  PodGroup: { "core.v1.PodSpec": ["schedulingGroup"] },
  VolumeLimitScaling: { "storage.v1.CSIDriverSpec": ["preventPodSchedulingIfMissing"] },
};

/** What goes with its last field. */
const neverEmpty = new Set(["core.v1.Lifecycle"]);

/** Where in the values of a schema there are such fields. */
export interface DisabledFields {
  readonly fields: readonly (readonly [name: string, feature: string])[];
  /** Fields whose value, or whose entries, have such fields in turn. */
  readonly parts: readonly Part[];
  readonly neverEmpty: boolean;
}

interface Part {
  readonly name: string;
  readonly isMap: boolean;
  readonly disabled: DisabledFields;
}

const known = new Map<string, DisabledFields | undefined>();

/** Undefined when values of the schema have no such fields. */
export function disabledFieldsOf(schemaName: string): DisabledFields | undefined {
  if (known.has(schemaName)) return known.get(schemaName);
  // Schemas that hold themselves have none on the way round.
  known.set(schemaName, undefined);
  const short = shortName(schemaName);
  const fields = Object.entries(disabledFeatures).flatMap(([feature, schemas]) =>
    (schemas[short] ?? []).map((name) => [name, feature] as const),
  );
  const parts = Object.entries(definitions[schemaName]?.properties ?? {}).flatMap(([name, property]) => {
    const { schema, isMap } = entryOf(property);
    const disabled = schema.$ref && disabledFieldsOf(schema.$ref.slice("#/definitions/".length));
    return disabled ? [{ name, isMap, disabled }] : [];
  });
  const found = fields.length + parts.length === 0 ? undefined : { fields, parts, neverEmpty: neverEmpty.has(short) };
  known.set(schemaName, found);
  return found;
}

function entryOf(property: Schema): { readonly schema: Schema; readonly isMap: boolean } {
  const { items, additionalProperties } = property;
  if (typeof additionalProperties === "object") return { schema: additionalProperties, isMap: true };
  return { schema: items ?? property, isMap: false };
}

/** Removes the fields of features that `old` does not use. Only the draft's own top level is changed. */
export function dropDisabledFields(disabled: DisabledFields, draft: Draft<object>, old: object | undefined): void {
  const used = featuresUsed(disabled, draft);
  if (used.size === 0) return;
  if (old) for (const feature of featuresUsed(disabled, old)) used.delete(feature);
  if (used.size > 0) Object.assign(draft, without(disabled, draft, used));
}

type Fields = Readonly<Record<string, unknown>>;

function featuresUsed(disabled: DisabledFields, object: object, found = new Set<string>()): Set<string> {
  const values = object as Fields; // which fields there are is the schema's knowledge
  for (const [name, feature] of disabled.fields) if (values[name] !== undefined) found.add(feature);
  for (const part of disabled.parts)
    for (const each of entriesOf(values[part.name], part)) featuresUsed(part.disabled, each, found);
  return found;
}

const none: readonly object[] = [];

function entriesOf(value: unknown, { isMap }: Part): readonly object[] {
  if (typeof value !== "object" || value === null) return none;
  if (Array.isArray(value)) return value;
  return isMap ? Object.values(value) : [value];
}

/** The object without the fields of these features; undefined where nothing is left that may be empty. */
function without(disabled: DisabledFields, object: object, features: ReadonlySet<string>): object | undefined {
  const next: Record<string, unknown> = { ...object };
  const before = Object.keys(next).length;
  for (const [name, feature] of disabled.fields) if (features.has(feature)) delete next[name];
  for (const { name, isMap, disabled: inside } of disabled.parts) {
    const value = next[name];
    if (typeof value !== "object" || value === null) continue;
    const left = (each: object) => without(inside, each, features);
    if (Array.isArray(value)) next[name] = value.map(left);
    else if (isMap) next[name] = Object.fromEntries(Object.entries(value).map(([key, each]) => [key, left(each)]));
    else {
      next[name] = left(value);
      if (next[name] === undefined) delete next[name];
    }
  }
  return disabled.neverEmpty && before > 0 && Object.keys(next).length === 0 ? undefined : next;
}
