import { type Draft, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { ageColumn, containerColumns, nameColumn } from "../columns.ts";
import { claimSpecWarnings } from "../core/persistent-volume-claim.ts";
import { validatePodAnnotations } from "../core/pod-annotations.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import { defaultClaimSpec } from "../core/volume-defaults.ts";
import {
  validateCollisionCount,
  validateLastingPods,
  validateReplicaCounts,
  validateTemplateLabels,
  validateWorkloadSelector,
  workloadNameWarning,
  workloadWarnings,
} from "../core/workload-template.ts";
import { nonnegative, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, type Path, required, rootPath } from "../meta/field-error.ts";
import { validateNonnegativeIntOrPercent, validateNotOver100Percent } from "../meta/int-or-string.ts";
import { formatLabelSelector, validateLabels } from "../meta/label-selector.ts";
import { nameIsDnsLabel } from "../meta/names.ts";
import { validateAnnotations } from "../meta/object-meta.ts";
import { replicasScale } from "../replicas-scale.ts";
import { defineResource } from "../resource.ts";
import type { StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from "../types.generated.ts";
import { isNothing } from "./deployment.ts";

export const StatefulSets = defineResource<StatefulSet>({
  group: "apps",
  version: "v1",
  kind: "StatefulSet",
  plural: "statefulsets",
  shortNames: ["sts"],
  categories: ["all"],
  columns: [
    nameColumn,
    {
      name: "Ready",
      type: "string",
      description: "Number of the pod with ready state",
      of: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    },
    ageColumn,
    ...containerColumns<StatefulSet>(({ spec }) => spec.template.spec.containers),
  ],
  scale: {
    ...replicasScale,
    labelSelectorOf: ({ spec }) => formatLabelSelector(spec.selector),
  },
  defaults: defaultStatefulSet,
  prepareForCreate: (set) => {
    set.status = { replicas: 0 };
  },
  validate,
  validateUpdate,
  validateStatusUpdate: ({ status }, old, at) => [
    ...validateReplicaCounts(
      status,
      ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
      at.child("status"),
    ),
    ...validateCollisionCount(status, old.status, at.child("status")),
  ],
  validateName: nameIsDnsLabel,
  warnings: ({ metadata, spec }, old) => [
    ...(old ? [] : workloadNameWarning(metadata.name)),
    ...workloadWarnings(
      spec.template,
      metadata.generation !== old?.metadata.generation,
      rootPath.child("spec", "template"),
    ),
    ...(spec.volumeClaimTemplates ?? []).flatMap((claim, index) =>
      claimSpecWarnings(claim.spec, rootPath.child("spec", "volumeClaimTemplates").index(index)),
    ),
    ...((spec.revisionHistoryLimit ?? 0) < 0
      ? ["spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"]
      : []),
  ],
});

function defaultStatefulSet({ spec }: Draft<StatefulSet>): void {
  spec.template ??= { spec: { containers: [] } };
  defaultPodTemplate(spec.template);
  spec.podManagementPolicy ||= "OrderedReady";
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = "RollingUpdate";
    spec.updateStrategy.rollingUpdate ??= {};
  }
  const { type, rollingUpdate } = spec.updateStrategy;
  if (type === "RollingUpdate" && rollingUpdate) {
    rollingUpdate.partition ??= 0;
    rollingUpdate.maxUnavailable ??= 1;
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  spec.persistentVolumeClaimRetentionPolicy.whenDeleted ||= "Retain";
  spec.persistentVolumeClaimRetentionPolicy.whenScaled ||= "Retain";
  spec.replicas ??= 1;
  spec.revisionHistoryLimit ??= 10;
  for (const claim of spec.volumeClaimTemplates ?? []) {
    claim.apiVersion = "v1";
    claim.kind = "PersistentVolumeClaim";
    claim.spec ??= {};
    defaultClaimSpec(claim.spec);
    claim.status ??= {};
    claim.status.phase ||= "Pending";
  }
}

function validate({ spec }: StatefulSet, root: Path): FieldError[] {
  const at = root.child("spec");
  const templateAt = at.child("template");
  const { metadata } = spec.template;
  const errors: FieldError[] = [];
  if (!["OrderedReady", "Parallel"].includes(spec.podManagementPolicy ?? ""))
    errors.push(
      invalidValue(at.child("podManagementPolicy"), spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"),
    );
  errors.push(...validateUpdateStrategy(spec.updateStrategy ?? {}, at.child("updateStrategy")));
  const policyAt = at.child("persistentVolumeClaimRetentionPolicy");
  for (const [field, policy] of Object.entries(spec.persistentVolumeClaimRetentionPolicy ?? {}))
    errors.push(...optionalEnum(policyAt.child(field), policy, ["Retain", "Delete"]));
  errors.push(
    ...nonnegative(at.child("replicas"), spec.replicas),
    ...nonnegative(at.child("minReadySeconds"), spec.minReadySeconds),
    ...nonnegative(at.child("ordinals", "start"), spec.ordinals?.start),
    ...validateWorkloadSelector(spec.selector, "statefulset", at.child("selector")),
  );
  if (spec.selector) errors.push(...validateTemplateLabels(spec.template, spec.selector, templateAt));
  // The spec of the template is left to the pods: its volumes are complete only with the claims.
  errors.push(
    ...validateLabels(templateAt.child("labels"), metadata?.labels),
    ...validateAnnotations(templateAt.child("annotations"), metadata?.annotations),
    ...validatePodAnnotations(metadata?.annotations, spec.template.spec, templateAt.child("annotations")),
    ...validateLastingPods(spec.template, "StatefulSet", templateAt),
  );
  return errors;
}

function validateUpdateStrategy(strategy: StatefulSetUpdateStrategy, at: Path): FieldError[] {
  const { type, rollingUpdate } = strategy;
  const place = at.child("rollingUpdate");
  if (!type) return [required(at)];
  if (type === "OnDelete")
    return rollingUpdate ? [invalidValue(place, rollingUpdate, "only allowed for updateStrategy 'RollingUpdate'")] : [];
  if (type !== "RollingUpdate") return [invalidValue(at, strategy, "must be 'RollingUpdate' or 'OnDelete'")];
  const { partition, maxUnavailable } = rollingUpdate ?? {};
  const errors = nonnegative(place.child("partition"), partition);
  if (maxUnavailable === undefined) return errors;
  const maxAt = place.child("maxUnavailable");
  errors.push(...validateNonnegativeIntOrPercent(maxAt, maxUnavailable));
  if (isNothing(maxUnavailable)) errors.push(invalidValue(maxAt, maxUnavailable, "cannot be 0"));
  errors.push(...validateNotOver100Percent(maxAt, maxUnavailable));
  return errors;
}

const updatable = [
  "replicas",
  "ordinals",
  "template",
  "updateStrategy",
  "revisionHistoryLimit",
  "persistentVolumeClaimRetentionPolicy",
  "minReadySeconds",
] as const satisfies readonly (keyof StatefulSetSpec)[];

function fixedPart(spec: StatefulSetSpec): object {
  return Object.fromEntries(
    Object.entries(spec).filter(([field]) => !(updatable as readonly string[]).includes(field)),
  );
}

function validateUpdate(next: StatefulSet, old: StatefulSet, at: Path): FieldError[] {
  const [fixed, before] = [fixedPart(next.spec), fixedPart(old.spec)];
  if (deepEqual(fixed, before)) return [];
  const list = `${updatable
    .slice(0, -1)
    .map((field) => `'${field}'`)
    .join(", ")} and '${updatable.at(-1)}'`;
  const rule = `updates to statefulset spec for fields other than ${list} are forbidden`;
  return [forbiddenField(at.child("spec"), withChangedFields(rule, fixed, before, at.child("spec")))];
}
