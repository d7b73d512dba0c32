import { append, type Draft, type Int64 } from "../../lib/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, type Path } from "../meta/field-error.ts";
import { defineResource } from "../resource.ts";
import type { LabelSelector, Pod, PodAffinityTerm } from "../types.generated.ts";
import { validateImageSpaces } from "./container-validation.ts";
import { validatePodAnnotations } from "./pod-annotations.ts";
import { podColumns, podRowConditions } from "./pod-columns.ts";
import { isPodTerminal } from "./pod-condition.ts";
import { defaultPod } from "./pod-defaults.ts";
import { podQos } from "./pod-qos.ts";
import { validatePodSpec } from "./pod-spec-validation.ts";
import { validatePodStatusUpdate, validatePodUpdate } from "./pod-update-validation.ts";
import { podWarnings } from "./pod-warnings.ts";
import { takeAppArmorAnnotations, validateProfileAnnotations } from "./profile-annotations.ts";

export const Pods = defineResource<Pod>({
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  shortNames: ["po"],
  categories: ["all"],
  columns: podColumns,
  rowConditions: podRowConditions,
  selectableFields: {
    "spec.nodeName": (pod) => pod.spec.nodeName ?? "",
    // The name that the field had before v1.
    "spec.host": (pod) => pod.spec.nodeName ?? "",
    "spec.restartPolicy": (pod) => pod.spec.restartPolicy ?? "",
    "spec.schedulerName": (pod) => pod.spec.schedulerName ?? "",
    "spec.serviceAccountName": (pod) => pod.spec.serviceAccountName ?? "",
    "spec.hostNetwork": (pod) => String(pod.spec.hostNetwork ?? false),
    "status.phase": (pod) => pod.status.phase ?? "",
    "status.podIP": (pod) => pod.status.podIPs?.[0]?.ip ?? "",
    // Kubernetes knows the name of this field and has no value for it.
    "status.podIPs": () => "",
    "status.nominatedNodeName": (pod) => pod.status.nominatedNodeName ?? "",
  },
  defaults: defaultPod,
  prepareForCreate,
  prepareForStatusUpdate: ({ metadata, status }, old) => {
    // Whom the pod belongs to is not for its agent to say.
    delete metadata.ownerReferences;
    if (old.metadata.ownerReferences) Object.assign(metadata, { ownerReferences: old.metadata.ownerReferences });
    if (!status.qosClass && old.status.qosClass) status.qosClass = old.status.qosClass;
  },
  validate: validatePod,
  validateCreate: validateNewPod,
  validateUpdate: validatePodUpdate,
  validateStatusUpdate: validatePodStatusUpdate,
  warnings: podWarnings,
  defaultGraceSeconds,
});

/** How long a delete that names no period gives the pod; nobody has to be waited for without a node or at its end. */
function defaultGraceSeconds(pod: Pod): Int64 {
  if (!pod.spec.nodeName || isPodTerminal(pod)) return 0;
  const seconds = pod.spec.terminationGracePeriodSeconds ?? 0;
  return seconds < 0 ? 1 : seconds;
}

function prepareForCreate(pod: Draft<Pod>): void {
  pod.status = { phase: "Pending", qosClass: podQos(pod) };
  if (pod.spec.schedulingGates?.length)
    pod.status.conditions = [
      {
        type: "PodScheduled",
        status: "False",
        reason: "SchedulingGated",
        message: "Scheduling is blocked due to non-empty scheduling gates",
      },
    ];
  takeAppArmorAnnotations(pod);
  const labels = pod.metadata.labels ?? {};
  for (const constraint of pod.spec.topologySpreadConstraints ?? [])
    if (constraint.labelSelector) addKeys(constraint.labelSelector, constraint.matchLabelKeys, "In", labels);
  for (const affinity of [pod.spec.affinity?.podAffinity, pod.spec.affinity?.podAntiAffinity]) {
    for (const term of affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []) addTermKeys(term, labels);
    for (const { podAffinityTerm } of affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [])
      addTermKeys(podAffinityTerm, labels);
  }
}

function addTermKeys(term: Draft<PodAffinityTerm>, labels: Readonly<Record<string, string>>): void {
  if (!term.labelSelector) return;
  addKeys(term.labelSelector, term.matchLabelKeys, "In", labels);
  addKeys(term.labelSelector, term.mismatchLabelKeys, "NotIn", labels);
}

/** Keys stand for the values that this pod has under them, so that a rollout is told from the one before. */
function addKeys(
  selector: Draft<LabelSelector>,
  keys: readonly string[] | undefined,
  operator: "In" | "NotIn",
  labels: Readonly<Record<string, string>>,
): void {
  for (const key of keys ?? []) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value === undefined) continue;
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }];
  }
}

function validatePod(pod: Pod, at: Path): FieldError[] {
  const { metadata, spec } = pod;
  const specAt = at.child("spec");
  const errors = validatePodAnnotations(metadata.annotations, spec, at.child("metadata", "annotations"));
  append(errors, validatePodSpec(spec, metadata, specAt));
  if (!spec.serviceAccountName)
    for (const [index, { projected }] of (spec.volumes ?? []).entries())
      for (const [source, { serviceAccountToken }] of (projected?.sources ?? []).entries())
        if (serviceAccountToken)
          errors.push(
            forbiddenField(
              specAt
                .child("volumes")
                .index(index)
                .child("projected", "sources")
                .index(source)
                .child("serviceAccountToken"),
              "must not be specified when serviceAccountName is not set",
            ),
          );
  for (const field of ["containers", "initContainers"] as const)
    for (const [index, container] of (spec[field] ?? []).entries())
      append(errors, validateImageSpaces(container, specAt.child(field).index(index)));
  return errors;
}

function validateNewPod(pod: Pod, at: Path): FieldError[] {
  const { spec } = pod;
  const errors: FieldError[] = [];
  if (spec.ephemeralContainers?.length)
    errors.push(forbiddenField(at.child("spec", "ephemeralContainers"), "cannot be set on create"));
  if (spec.nodeName && spec.schedulingGates?.length)
    errors.push(
      forbiddenField(at.child("spec", "nodeName"), "cannot be set until all schedulingGates have been cleared"),
    );
  return [...errors, ...validateProfileAnnotations(pod, at.child("spec"))];
}
