import { apiVersionOf, type KubeObject } from "../resource.ts";
import type { OwnerReference } from "../types.generated.ts";

/** The owner that controls the object, of which there is at most one. */
export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((each) => each.controller === true);
}

export function isControlledBy(object: KubeObject, owner: KubeObject): boolean {
  return controllerOf(object)?.uid === owner.metadata.uid;
}

/** The reference that makes `owner`, an object of the kind `resource`, the controller of what carries it. */
export function newControllerReference(
  owner: KubeObject,
  resource: { readonly group: string; readonly version: string; readonly kind: string },
): OwnerReference {
  return { ...newOwnerReference(owner, resource), controller: true, blockOwnerDeletion: true };
}

/** A reference to an owner that does not control. */
export function newOwnerReference(
  owner: KubeObject,
  resource: { readonly group: string; readonly version: string; readonly kind: string },
): OwnerReference {
  return {
    apiVersion: apiVersionOf(resource),
    kind: resource.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
  };
}

/** `apps/v1` as group and version; the group of `v1` is "". More than one slash is no version: group and version are "". */
export function parseApiVersion(apiVersion: string): { readonly group: string; readonly version: string } {
  const parts = apiVersion.split("/");
  if (parts.length === 1) return { group: "", version: apiVersion };
  if (parts.length === 2) return { group: parts[0] ?? "", version: parts[1] ?? "" };
  return { group: "", version: "" };
}
