import { ageColumn, containerColumns, nameColumn, selectorCell } from "../columns.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import {
  validateReplicaCounts,
  validateSelectorUpdate,
  validateWorkloadSelector,
  validateWorkloadTemplate,
  workloadWarnings,
} from "../core/workload-template.ts";
import { nonnegative } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { type Path, required } from "../meta/field-error.ts";
import { formatLabelSelector } from "../meta/label-selector.ts";
import { replicasScale } from "../replicas-scale.ts";
import { defineResource } from "../resource.ts";
import type { ReplicaSet } from "../types.generated.ts";

export const ReplicaSets = defineResource<ReplicaSet>({
  group: "apps",
  version: "v1",
  kind: "ReplicaSet",
  plural: "replicasets",
  shortNames: ["rs"],
  categories: ["all"],
  columns: [
    nameColumn,
    { name: "Desired", type: "integer", of: ({ spec }) => spec.replicas ?? 1 },
    { name: "Current", type: "integer", of: ({ status }) => status.replicas ?? 0 },
    { name: "Ready", type: "integer", of: ({ status }) => status.readyReplicas ?? 0 },
    ageColumn,
    ...containerColumns<ReplicaSet>(({ spec }) => spec.template?.spec.containers),
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => selectorCell(spec.selector) },
  ],
  selectableFields: { "status.replicas": ({ status }) => String(status.replicas ?? 0) },
  scale: {
    ...replicasScale,
    labelSelectorOf: ({ spec }) => formatLabelSelector(spec.selector),
  },
  defaults: ({ spec }) => {
    spec.template ??= { spec: { containers: [] } };
    defaultPodTemplate(spec.template);
    spec.replicas ??= 1;
  },
  validate,
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: ({ status }, _old, at) =>
    validateReplicaCounts(status, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"], at.child("status")),
  warnings: workloadWarnings,
});

function validate({ spec }: ReplicaSet, root: Path): FieldError[] {
  const at = root.child("spec");
  return [
    ...nonnegative(at.child("replicas"), spec.replicas),
    ...nonnegative(at.child("minReadySeconds"), spec.minReadySeconds),
    // Kubernetes calls it a deployment here too.
    ...validateWorkloadSelector(spec.selector, "deployment", at.child("selector")),
    ...(spec.template
      ? validateWorkloadTemplate(spec.template, spec.selector, "ReplicaSet", at.child("template"))
      : [required(at.child("template"))]),
  ];
}
