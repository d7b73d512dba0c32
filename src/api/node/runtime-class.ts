import { deepEqual } from "../../lib/index.ts";
import { ageColumn, nameColumn } from "../columns.ts";
import { validateTolerations } from "../core/affinity-validation.ts";
import { nodeLabelWarnings } from "../core/node-label-warnings.ts";
import { validateContainerResources } from "../core/resource-requirements.ts";
import { eachItem, invalidFor } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, type Path, rootPath } from "../meta/field-error.ts";
import { validateLabels } from "../meta/label-selector.ts";
import { nameIsDnsLabel } from "../meta/names.ts";
import { immutableFields } from "../meta/object-meta.ts";
import { defineResource } from "../resource.ts";
import type { RuntimeClass, Scheduling } from "../types.generated.ts";

export const RuntimeClasses = defineResource<RuntimeClass>({
  group: "node.k8s.io",
  version: "v1",
  kind: "RuntimeClass",
  plural: "runtimeclasses",
  columns: [nameColumn, { name: "Handler", type: "string", of: ({ handler }) => handler }, ageColumn],
  allowsCreateOnUpdate: true,
  allowsUnconditionalUpdate: false,
  validate: ({ handler = "", overhead, scheduling }, at) => [
    ...invalidFor(at.child("handler"), handler, nameIsDnsLabel(handler, false)),
    ...validateContainerResources(overhead && { limits: overhead.podFixed ?? {} }, new Set(), at.child("overhead")),
    ...(scheduling ? validateScheduling(scheduling, at.child("scheduling")) : []),
  ],
  validateUpdate: (next, old, at) => immutableFields(at, next, old, ["handler"]),
  warnings: ({ scheduling }) =>
    Object.keys(scheduling?.nodeSelector ?? {}).flatMap((label) =>
      nodeLabelWarnings(rootPath.child("scheduling", "nodeSelector"), label),
    ),
});

const shownToleration = shownAs("io.k8s.api.core.v1.Toleration");

function validateScheduling({ nodeSelector, tolerations = [] }: Scheduling, at: Path): FieldError[] {
  const tolerationsAt = at.child("tolerations");
  return [
    ...validateLabels(at.child("nodeSelector"), nodeSelector),
    ...validateTolerations(tolerationsAt, tolerations),
    ...eachItem(tolerationsAt, tolerations, (toleration, place, index) =>
      tolerations.slice(0, index).some((before) => deepEqual(before, toleration))
        ? [duplicate(place, shownToleration(toleration))]
        : [],
    ),
  ];
}
