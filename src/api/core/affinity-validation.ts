// What affinities, tolerations and spread constraints may be: k8s.io/kubernetes/pkg/apis/core/validation/validation.go.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, optionalEnum, positive } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { validateLabelName, validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Subdomain, isLabelValue, nameIsDnsLabel } from "../meta/names.ts";
import type {
  Affinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinityTerm,
  Toleration,
  TopologySpreadConstraint,
} from "../types.generated.ts";
import { taintEffects } from "./node-validation.ts";

const requiredTerms = "requiredDuringSchedulingIgnoredDuringExecution";
const preferredTerms = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateAffinity(affinity: Affinity | undefined, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { nodeAffinity } = affinity ?? {};
  if (nodeAffinity) {
    const place = at.child("nodeAffinity");
    if (nodeAffinity[requiredTerms])
      append(errors, validateNodeSelector(nodeAffinity[requiredTerms], place.child(requiredTerms)));
    append(
      errors,
      eachItem(place.child(preferredTerms), nodeAffinity[preferredTerms], (term, item) => [
        ...validateWeight(term.weight, item),
        ...validateNodeSelectorTerm(term.preference ?? {}, item.child("preference"), true),
      ]),
    );
  }
  for (const field of ["podAffinity", "podAntiAffinity"] as const) {
    const place = at.child(field);
    append(
      errors,
      eachItem(place.child(requiredTerms), affinity?.[field]?.[requiredTerms], validatePodAffinityTerm),
      eachItem(place.child(preferredTerms), affinity?.[field]?.[preferredTerms], (term, item) => [
        ...validateWeight(term.weight, item),
        ...validatePodAffinityTerm(term.podAffinityTerm, item.child("podAffinityTerm")),
      ]),
    );
  }
  return errors;
}

function validateWeight(weight: number | undefined, at: Path): FieldError[] {
  if (weight !== undefined && weight >= 1 && weight <= 100) return [];
  return [invalidValue(at.child("weight"), weight ?? 0, "must be in the range 1-100")];
}

export function validateNodeSelector(selector: NodeSelector, at: Path): FieldError[] {
  const place = at.child("nodeSelectorTerms");
  if (!selector.nodeSelectorTerms?.length) return [required(place, "must have at least one node selector term")];
  return eachItem(place, selector.nodeSelectorTerms, (term, item) => validateNodeSelectorTerm(term, item, false));
}

/** A term of a node selector in messages. */
export const shownNodeSelectorTerm = shownAs("io.k8s.api.core.v1.NodeSelectorTerm");

/** Preferred terms may have values that no label can have: they just prefer nothing. */
function validateNodeSelectorTerm(term: NodeSelectorTerm, at: Path, lenientValues: boolean): FieldError[] {
  return [
    ...eachItem(at.child("matchExpressions"), term.matchExpressions, (requirement, place) =>
      validateLabelRequirement(requirement, place, lenientValues),
    ),
    ...eachItem(at.child("matchFields"), term.matchFields, validateFieldRequirement),
  ];
}

function validateLabelRequirement(
  { key, operator, values = [] }: NodeSelectorRequirement,
  at: Path,
  lenientValues: boolean,
): FieldError[] {
  const errors: FieldError[] = [];
  const valuesAt = at.child("values");
  switch (operator) {
    case "In":
    case "NotIn":
      if (values.length === 0) errors.push(required(valuesAt, "must be specified when `operator` is 'In' or 'NotIn'"));
      break;
    case "Exists":
    case "DoesNotExist":
      if (values.length > 0)
        errors.push(forbiddenField(valuesAt, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
      break;
    case "Gt":
    case "Lt":
      if (values.length !== 1)
        errors.push(required(valuesAt, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
      break;
    default:
      errors.push(invalidValue(at.child("operator"), operator ?? "", "not a valid selector operator"));
  }
  append(errors, validateLabelName(at.child("key"), key ?? ""));
  if (!lenientValues)
    append(
      errors,
      eachItem(valuesAt, values, (value, place) => invalidFor(place, value, isLabelValue(value))),
    );
  return errors;
}

function validateFieldRequirement({ key, operator, values = [] }: NodeSelectorRequirement, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (operator !== "In" && operator !== "NotIn")
    errors.push(invalidValue(at.child("operator"), operator ?? "", "not a valid selector operator"));
  else if (values.length !== 1)
    errors.push(
      required(at.child("values"), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector"),
    );
  if (key !== "metadata.name") errors.push(invalidValue(at.child("key"), key ?? "", "not a valid field selector key"));
  else
    append(
      errors,
      eachItem(at.child("values"), values, (value, place) => invalidFor(place, value, isDns1123Subdomain(value))),
    );
  return errors;
}

function validatePodAffinityTerm(term: PodAffinityTerm, at: Path): FieldError[] {
  const errors = [
    ...validateLabelSelector(at.child("labelSelector"), term.labelSelector),
    ...validateLabelSelector(at.child("namespaceSelector"), term.namespaceSelector),
    ...(term.namespaces ?? []).flatMap((name) => invalidFor(at.child("namespace"), name, nameIsDnsLabel(name, false))),
    ...validateSelectorKeys(term, at),
  ];
  if (!term.topologyKey) errors.push(required(at.child("topologyKey"), "can not be empty"));
  append(errors, validateLabelName(at.child("topologyKey"), term.topologyKey ?? ""));
  return errors;
}

/** The keys that stand for the pod's own labels, in the terms of affinities and in spread constraints. */
function validateSelectorKeys(
  { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector }: Partial<PodAffinityTerm>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [field, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    if (keys.length === 0) continue;
    const place = at.child(field);
    if (!labelSelector) errors.push(forbiddenField(place, "must not be specified when labelSelector is not set"));
    else
      append(
        errors,
        eachItem(place, keys, (key, item) => validateLabelName(item, key)),
      );
  }
  // What the server added for matchLabelKeys is an expression; a key that stands there twice came from the client.
  const named = new Set(Object.keys(labelSelector?.matchLabels ?? {}));
  for (const { key } of labelSelector?.matchExpressions ?? []) {
    const index = matchLabelKeys.indexOf(key);
    if (index >= 0 && named.has(key))
      errors.push(invalidValue(at.index(index), key, "exists in both matchLabelKeys and labelSelector"));
    named.add(key);
  }
  for (const [index, key] of matchLabelKeys.entries())
    if (mismatchLabelKeys.includes(key))
      errors.push(
        invalidValue(
          at.child("matchLabelKeys").index(index),
          key,
          "exists in both matchLabelKeys and mismatchLabelKeys",
        ),
      );
  return errors;
}

export function validateTolerations(at: Path, tolerations: readonly Toleration[] | undefined): FieldError[] {
  return eachItem(at, tolerations, ({ key = "", operator = "", value = "", effect = "", tolerationSeconds }, place) => {
    const errors: FieldError[] = [];
    const operatorAt = place.child("operator");
    if (key !== "") append(errors, validateLabelName(place.child("key"), key));
    else if (operator !== "Exists")
      errors.push(
        invalidValue(
          operatorAt,
          operator,
          'operator must be Exists when `key` is empty, which means "match all values and all keys"',
        ),
      );
    if (tolerationSeconds !== undefined && effect !== "NoExecute")
      errors.push(
        invalidValue(place.child("effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"),
      );
    if (operator === "Equal" || operator === "") {
      const messages = isLabelValue(value);
      if (messages.length > 0) errors.push(invalidValue(operatorAt, value, messages.join(";")));
    } else if (operator !== "Exists") errors.push(notSupported(operatorAt, operator, ["Equal", "Exists"]));
    else if (value !== "")
      errors.push(invalidValue(operatorAt, value, "value must be empty when `operator` is 'Exists'"));
    if (effect !== "") append(errors, optionalEnum(place.child("effect"), effect, taintEffects));
    return errors;
  });
}

export function validateSpreadConstraints(
  at: Path,
  constraints: readonly TopologySpreadConstraint[] | undefined,
): FieldError[] {
  const identityOf = ({ topologyKey = "", whenUnsatisfiable = "" }: Partial<TopologySpreadConstraint>) =>
    `{${topologyKey}, ${whenUnsatisfiable}}`;
  const last = new Map(constraints?.map((each, index) => [identityOf(each), index]));
  return eachItem(at, constraints, (constraint, place, index) => {
    const { topologyKey, whenUnsatisfiable, minDomains, labelSelector } = constraint;
    const identity = identityOf(constraint);
    const errors = positive(place.child("maxSkew"), constraint.maxSkew ?? 0);
    if (!topologyKey) errors.push(required(place.child("topologyKey"), "can not be empty"));
    append(
      errors,
      optionalEnum(place.child("whenUnsatisfiable"), whenUnsatisfiable ?? "", ["DoNotSchedule", "ScheduleAnyway"]),
    );
    if (last.get(identity) !== index) errors.push(duplicate(place.child("{topologyKey, whenUnsatisfiable}"), identity));
    append(errors, positive(place.child("minDomains"), minDomains));
    if (minDomains !== undefined && whenUnsatisfiable !== "DoNotSchedule")
      errors.push(
        invalidValue(
          place.child("minDomains"),
          minDomains,
          `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${whenUnsatisfiable ?? ""}`,
        ),
      );
    for (const field of ["nodeAffinityPolicy", "nodeTaintsPolicy"] as const)
      append(errors, optionalEnum(place.child(field), constraint[field], ["Honor", "Ignore"]));
    append(
      errors,
      validateSelectorKeys(constraint, place),
      validateLabelSelector(place.child("labelSelector"), labelSelector),
    );
    return errors;
  });
}
