// Who owns an object's replicas, as its scale subresource shows and changes it: there they are spec.replicas of a Scale
// (k8s.io/apimachinery/pkg/util/managedfields/scalehandler.go).
import type { ManagedFieldsEntry } from "../types.generated.ts";
import { difference, type FieldSet, has, isEmptySet, union } from "./field-set.ts";
import { type Manager, managerKey, setOfNames, storedManagers, writeManagers } from "./managed-fields.ts";

const scaleVersion = "autoscaling/v1";
const replicasInScale = setOfNames(["spec", "replicas"]);

/** Where an object keeps its replicas, and in which version it is written. */
export interface ReplicasPlace {
  readonly apiVersion: string;
  /** The names of the fields that lead to them. */
  readonly path: readonly string[];
}

/** The same manager in an object and in its scale, whose versions are not the same. */
function keyOf({ name, operation, subresource }: Manager): string {
  return managerKey({ name, operation, apiVersion: "", subresource });
}

/** The managers of an object's replicas as those of its scale. */
export function managersOfScale(
  entries: readonly ManagedFieldsEntry[] | undefined,
  { path }: ReplicasPlace,
): readonly ManagedFieldsEntry[] | undefined {
  const scale = new Map<string, Manager>();
  for (const [key, manager] of storedManagers(entries))
    if (owns(manager.fields, path)) scale.set(key, { ...manager, apiVersion: scaleVersion, fields: replicasInScale });
  return writeManagers(scale);
}

function owns(fields: FieldSet, path: readonly string[]): boolean {
  return has(
    fields,
    path.map((name) => `f:${name}`),
  );
}

/** The managers of an object after its scale was changed: who does not own the scale's replicas does not own the object's. */
export function managersAfterScale(
  entries: readonly ManagedFieldsEntry[] | undefined,
  scaleEntries: readonly ManagedFieldsEntry[] | undefined,
  { apiVersion, path }: ReplicasPlace,
): readonly ManagedFieldsEntry[] | undefined {
  const replicas = setOfNames(path);
  const owners = new Map<string, Manager>();
  for (const manager of storedManagers(scaleEntries).values())
    if (owns(manager.fields, ["spec", "replicas"])) owners.set(keyOf(manager), manager);
  const result = new Map<string, Manager>();
  for (const [key, manager] of storedManagers(entries)) {
    const owner = owners.get(keyOf(manager));
    if (!owns(manager.fields, path)) result.set(key, manager);
    else if (owner) {
      owners.delete(keyOf(manager));
      result.set(key, owner.time === "" ? manager : { ...manager, time: owner.time });
    } else {
      const fields = difference(manager.fields, replicas);
      if (!isEmptySet(fields)) result.set(key, { ...manager, fields });
    }
  }
  for (const owner of owners.values()) {
    const manager = { ...owner, apiVersion, fields: replicas };
    const known = result.get(managerKey(manager));
    // An update of the same name may own other fields in this version.
    result.set(
      managerKey(manager),
      known ? { ...known, time: owner.time, fields: union(known.fields, replicas) } : manager,
    );
  }
  return writeManagers(result);
}
