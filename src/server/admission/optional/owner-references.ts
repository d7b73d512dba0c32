import type { OwnerReference } from "../../../api/index.ts";
import { deepEqual } from "../../../lib/index.ts";
import type { Attributes, Authorizer } from "../../authorization/index.ts";
import type { ResourceVersions } from "../../resource-versions.ts";
import type { AdmissionPlugin, AdmissionRequest } from "../admission.ts";
import { refuse } from "../refusal.ts";

/**
 * Who gives an object an owner must be allowed to delete the object; and who makes the object hold up its owner's end, to
 * set the owner's finalizers.
 */
export function ownerReferencesPermissionEnforcement(
  authorizer: Authorizer,
  versions: ResourceVersions,
): AdmissionPlugin {
  const check = async (
    request: AdmissionRequest,
    verb: string,
    resource: NonNullable<Attributes["resource"]>,
    why: string,
  ) => {
    const { allowed, reason } = await authorizer.authorize({ user: request.user, verb, resource });
    // The end is where a Go error would stand.
    if (!allowed) throw refuse(request, `${why}: ${reason}, <nil>`);
  };
  return {
    name: "OwnerReferencesPermissionEnforcement",
    async validate(request) {
      const { operation, definition, subresource, namespace, name, object, old } = request;
      if (operation !== "CREATE" && operation !== "UPDATE") return;
      // Its status cannot change the owners of a pod.
      if (definition.group === "" && definition.plural === "pods" && subresource === "status") return;
      const next = object?.metadata?.ownerReferences ?? [];
      const before = old?.metadata.ownerReferences ?? [];
      if (deepEqual(next, before)) return;
      const { group, version, plural } = definition;
      const own = { group, version, plural, subresource, namespace, name };
      await check(request, "delete", own, "cannot set an ownerRef on a resource you can't delete");
      for (const reference of newlyBlocking(next, before)) {
        const owner = ownerOf(request, reference, versions);
        const why =
          "cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on";
        await check(request, "update", owner, why);
      }
    },
  };
}

/** The references that hold up their owner's end and did not before. */
function newlyBlocking(next: readonly OwnerReference[], before: readonly OwnerReference[]): readonly OwnerReference[] {
  const blocked = new Set(before.filter(({ blockOwnerDeletion }) => blockOwnerDeletion).map(({ uid }) => uid));
  return next.filter(({ blockOwnerDeletion, uid }) => blockOwnerDeletion && !blocked.has(uid));
}

/** The finalizers of an owner, which is in the object's namespace or in none. */
function ownerOf(
  request: AdmissionRequest,
  { apiVersion, kind, name }: OwnerReference,
  versions: ResourceVersions,
): NonNullable<Attributes["resource"]> {
  const [version, group = ""] = apiVersion.split("/").reverse() as [string, string?]; // a split has one part or more
  const definition = versions.ofKind(group, version, kind);
  if (!definition)
    throw refuse(
      request,
      `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}`,
    );
  const { plural, namespaced } = definition;
  return { group, version, plural, subresource: "finalizers", namespace: namespaced ? request.namespace : "", name };
}
