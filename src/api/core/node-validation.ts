// What a Node may be: k8s.io/kubernetes/pkg/apis/core/validation/validation.go, ValidateNode and ValidateNodeUpdate.
import { append } from "../../lib/index.ts";
import { eachItem, invalidFor, requiredEnum } from "../field-rules.ts";
import { shownAs } from "../go-value.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, forbiddenField, invalidValue, type Path, required } from "../meta/field-error.ts";
import { isCidr, parseCidr } from "../meta/ip.ts";
import { validateLabelName } from "../meta/label-selector.ts";
import { isConfigMapKey, isDns1123Label, isDns1123Subdomain, isLabelValue } from "../meta/names.ts";
import type { Node, NodeConfigSource, Taint } from "../types.generated.ts";
import { validateResourceAmount } from "./resource-names.ts";

export const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateNode(node: Node, at: Path): FieldError[] {
  return [
    ...validateTaints(at.child("metadata", "taints"), node.spec.taints),
    ...validateAmounts(node, at),
    ...validatePodCidrs(at.child("spec", "podCIDRs"), node.spec.podCIDRs ?? []),
  ];
}

export function validateNodeUpdate(next: Node, old: Node, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, address] of (next.status.addresses ?? []).entries()) {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key)) errors.push(duplicate(at.child("status", "addresses").index(index), shownAddress(address)));
    seen.add(key);
  }
  const { podCIDRs: before = [] } = old.spec;
  const { podCIDRs: after = [] } = next.spec;
  // Kubernetes says so of each that changed; that they are more or fewer it says once.
  const changed = before.length === after.length ? before.filter((cidr, index) => cidr !== after[index]) : [after];
  if (before.length > 0)
    for (const _ of changed)
      errors.push(
        forbiddenField(at.child("spec", "podCIDRs"), 'node updates may not change podCIDR except from "" to valid'),
      );
  if (old.spec.providerID && old.spec.providerID !== next.spec.providerID)
    errors.push(
      forbiddenField(at.child("spec", "providerID"), 'node updates may not change providerID except from "" to valid'),
    );
  const { configSource } = next.spec;
  if (configSource) append(errors, validateConfigSource(configSource, at.child("spec", "configSource")));
  if ((next.spec.externalID ?? "") !== (old.spec.externalID ?? ""))
    errors.push(forbiddenField(at.child("spec", "externalID"), "may not be updated"));
  return errors;
}

function validateConfigSource(source: NodeConfigSource, at: Path): FieldError[] {
  const { configMap } = source;
  if (!configMap)
    return [
      invalidValue(
        at,
        shownAs("io.k8s.api.core.v1.NodeConfigSource")(source),
        "exactly one reference subfield must be non-nil",
      ),
    ];
  const place = at.child("configMap");
  const notInSpec = (field: "uid" | "resourceVersion") =>
    configMap[field] ? [forbiddenField(place.child(field), `${field} must not be set in spec`)] : [];
  const named = (field: "namespace" | "name" | "kubeletConfigKey", rule: (name: string) => string[]) => {
    const value = configMap[field];
    return value
      ? invalidFor(place.child(field), value, rule(value))
      : [required(place.child(field), `${field} must be set`)];
  };
  return [
    ...notInSpec("uid"),
    ...notInSpec("resourceVersion"),
    ...named("namespace", isDns1123Label),
    ...named("name", isDns1123Subdomain),
    ...named("kubeletConfigKey", isConfigMapKey),
  ];
}

const shownTaint = shownAs("io.k8s.api.core.v1.Taint");
const shownAddress = shownAs("io.k8s.api.core.v1.NodeAddress");

function validateTaints(at: Path, taints: readonly Taint[] | undefined): FieldError[] {
  const seen = new Set<string>();
  return eachItem(at, taints, (taint, place) => {
    const errors = validateLabelName(place.child("key"), taint.key ?? "");
    const wrongValue = isLabelValue(taint.value ?? "");
    if (wrongValue.length > 0) errors.push(invalidValue(place.child("value"), taint.value, wrongValue.join(";")));
    append(errors, requiredEnum(place.child("effect"), taint.effect, taintEffects));
    const pair = `${taint.effect}/${taint.key}`;
    if (seen.has(pair))
      errors.push({ ...duplicate(place, shownTaint(taint)), detail: "taints must be unique by key and effect pair" });
    seen.add(pair);
    return errors;
  });
}

function validateAmounts({ status }: Node, at: Path): FieldError[] {
  const lists = { capacity: status.capacity, allocatable: status.allocatable };
  return Object.entries(lists).flatMap(([field, list]) =>
    Object.entries(list ?? {}).flatMap(([name, amount]) =>
      validateResourceAmount(at.child("status", field, name), name, amount),
    ),
  );
}

function validatePodCidrs(at: Path, cidrs: readonly string[]): FieldError[] {
  const errors = eachItem(at, cidrs, (cidr, place) => invalidFor(place, cidr, isCidr(cidr)));
  const families = cidrs.map((cidr) => parseCidr(cidr)?.address.family);
  if (cidrs.length > 1 && (cidrs.length > 2 || families[0] === families[1]))
    errors.push(invalidValue(at, cidrs, "may specify no more than one CIDR for each IP family"));
  for (const [index, cidr] of cidrs.entries())
    if (cidrs.indexOf(cidr) < index) errors.push(duplicate(at.index(index), cidr));
  return errors;
}
