// What the kinds share that keep pods of a template running.
import { shownMap, shownSelector } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { forbiddenField, invalidValue, notSupported, type Path, required, rootPath } from "../meta/field-error.ts";
import { isEmptyLabelSelector, matchesLabelSelector, validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Label } from "../meta/names.ts";
import { immutableField } from "../meta/object-meta.ts";
import { isSettled } from "../schema/settled-values.ts";
import type { LabelSelector, ObjectMeta, PodTemplateSpec } from "../types.generated.ts";
import { validatePodTemplate } from "./pod-spec-validation.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";

/** What is wrong with a selector that must be there and select something; `kind` is as Kubernetes words it. */
export function validateWorkloadSelector(selector: LabelSelector | undefined, kind: string, at: Path): FieldError[] {
  if (!selector) return [required(at)];
  const errors = validateLabelSelector(at, selector);
  if (isEmptyLabelSelector(selector)) errors.push(invalidValue(at, selector, `empty selector is invalid for ${kind}`));
  return errors;
}

/**
 * The labels of the template must be selected, or the workload would never find the pods it makes. No selector selects
 * nothing.
 */
export function validateTemplateLabels(
  template: PodTemplateSpec,
  selector: LabelSelector | undefined,
  at: Path,
): FieldError[] {
  const labels = template.metadata?.labels;
  if (selector && (isEmptyLabelSelector(selector) || matchesLabelSelector(selector, labels))) return [];
  return [
    invalidValue(
      at.child("metadata", "labels"),
      labels && shownMap(labels),
      "`selector` does not match template `labels`",
    ),
  ];
}

/** Pods that are replaced when they end may not end by themselves for good. */
export function validateLastingPods({ spec }: PodTemplateSpec, kind: string, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (spec.restartPolicy !== "Always")
    errors.push(notSupported(at.child("spec", "restartPolicy"), spec.restartPolicy, ["Always"]));
  if (spec.activeDeadlineSeconds !== undefined)
    errors.push(
      forbiddenField(at.child("spec", "activeDeadlineSeconds"), `activeDeadlineSeconds in ${kind} is not Supported`),
    );
  return errors;
}

/** All of the above and the template itself. */
export function validateWorkloadTemplate(
  template: PodTemplateSpec,
  selector: LabelSelector | undefined,
  kind: string,
  at: Path,
): FieldError[] {
  return [
    ...validateTemplateLabels(template, selector, at),
    ...validatePodTemplate(template, at),
    ...validateLastingPods(template, kind, at),
  ];
}

/**
 * Errors about the counts of a status: none is negative, and none of `parts` is above `replicas`. `ready` is what the
 * message about available replicas calls the ready ones.
 */
export function validateReplicaCounts<Status extends object>(
  status: Status,
  parts: readonly Extract<keyof Status, string>[],
  at: Path,
  ready = "readyReplicas",
): FieldError[] {
  // The fields are counts wherever they are there.
  const counts = status as Readonly<Record<string, number | undefined>>;
  const errors: FieldError[] = [];
  for (const field of ["replicas", ...parts, "observedGeneration"])
    if ((counts[field] ?? 0) < 0)
      errors.push(invalidValue(at.child(field), counts[field], "must be greater than or equal to 0"));
  for (const field of parts)
    if ((counts[field] ?? 0) > (counts.replicas ?? 0))
      errors.push(invalidValue(at.child(field), counts[field], "cannot be greater than status.replicas"));
  if (
    parts.some((field) => field === "availableReplicas") &&
    (counts.availableReplicas ?? 0) > (counts.readyReplicas ?? 0)
  )
    errors.push(
      invalidValue(at.child("availableReplicas"), counts.availableReplicas, `cannot be greater than ${ready}`),
    );
  return errors;
}

/** The count of hash collisions only grows, or a name would be taken twice. */
export function validateCollisionCount(
  next: { readonly collisionCount?: number },
  old: { readonly collisionCount?: number },
  at: Path,
): FieldError[] {
  if ((next.collisionCount ?? 0) >= (old.collisionCount ?? 0)) return [];
  return [invalidValue(at.child("collisionCount"), next.collisionCount ?? 0, "cannot be decremented")];
}

/** Of templates that nobody changes any more. */
const knownWarnings = new WeakMap<PodTemplateSpec, readonly string[]>();

interface Workload {
  readonly metadata: ObjectMeta;
  readonly spec: { readonly template?: PodTemplateSpec };
}

/** Selectors never change: the pods of before would be nobody's. */
export function validateSelectorUpdate<W extends { readonly spec: { readonly selector?: LabelSelector } }>(
  next: W,
  old: W,
  at: Path,
): FieldError[] {
  return immutableField(at.child("spec", "selector"), next.spec.selector, old.spec.selector, shownSelector);
}

/** Warnings about a workload that is new or was changed. */
export function workloadWarnings({ metadata, spec }: Workload, old: Workload | undefined): readonly string[] {
  const changed = metadata.generation !== old?.metadata.generation;
  return [
    ...(old ? [] : workloadNameWarning(metadata.name)),
    ...(spec.template ? templateWarnings(spec.template, changed, rootPath.child("spec", "template")) : []),
  ];
}

/** Warnings about the template of an object that is new or was `changed`, be it elsewhere. */
export function templateWarnings(template: PodTemplateSpec, changed: boolean, at: Path): readonly string[] {
  if (!changed) return [];
  const read = () => podTemplateWarnings(template, at);
  return isSettled(template) ? knownWarnings.getOrInsertComputed(template, read) : read();
}

/** Pods are named after the workload, and their hostnames after them. */
export function workloadNameWarning(name: string): string[] {
  const wrong = isDns1123Label(name);
  if (wrong.length === 0) return [];
  return [
    `metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [${wrong.join(" ")}]`,
  ];
}
