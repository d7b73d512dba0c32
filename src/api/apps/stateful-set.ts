import { append, type Draft, deepEqual } from "../../lib/index.ts";
import { withChangedFields } from "../changed-fields.ts";
import { ageColumn, containerColumns, nameColumn } from "../columns.ts";
import { claimSpecWarnings, validateClaimSpec } from "../core/persistent-volume-claim.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import { validatePodTemplate } from "../core/pod-spec-validation.ts";
import { defaultClaimSpec } from "../core/volume-defaults.ts";
import {
  validateCollisionCount,
  validateLastingPods,
  validateReplicaCounts,
  validateTemplateLabels,
  validateWorkloadSelector,
  workloadWarnings,
} from "../core/workload-template.ts";
import { nonnegative, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, goStruct, invalidValue, type Path, required, rootPath } from "../meta/field-error.ts";
import { validateNonnegativeIntOrPercent, validateNotOver100Percent } from "../meta/int-or-string.ts";
import { formatLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Label, nameIsDnsLabel } from "../meta/names.ts";
import { replicasScale } from "../replicas-scale.ts";
import { defineResource } from "../resource.ts";
import type { PodTemplateSpec, StatefulSet, StatefulSetSpec, StatefulSetUpdateStrategy } from "../types.generated.ts";
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
  validateCreate: (set, at) => [
    ...validateClaimTemplates(set, at.child("spec", "volumeClaimTemplates")),
    ...validateServiceName(set.spec.serviceName, at.child("spec", "serviceName")),
    ...validateTemplate(set, at.child("spec", "template")),
  ],
  validate,
  validateUpdate,
  validateStatusUpdate: ({ status }, old, at) => [
    ...validateReplicaCounts(
      status,
      ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"],
      at.child("status"),
      "status.readyReplicas",
    ),
    ...validateCollisionCount(status, old.status, at.child("status")),
  ],
  validateName: nameIsDnsLabel,
  warnings: (set, old) => [
    ...workloadWarnings(set, old),
    ...(set.spec.volumeClaimTemplates ?? []).flatMap((claim, index) =>
      claimSpecWarnings(claim.spec, rootPath.child("spec", "volumeClaimTemplates").index(index)),
    ),
    ...((set.spec.revisionHistoryLimit ?? 0) < 0
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
  const errors: FieldError[] = [];
  if (!["OrderedReady", "Parallel"].includes(spec.podManagementPolicy ?? ""))
    errors.push(
      invalidValue(at.child("podManagementPolicy"), spec.podManagementPolicy, "must be 'OrderedReady' or 'Parallel'"),
    );
  append(errors, validateUpdateStrategy(spec.updateStrategy ?? {}, at.child("updateStrategy")));
  const policyAt = at.child("persistentVolumeClaimRetentionPolicy");
  for (const [field, policy] of Object.entries(spec.persistentVolumeClaimRetentionPolicy ?? {}))
    append(errors, optionalEnum(policyAt.child(field), policy, ["Retain", "Delete"]));
  append(
    errors,
    nonnegative(at.child("replicas"), spec.replicas),
    nonnegative(at.child("minReadySeconds"), spec.minReadySeconds),
    nonnegative(at.child("ordinals", "start"), spec.ordinals?.start),
    validateWorkloadSelector(spec.selector, "statefulset", at.child("selector")),
    validateTemplateLabels(spec.template, spec.selector, templateAt),
    validateLastingPods(spec.template, "StatefulSet", templateAt),
  );
  return errors;
}

/** Templates that were found valid, with the claims that they go with. */
const validTemplates = new WeakMap<PodTemplateSpec, StatefulSetSpec["volumeClaimTemplates"]>();

/** What is wrong with the template; each claim is a volume of its pods, in the place of one of the same name. */
function validateTemplate({ spec }: StatefulSet, at: Path): FieldError[] {
  const { template, volumeClaimTemplates } = spec;
  if (validTemplates.has(template) && validTemplates.get(template) === volumeClaimTemplates) return [];
  const names = new Set((volumeClaimTemplates ?? []).map(({ metadata }) => metadata?.name ?? ""));
  const volumes = [
    ...[...names].map((name) => ({ name, persistentVolumeClaim: { claimName: name } })),
    ...(template.spec.volumes ?? []).filter(({ name }) => !names.has(name)),
  ];
  const errors = validatePodTemplate({ ...template, spec: { ...template.spec, volumes } }, at);
  if (errors.length === 0) validTemplates.set(template, volumeClaimTemplates);
  return errors;
}

/** Claims cannot change later, and those of former versions may be wrong. */
function validateClaimTemplates({ spec }: StatefulSet, at: Path): FieldError[] {
  return (spec.volumeClaimTemplates ?? []).flatMap((claim, index) =>
    validateClaimSpec(claim.spec, at.index(index).child("spec")),
  );
}

function validateServiceName(name: string | undefined, at: Path): FieldError[] {
  return name ? isDns1123Label(name).map((message) => invalidValue(at, name, message)) : [];
}

function validateUpdateStrategy(strategy: StatefulSetUpdateStrategy, at: Path): FieldError[] {
  const { type, rollingUpdate } = strategy;
  const place = at.child("rollingUpdate");
  const shown =
    rollingUpdate &&
    goStruct({ Partition: rollingUpdate.partition ?? 0, MaxUnavailable: rollingUpdate.maxUnavailable });
  if (!type) return [required(at)];
  if (type === "OnDelete")
    return shown ? [invalidValue(place, shown, "only allowed for updateStrategy 'RollingUpdate'")] : [];
  if (type !== "RollingUpdate")
    return [invalidValue(at, goStruct({ Type: type, RollingUpdate: shown }), "must be 'RollingUpdate' or 'OnDelete'")];
  const { partition, maxUnavailable } = rollingUpdate ?? {};
  const errors = nonnegative(place.child("partition"), partition);
  if (maxUnavailable === undefined) return errors;
  const maxAt = place.child("maxUnavailable");
  append(errors, validateNonnegativeIntOrPercent(maxAt, maxUnavailable));
  if (isNothing(maxUnavailable)) errors.push(invalidValue(maxAt, maxUnavailable, "cannot be 0"));
  append(errors, validateNotOver100Percent(maxAt, maxUnavailable));
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
  const templateAt = at.child("spec", "template");
  // A template that was wrong already may stay so.
  const errors = validateTemplate(old, templateAt).length > 0 ? [] : validateTemplate(next, templateAt);
  const [fixed, before] = [fixedPart(next.spec), fixedPart(old.spec)];
  if (deepEqual(fixed, before)) return errors;
  const list = `${updatable
    .slice(0, -1)
    .map((field) => `'${field}'`)
    .join(", ")} and '${updatable.at(-1)}'`;
  const rule = `updates to statefulset spec for fields other than ${list} are forbidden`;
  return [...errors, forbiddenField(at.child("spec"), withChangedFields(rule, fixed, before, at.child("spec")))];
}
