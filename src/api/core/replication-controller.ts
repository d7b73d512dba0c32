import type { Draft } from "../../lib/index.ts";
import { ageColumn, containerColumns, formatLabels, nameColumn } from "../columns.ts";
import { nonnegative } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { type Path, required } from "../meta/field-error.ts";
import { formatLabelSelector } from "../meta/label-selector.ts";
import { replicasScale } from "../replicas-scale.ts";
import { defineResource } from "../resource.ts";
import type { ReplicationController } from "../types.generated.ts";
import { defaultPodTemplate } from "./pod-defaults.ts";
import { validateReplicaCounts, validateWorkloadTemplate, workloadWarnings } from "./workload-template.ts";

export const ReplicationControllers = defineResource<ReplicationController>({
  group: "",
  version: "v1",
  kind: "ReplicationController",
  plural: "replicationcontrollers",
  shortNames: ["rc"],
  categories: ["all"],
  columns: [
    nameColumn,
    { name: "Desired", type: "integer", of: ({ spec }) => spec.replicas ?? 1 },
    { name: "Current", type: "integer", of: ({ status }) => status.replicas ?? 0 },
    { name: "Ready", type: "integer", of: ({ status }) => status.readyReplicas ?? 0 },
    ageColumn,
    ...containerColumns<ReplicationController>(({ spec }) => spec.template?.spec.containers),
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => formatLabels(spec.selector) },
  ],
  selectableFields: { "status.replicas": ({ status }) => String(status.replicas ?? 0) },
  scale: {
    ...replicasScale,
    labelSelectorOf: ({ spec }) => formatLabelSelector({ matchLabels: spec.selector ?? {} }),
  },
  defaults: defaultReplicationController,
  validate,
  validateStatusUpdate: ({ status }, _old, at) =>
    validateReplicaCounts(status, ["fullyLabeledReplicas", "readyReplicas", "availableReplicas"], at.child("status")),
  warnings: workloadWarnings,
});

/** The labels of the template stand for a selector and for labels of its own that are left out. */
function defaultReplicationController({ metadata, spec }: Draft<ReplicationController>): void {
  spec.replicas ??= 1;
  if (!spec.template) return;
  defaultPodTemplate(spec.template);
  const labels = spec.template.metadata?.labels;
  if (!labels) return;
  if (Object.keys(spec.selector ?? {}).length === 0) spec.selector = { ...labels };
  if (Object.keys(metadata.labels ?? {}).length === 0) metadata.labels = { ...labels };
}

function validate({ spec }: ReplicationController, root: Path): FieldError[] {
  const at = root.child("spec");
  const selector = spec.selector ?? {};
  return [
    ...nonnegative(at.child("minReadySeconds"), spec.minReadySeconds),
    ...(Object.keys(selector).length === 0 ? [required(at.child("selector"))] : []),
    ...nonnegative(at.child("replicas"), spec.replicas),
    ...(spec.template
      ? validateWorkloadTemplate(
          spec.template,
          { matchLabels: selector },
          "ReplicationController",
          at.child("template"),
        )
      : [required(at.child("template"))]),
  ];
}
