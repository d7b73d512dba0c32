// What a Job may be: k8s.io/kubernetes/pkg/apis/batch/validation/validation.go.
import { append, type Draft, deepCopy, deepEqual } from "../../lib/index.ts";
import { validatePodTemplate } from "../core/pod-spec-validation.ts";
import { domainPrefixedPath, eachItem, invalidFor, nonnegative, optionalEnum } from "../field-rules.ts";
import { shownAs, shownMap, shownSelector } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import {
  duplicate,
  invalidTogether,
  invalidValue,
  notSupported,
  type Path,
  required,
  tooLong,
  tooMany,
} from "../meta/field-error.ts";
import { matchesLabelSelector, validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Label, isQualifiedName } from "../meta/names.ts";
import { immutableField, immutableFields } from "../meta/object-meta.ts";
import type {
  Job,
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyRule,
  PodTemplateSpec,
  SuccessPolicyRule,
} from "../types.generated.ts";
import { countIndexes } from "./job-indexes.ts";

const indexedMax = 100_000;
const highCompletionsMax = 10_000;
const rulesMax = 20;
const managerBytesMax = 63;
const exitCodesMax = 255;
const indexesBytesMax = 64 * 1024;

export function validateJob(job: Job, at: Path): FieldError[] {
  const { metadata, spec } = job;
  const specAt = at.child("spec");
  const errors = [...validateGeneratedSelector(job, at), ...validateJobSpec(spec, specAt)];
  if (!spec.selector) errors.push(required(specAt.child("selector")));
  else {
    append(errors, validateLabelSelector(specAt.child("selector"), spec.selector));
    const labels = spec.template.metadata?.labels;
    if (!matchesLabelSelector(spec.selector, labels))
      errors.push(
        invalidValue(
          specAt.child("template", "metadata", "labels"),
          labels && shownMap(labels),
          "`selector` does not match template `labels`",
        ),
      );
  }
  if (spec.completionMode === "Indexed" && (spec.completions ?? 0) > 0) {
    const hostname = `${metadata.name}-${(spec.completions ?? 0) - 1}`;
    if (isDns1123Label(hostname).length > 0)
      errors.push(
        invalidValue(
          at.child("metadata", "name"),
          metadata.name,
          `will not able to create pod with invalid DNS label: ${hostname}`,
        ),
      );
  }
  return errors;
}

function validateGeneratedSelector({ metadata, spec }: Job, at: Path): FieldError[] {
  if (spec.manualSelector || !spec.selector) return [];
  const expected = {
    "controller-uid": metadata.uid,
    "job-name": metadata.name,
    "batch.kubernetes.io/controller-uid": metadata.uid,
    "batch.kubernetes.io/job-name": metadata.name,
  };
  const labels = spec.template.metadata?.labels ?? {};
  const labelsAt = at.child("spec", "template", "metadata", "labels");
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(expected)) {
    if (labels[key] === undefined) errors.push(required(labelsAt.key(key), `must be '${value}'`));
    else if (labels[key] !== value)
      errors.push(invalidValue(labelsAt.key(key), shownMap(labels), `must be '${value}'`));
  }
  if (!matchesLabelSelector(spec.selector, expected))
    errors.push(
      invalidValue(at.child("spec", "selector"), shownSelector(spec.selector), "`selector` not auto-generated"),
    );
  return errors;
}

const counts = [
  "parallelism",
  "completions",
  "activeDeadlineSeconds",
  "backoffLimit",
  "ttlSecondsAfterFinished",
  "backoffLimitPerIndex",
  "maxFailedIndexes",
] as const;

/** What the spec of a job and that of a template for jobs are held to alike. */
export function validateJobSpec(spec: JobSpec, at: Path): FieldError[] {
  const errors = counts.flatMap((field) => nonnegative(at.child(field), spec[field]));
  if (spec.maxFailedIndexes !== undefined && spec.backoffLimitPerIndex === undefined)
    errors.push(required(at.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"));
  if (spec.managedBy !== undefined) {
    const managerAt = at.child("managedBy");
    append(errors, domainPrefixedPath(managerAt, spec.managedBy));
    if (spec.managedBy.length > managerBytesMax) errors.push(tooLong(managerAt, managerBytesMax));
  }
  append(errors, optionalEnum(at.child("completionMode"), spec.completionMode, ["NonIndexed", "Indexed"]));
  append(errors, spec.completionMode === "Indexed" ? validateIndexed(spec, at) : validateNonIndexed(spec, at));
  if (spec.podFailurePolicy) {
    const rulesAt = at.child("podFailurePolicy", "rules");
    const rules = spec.podFailurePolicy.rules ?? [];
    if (rules.length > rulesMax) errors.push(tooMany(rulesAt, rules.length, rulesMax));
    append(
      errors,
      eachItem(rulesAt, rules, (rule, place) => validateFailureRule(rule, spec, place)),
    );
  }
  append(
    errors,
    validateSuccessPolicy(spec, at.child("successPolicy")),
    optionalEnum(
      at.child("podReplacementPolicy"),
      spec.podReplacementPolicy,
      spec.podFailurePolicy ? ["Failed"] : ["Failed", "TerminatingOrFailed"],
    ),
    validatePodTemplate(spec.template, at.child("template")),
    validateRestartPolicy(spec, at.child("template", "spec", "restartPolicy")),
  );
  return errors;
}

function validateIndexed(spec: JobSpec, at: Path): FieldError[] {
  const { completions, parallelism, maxFailedIndexes, backoffLimitPerIndex } = spec;
  const errors: FieldError[] = [];
  const above = (field: "parallelism" | "maxFailedIndexes", most: number, when = "") => {
    const value = spec[field];
    if (value !== undefined && value > most)
      errors.push(invalidValue(at.child(field), value, `must be less than or equal to ${most}${when}`));
  };
  if (completions === undefined) errors.push(required(at.child("completions"), "when completion mode is Indexed"));
  above("parallelism", indexedMax, " when completion mode is Indexed");
  if (completions !== undefined && maxFailedIndexes !== undefined && maxFailedIndexes > completions)
    errors.push(
      invalidValue(at.child("maxFailedIndexes"), maxFailedIndexes, "must be less than or equal to completions"),
    );
  above("maxFailedIndexes", indexedMax);
  if (completions === undefined || completions <= indexedMax || backoffLimitPerIndex === undefined) return errors;
  if (maxFailedIndexes === undefined)
    errors.push(required(at.child("maxFailedIndexes"), `must be specified when completions is above ${indexedMax}`));
  const when = ` when completions are above ${indexedMax} and used with backoff limit per index`;
  if (parallelism !== undefined) above("parallelism", highCompletionsMax, when);
  above("maxFailedIndexes", highCompletionsMax, when);
  return errors;
}

function validateNonIndexed(spec: JobSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ["backoffLimitPerIndex", "maxFailedIndexes", "successPolicy"] as const)
    if (spec[field] !== undefined)
      errors.push(invalidValue(at.child(field), spec[field], "requires indexed completion mode"));
  return errors;
}

function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}

/** Kubernetes words a missing value of these policies with the list of what there is. */
function namedEnum(at: Path, value: string | undefined, values: readonly string[]): FieldError[] {
  return value ? optionalEnum(at, value, values) : [required(at, validValues(values))];
}

function validateFailureRule(rule: PodFailurePolicyRule, spec: JobSpec, at: Path): FieldError[] {
  const { action, onExitCodes, onPodConditions = [] } = rule;
  const errors = namedEnum(at.child("action"), action, ["Count", "FailIndex", "FailJob", "Ignore"]);
  if (action === "FailIndex" && spec.backoffLimitPerIndex === undefined)
    errors.push(invalidValue(at.child("action"), action, "requires the backoffLimitPerIndex to be set"));
  if (onExitCodes) append(errors, validateExitCodes(onExitCodes, spec, at.child("onExitCodes")));
  if (onPodConditions.length > rulesMax)
    errors.push(tooMany(at.child("onPodConditions"), onPodConditions.length, rulesMax));
  append(
    errors,
    eachItem(at.child("onPodConditions"), onPodConditions, ({ type = "", status }, place) => [
      ...invalidFor(place.child("type"), type, isQualifiedName(type)),
      ...namedEnum(place.child("status"), status, ["False", "True", "Unknown"]),
    ]),
  );
  if (onExitCodes && onPodConditions.length > 0)
    errors.push(invalidTogether(at, "specifying both OnExitCodes and OnPodConditions is not supported"));
  if (!onExitCodes && onPodConditions.length === 0)
    errors.push(invalidTogether(at, "specifying one of OnExitCodes and OnPodConditions is required"));
  return errors;
}

function validateExitCodes(
  { operator, containerName, values = [] }: PodFailurePolicyOnExitCodesRequirement,
  spec: JobSpec,
  at: Path,
): FieldError[] {
  const errors = namedEnum(at.child("operator"), operator, ["In", "NotIn"]);
  const { containers = [], initContainers = [] } = spec.template.spec;
  if (containerName !== undefined && ![...containers, ...initContainers].some(({ name }) => name === containerName))
    errors.push(
      invalidValue(
        at.child("containerName"),
        containerName,
        "must be one of the container or initContainer names in the pod template",
      ),
    );
  const valuesAt = at.child("values");
  if (values.length === 0) errors.push(invalidValue(valuesAt, values, "at least one value is required"));
  if (values.length > exitCodesMax) errors.push(tooMany(valuesAt, values.length, exitCodesMax));
  for (const [index, value] of values.entries()) {
    if (operator === "In" && value === 0)
      errors.push(invalidValue(valuesAt.index(index), value, "must not be 0 for the In operator"));
    if (values.indexOf(value) < index) errors.push(duplicate(valuesAt.index(index), value));
  }
  if (values.some((value, index) => index > 0 && (values[index - 1] ?? 0) > value))
    errors.push(invalidValue(valuesAt, values, "must be ordered"));
  return errors;
}

function validateSuccessPolicy(spec: JobSpec, at: Path): FieldError[] {
  if (!spec.successPolicy || spec.completionMode !== "Indexed") return [];
  const rulesAt = at.child("rules");
  const rules = spec.successPolicy.rules ?? [];
  const errors: FieldError[] = [];
  if (rules.length === 0)
    errors.push(required(rulesAt, "at least one rules must be specified when the successPolicy is specified"));
  if (rules.length > rulesMax) errors.push(tooMany(rulesAt, rules.length, rulesMax));
  const { completions = 0 } = spec;
  append(
    errors,
    eachItem(rulesAt, rules, (rule, place) => validateSuccessRule(rule, completions, place)),
  );
  return errors;
}

function validateSuccessRule(rule: SuccessPolicyRule, completions: number, at: Path): FieldError[] {
  const { succeededCount, succeededIndexes } = rule;
  if (succeededCount === undefined && succeededIndexes === undefined)
    return [required(at, "at least one of succeededCount or succeededIndexes must be specified")];
  const errors: FieldError[] = [];
  let indexes = 0;
  if (succeededIndexes !== undefined) {
    const place = at.child("succeededIndexes");
    if (succeededIndexes.length > indexesBytesMax) errors.push(tooLong(place, indexesBytesMax));
    const counted = countIndexes(succeededIndexes, completions);
    if (typeof counted === "number") indexes = counted;
    else errors.push(invalidValue(place, succeededIndexes, `error parsing succeededIndexes: ${counted.wrong}`));
  }
  if (succeededCount === undefined) return errors;
  const place = at.child("succeededCount");
  const above = (most: number, what: string) =>
    errors.push(invalidValue(place, succeededCount, `must be less than or equal to ${most} (${what})`));
  append(errors, nonnegative(place, succeededCount));
  if (succeededCount > completions) above(completions, "the number of specified completions");
  if (succeededIndexes !== undefined && succeededCount > indexes)
    above(indexes, "the number of indexes in the specified succeededIndexes field");
  return errors;
}

function validateRestartPolicy({ template, podFailurePolicy }: JobSpec, at: Path): FieldError[] {
  const policy = template.spec.restartPolicy;
  if (!policy || policy === "Always") return [required(at, 'valid values: "OnFailure", "Never"')];
  if (policy !== "OnFailure" && policy !== "Never") return [notSupported(at, policy, ["OnFailure", "Never"])];
  if (podFailurePolicy && policy !== "Never")
    return [invalidValue(at, policy, 'only "Never" is supported when podFailurePolicy is specified')];
  return [];
}

const shownTemplate = shownAs("io.k8s.api.core.v1.PodTemplateSpec");

export function validateJobUpdate(next: Job, old: Job, root: Path): FieldError[] {
  const at = root.child("spec");
  return [
    ...validateCompletionsChange(next.spec, old.spec, at),
    ...immutableField(at.child("selector"), next.spec.selector, old.spec.selector, shownSelector),
    ...immutableField(at.child("template"), next.spec.template, comparableTemplate(next, old), shownTemplate),
    ...immutableFields(at, next.spec, old.spec, ["completionMode"]),
    ...immutableField(
      at.child("podFailurePolicy"),
      next.spec.podFailurePolicy,
      old.spec.podFailurePolicy,
      shownAs("io.k8s.api.batch.v1.PodFailurePolicy"),
    ),
    ...immutableFields(at, next.spec, old.spec, ["backoffLimitPerIndex", "managedBy"]),
    ...immutableField(
      at.child("successPolicy"),
      next.spec.successPolicy,
      old.spec.successPolicy,
      shownAs("io.k8s.api.batch.v1.SuccessPolicy"),
    ),
  ];
}

function validateCompletionsChange(next: JobSpec, old: JobSpec, at: Path): FieldError[] {
  const place = at.child("completions");
  if (next.completionMode !== "Indexed") return immutableField(place, next.completions, old.completions);
  if (next.completions === undefined || next.completions === old.completions) return [];
  if (next.completions === next.parallelism) return [];
  return [invalidValue(place, next.completions, "can only be modified in tandem with spec.parallelism")];
}

/**
 * The old template with those parts as in the new one that a suspended job may change that has never started. Of those
 * that have, Kubernetes v1.35 lets them change only with a feature that is off by default (KEP-5440).
 */
function comparableTemplate(next: Job, old: Job): PodTemplateSpec {
  if (!old.spec.suspend || old.status.startTime !== undefined) return old.spec.template;
  const template = deepCopy(old.spec.template);
  const wanted = deepCopy(next.spec.template);
  const take = (field: "nodeSelector" | "tolerations" | "schedulingGates") =>
    Object.assign(template.spec, { [field]: wanted.spec[field] });
  take("nodeSelector");
  take("tolerations");
  take("schedulingGates");
  const { labels: _, annotations: __, ...metadata } = template.metadata ?? {};
  template.metadata = {
    ...metadata,
    ...(wanted.metadata?.labels && { labels: wanted.metadata.labels }),
    ...(wanted.metadata?.annotations && { annotations: wanted.metadata.annotations }),
  };
  takeNodeAffinity(template, wanted);
  return template;
}

function takeNodeAffinity(template: Draft<PodTemplateSpec>, wanted: Draft<PodTemplateSpec>): void {
  const { nodeAffinity: _, ...others } = template.spec.affinity ?? {};
  const nodeAffinity = wanted.spec.affinity?.nodeAffinity;
  const affinity = { ...others, ...(nodeAffinity && { nodeAffinity }) };
  if (deepEqual(affinity, {}) && !wanted.spec.affinity) delete template.spec.affinity;
  else template.spec.affinity = affinity;
}
