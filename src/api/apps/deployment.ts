import { append, type Draft, deepEqual } from "../../lib/index.ts";
import { ageColumn, containerColumns, nameColumn, selectorCell } from "../columns.ts";
import { defaultPodTemplate } from "../core/pod-defaults.ts";
import {
  validateCollisionCount,
  validateReplicaCounts,
  validateSelectorUpdate,
  validateWorkloadSelector,
  validateWorkloadTemplate,
  workloadWarnings,
} from "../core/workload-template.ts";
import { nonnegative } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, goStruct, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { validateNonnegativeIntOrPercent, validateNotOver100Percent } from "../meta/int-or-string.ts";
import { formatLabelSelector } from "../meta/label-selector.ts";
import { replicasScale } from "../replicas-scale.ts";
import { defineResource } from "../resource.ts";
import type { Deployment, DeploymentStrategy, IntOrString } from "../types.generated.ts";

export const Deployments = defineResource<Deployment>({
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  shortNames: ["deploy"],
  categories: ["all"],
  columns: [
    nameColumn,
    {
      name: "Ready",
      type: "string",
      description: "Number of the pod with ready state",
      of: ({ spec, status }) => `${status.readyReplicas ?? 0}/${spec.replicas ?? 1}`,
    },
    { name: "Up-to-date", type: "string", of: ({ status }) => status.updatedReplicas ?? 0 },
    { name: "Available", type: "string", of: ({ status }) => status.availableReplicas ?? 0 },
    ageColumn,
    ...containerColumns<Deployment>(({ spec }) => spec.template.spec.containers),
    { name: "Selector", type: "string", priority: 1, of: ({ spec }) => selectorCell(spec.selector) },
  ],
  scale: {
    ...replicasScale,
    labelSelectorOf: ({ spec }) => formatLabelSelector(spec.selector),
  },
  // Annotations are copied to ReplicaSets, so they are news for the controller too.
  isNewGeneration: ({ metadata }, old, changed) =>
    changed || !deepEqual(metadata.annotations ?? {}, old.metadata.annotations ?? {}),
  defaults: defaultDeployment,
  prepareForStatusUpdate: ({ metadata }, old) => {
    delete metadata.labels;
    if (old.metadata.labels) metadata.labels = { ...old.metadata.labels };
  },
  validate,
  validateUpdate: validateSelectorUpdate,
  validateStatusUpdate: ({ status }, old, at) => [
    ...validateReplicaCounts(status, ["updatedReplicas", "readyReplicas", "availableReplicas"], at.child("status")),
    ...nonnegative(at.child("status", "unavailableReplicas"), status.unavailableReplicas),
    ...validateCollisionCount(status, old.status, at.child("status")),
  ],
  warnings: workloadWarnings,
});

function defaultDeployment({ spec }: Draft<Deployment>): void {
  spec.template ??= { spec: { containers: [] } };
  defaultPodTemplate(spec.template);
  spec.replicas ??= 1;
  spec.strategy ??= {};
  spec.strategy.type ||= "RollingUpdate";
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {};
    spec.strategy.rollingUpdate.maxUnavailable ??= "25%";
    spec.strategy.rollingUpdate.maxSurge ??= "25%";
  }
  spec.revisionHistoryLimit ??= 10;
  spec.progressDeadlineSeconds ??= 600;
}

function validate({ spec }: Deployment, root: Path): FieldError[] {
  const at = root.child("spec");
  const { minReadySeconds = 0, progressDeadlineSeconds } = spec;
  const errors = [
    ...nonnegative(at.child("replicas"), spec.replicas),
    ...validateWorkloadSelector(spec.selector, "deployment", at.child("selector")),
    ...validateWorkloadTemplate(spec.template, spec.selector, "ReplicaSet", at.child("template")),
    ...validateStrategy(spec.strategy ?? {}, at.child("strategy")),
    ...nonnegative(at.child("minReadySeconds"), minReadySeconds),
    ...nonnegative(at.child("revisionHistoryLimit"), spec.revisionHistoryLimit),
    ...nonnegative(at.child("progressDeadlineSeconds"), progressDeadlineSeconds),
  ];
  if (progressDeadlineSeconds !== undefined && progressDeadlineSeconds <= minReadySeconds)
    errors.push(
      invalidValue(
        at.child("progressDeadlineSeconds"),
        progressDeadlineSeconds,
        "must be greater than minReadySeconds",
      ),
    );
  return errors;
}

function validateStrategy({ type, rollingUpdate }: DeploymentStrategy, at: Path): FieldError[] {
  const place = at.child("rollingUpdate");
  if (type === "Recreate")
    return rollingUpdate ? [forbiddenField(place, "may not be specified when strategy `type` is 'Recreate'")] : [];
  if (type !== "RollingUpdate")
    return [notSupported(at, shownStrategy(type, rollingUpdate), ["Recreate", "RollingUpdate"])];
  if (!rollingUpdate) return [required(place, "this should be defaulted and never be nil")];
  const { maxUnavailable, maxSurge } = rollingUpdate;
  const errors = [
    ...validateNonnegativeIntOrPercent(place.child("maxUnavailable"), maxUnavailable),
    ...validateNonnegativeIntOrPercent(place.child("maxSurge"), maxSurge),
  ];
  if (isNothing(maxUnavailable) && isNothing(maxSurge))
    errors.push(invalidValue(place.child("maxUnavailable"), maxUnavailable, "may not be 0 when `maxSurge` is 0"));
  append(errors, validateNotOver100Percent(place.child("maxUnavailable"), maxUnavailable));
  return errors;
}

/** The strategy of a Deployment or a DaemonSet in messages. */
export function shownStrategy(type: string | undefined, rollingUpdate: DeploymentStrategy["rollingUpdate"]): unknown {
  const { maxUnavailable = 0, maxSurge = 0 } = rollingUpdate ?? {};
  return goStruct({
    Type: type ?? "",
    RollingUpdate: rollingUpdate && { MaxUnavailable: maxUnavailable, MaxSurge: maxSurge },
  });
}

/** Whether a count or a percentage is none; so is a text that is neither. */
export function isNothing(value: IntOrString | undefined): boolean {
  return !/^[+-]?\d+$|^\d+%$/.test(String(value)) || /^[+-]?0+%?$/.test(String(value));
}
