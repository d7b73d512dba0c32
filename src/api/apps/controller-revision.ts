import { ageColumn, nameColumn } from "../columns.ts";
import { nonnegative } from "../field-rules.ts";
import { required } from "../meta/field-error.ts";
import { immutableField } from "../meta/object-meta.ts";
import { controllerOf, parseApiVersion } from "../meta/owner-reference.ts";
import { defineResource } from "../resource.ts";
import type { ControllerRevision } from "../types.generated.ts";

export const ControllerRevisions = defineResource<ControllerRevision>({
  group: "apps",
  version: "v1",
  kind: "ControllerRevision",
  plural: "controllerrevisions",
  columns: [
    nameColumn,
    { name: "Controller", type: "string", description: "Controller of the object", of: controllerCell },
    { name: "Revision", type: "string", of: ({ revision }) => revision ?? 0 },
    ageColumn,
  ],
  defaults: (revision) => {
    revision.revision ??= 0;
  },
  validate: ({ data, revision }, at) => [
    ...(data === undefined || data === null ? [required(at.child("data"), "data is mandatory")] : []),
    ...nonnegative(at.child("revision"), revision),
  ],
  validateUpdate: (next, old, at) => immutableField(at.child("data"), next.data, old.data),
});

/** The controller as `statefulset.apps/web`. */
function controllerCell(revision: ControllerRevision): string {
  const controller = controllerOf(revision);
  if (!controller) return "<none>";
  const { group } = parseApiVersion(controller.apiVersion);
  const kind = controller.kind.toLowerCase();
  return `${group === "" ? kind : `${kind}.${group}`}/${controller.name}`;
}
