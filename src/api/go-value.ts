// Values as messages of Kubernetes show them. Its validation works on Go types of its own, which have no names for JSON:
// fields stand under their names in Go, in their order there, and those that nobody wrote stand there as well, as null or
// with what Go has for nothing. What the API's meta types hold keeps its names (k8s.io/apimachinery/pkg/util/validation/field).
import { fieldsOf } from "./protobuf/message-fields.ts";
import { definitions } from "./schema/facts.ts";
import { isAlwaysPresent, shortName, vanishesWhenZero } from "./schema/go-types.ts";
import type { Schema } from "./schema/schema.ts";

type Fields = Readonly<Record<string, unknown>>;

const metaPrefix = "io.k8s.apimachinery.pkg.apis.meta.v1.";
const objectMeta = `${metaPrefix}ObjectMeta`;
const podSpec = "io.k8s.api.core.v1.PodSpec";
const podSecurityContext = "io.k8s.api.core.v1.PodSecurityContext";

/** How values of a schema are shown. */
export function shownAs(schemaName: string): (value: unknown) => unknown {
  return (value) => goValue(schemaName, value);
}

/** A selector of labels. */
export const shownSelector = shownAs(`${metaPrefix}LabelSelector`);

/** Labels and other texts by name, in their order. */
export function shownMap(map: Fields): Fields {
  return sortedMap(map, {});
}

/** The value of a schema, given by its full name, as a message prints it. */
export function goValue(schemaName: string, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  const schema = definitions[schemaName];
  if (!schema?.properties || typeof value !== "object") return value;
  if (schemaName.startsWith(metaPrefix)) return metaValue(schemaName, value as Fields);
  return schemaName === podSpec ? podSpecValue(value as Fields) : structValue(schemaName, value as Fields);
}

function structValue(schemaName: string, value: Fields, except: ReadonlySet<string> = new Set()): Fields {
  const { properties = {}, required = [] } = definitions[schemaName] ?? {};
  const shown: Record<string, unknown> = {};
  for (const name of fieldNames(schemaName)) {
    const property = properties[name];
    if (!property || except.has(name)) continue;
    const each = value[name];
    // Go's structs embed metadata.
    if (referenceOf(property) === objectMeta) Object.assign(shown, metaValue(objectMeta, (each ?? {}) as Fields));
    else
      shown[goName(name)] =
        each === undefined || each === null
          ? nothing(property, shortName(schemaName), name, required.includes(name))
          : part(property, each);
  }
  return shown;
}

/** Pointers to texts that are never empty, so that the API's own types need not tell them from others. */
const pointers = new Set([
  ...[
    "core.v1.Container.restartPolicy",
    "core.v1.EphemeralContainer.restartPolicy",
    "core.v1.SecurityContext.procMount",
  ],
  ...["core.v1.PodSecurityContext.fsGroupChangePolicy", "core.v1.PodSecurityContext.seLinuxChangePolicy"],
  ...["core.v1.PodSecurityContext.supplementalGroupsPolicy", "core.v1.PodSpec.hostnameOverride"],
  ...["core.v1.PodSpec.preemptionPolicy", "core.v1.TopologySpreadConstraint.nodeAffinityPolicy"],
  ...["core.v1.TopologySpreadConstraint.nodeTaintsPolicy", "core.v1.VolumeMount.mountPropagation"],
  ...["core.v1.VolumeMount.recursiveReadOnly", "core.v1.PersistentVolumeClaimSpec.volumeMode"],
  ...["resource.v1.DeviceConstraint.distinctAttribute", "resource.v1.DeviceRequestAllocationResult.shareID"],
]);

/** What Go has where nobody wrote anything. */
function nothing(property: Schema, definition: string, name: string, isRequired: boolean): unknown {
  const reference = referenceOf(property);
  if (reference !== undefined)
    return isAlwaysPresent(definition, name, { isKind: false, isRequired }) ? goValue(reference, {}) : null;
  if (pointers.has(`${definition}.${name}`)) return null;
  if (!isRequired && !vanishesWhenZero(definition, name, property.type)) return null;
  if (property.type === "boolean") return false;
  if (property.type === "integer") return 0;
  return property.type === "string" ? "" : null;
}

function part(property: Schema, value: unknown): unknown {
  const reference = referenceOf(property);
  if (reference !== undefined) return goValue(reference, value);
  const { items, additionalProperties } = property;
  if (items && Array.isArray(value)) return value.map((each) => part(items, each));
  if (typeof additionalProperties === "object") return sortedMap(value as Fields, additionalProperties);
  return value;
}

/** Go prints maps in the order of their keys. */
function sortedMap(map: Fields, values: Schema): Fields {
  const keys = Object.keys(map).sort();
  return Object.fromEntries(keys.map((key) => [key, part(values, map[key])]));
}

/** What is there, under its own names. */
function metaValue(schemaName: string, value: Fields): Fields {
  const shown: Record<string, unknown> = {};
  for (const name of fieldNames(schemaName)) {
    const property = definitions[schemaName]?.properties?.[name];
    if (property && value[name] !== undefined) shown[name] = part(property, value[name]);
  }
  return shown;
}

/** Fields of a pod's spec that are its security context's in Kubernetes' own type. */
const movedFields = ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"] as const;
const leftOut = new Set<string>([...movedFields, "serviceAccount"]);

function podSpecValue(spec: Fields): Fields {
  const moved = { hostNetwork: false, hostPID: false, hostIPC: false, shareProcessNamespace: null, hostUsers: null };
  const context = (spec.securityContext ?? {}) as Fields; // by its schema
  const shown = movedFields.map((name) => [goName(name), spec[name] ?? moved[name]]);
  return {
    ...structValue(podSpec, spec, leftOut),
    SecurityContext: { ...Object.fromEntries(shown), ...structValue(podSecurityContext, context) },
  };
}

const names = new Map<string, readonly string[]>();

/** In the order of Go's type, which that of the message follows. */
function fieldNames(schemaName: string): readonly string[] {
  let known = names.get(schemaName);
  if (!known) {
    known = fieldsOf(schemaName).flatMap(({ name, form, type }) => (form === "inline" ? fieldNames(type) : [name]));
    names.set(schemaName, known);
  }
  return known;
}

function referenceOf({ $ref }: Schema): string | undefined {
  return $ref?.slice("#/definitions/".length);
}

const initials = /^(?:api|aws|cel|csi|dns|fc|fs|gce|grpc|http|ip|iscsi|nfs|os|rbd|se|tcp|ttl|tty|uid|url)(?=[A-Z]|$)/;
const ownNames: Readonly<Record<string, string>> = { cephfs: "CephFS", grpc: "GRPC", storageos: "StorageOS" };

function goName(name: string): string {
  if (ownNames[name]) return ownNames[name];
  const first = initials.exec(name)?.[0] ?? name.slice(0, 1);
  return first.toUpperCase() + name.slice(first.length);
}
