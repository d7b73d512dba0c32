// What one RBAC rule allows: pkg/apis/rbac/v1/evaluation_helpers.go says how Kubernetes compares.

import type { PolicyRule } from "../../api/index.ts";
import type { Attributes } from "./authorizer.ts";

/** Whether one of the rules allows it. */
export function rulesAllow(rules: readonly PolicyRule[], attributes: Attributes): boolean {
  for (const rule of rules) if (ruleAllows(rule, attributes)) return true;
  return false;
}

function ruleAllows(rule: PolicyRule, { verb, resource, path }: Attributes): boolean {
  if (!includes(rule.verbs, verb)) return false;
  if (resource) {
    return (
      includes(rule.apiGroups, resource.group) &&
      resourceMatches(rule.resources, resource.plural, resource.subresource) &&
      nameMatches(rule.resourceNames, resource.name)
    );
  }
  return pathMatches(rule.nonResourceURLs, path ?? "");
}

/** Whether the list names the value or everything. */
function includes(list: readonly string[] | undefined, value: string): boolean {
  if (list === undefined) return false;
  for (const each of list) if (each === value || each === "*") return true;
  return false;
}

/** `pods`, `pods/log`, `*` (all with their subresources) and `*\/scale` (that subresource of all). */
function resourceMatches(list: readonly string[] | undefined, plural: string, subresource: string): boolean {
  if (list === undefined) return false;
  const whole = subresource === "" ? plural : `${plural}/${subresource}`;
  for (const each of list) {
    if (each === "*" || each === whole) return true;
    if (subresource !== "" && each.startsWith("*/") && each.slice(2) === subresource) return true;
  }
  return false;
}

function nameMatches(list: readonly string[] | undefined, name: string): boolean {
  return list === undefined || list.length === 0 || list.includes(name);
}

function pathMatches(list: readonly string[] | undefined, path: string): boolean {
  if (list === undefined) return false;
  for (const each of list) {
    if (each === "*" || each === path) return true;
    if (each.endsWith("*") && path.startsWith(each.replace(/\*+$/, ""))) return true;
  }
  return false;
}

/** Enough to see what is wrong; a rule of a few kilobytes stands for millions. */
const missingMax = 10_000;

/**
 * The rules among `wanted`, each cut down to a single right, that `owned` does not hold: what granting them would add, or
 * the first of it.
 */
export function uncoveredRules(owned: readonly PolicyRule[], wanted: readonly PolicyRule[]): PolicyRule[] {
  const missing: PolicyRule[] = [];
  for (const { verbs, apiGroups, resources, nonResourceURLs, resourceNames } of wanted) {
    const names = resourceNames?.length ? [axis("resourceNames", resourceNames, nameMatches)] : [];
    const ofVerbs = axis("verbs", verbs, includes);
    const ofResources = [
      axis("apiGroups", apiGroups, includes),
      axis("resources", resources, wholeResourceMatches),
      ofVerbs,
      ...names,
    ];
    // Who holds a right to some names alone does not hold it to all of them.
    const toAll = names.length > 0 ? owned : owned.filter((rule) => !rule.resourceNames?.length);
    collectMissing(toAll, ofResources, missing);
    collectMissing(owned, [axis("nonResourceURLs", nonResourceURLs, pathMatches), ofVerbs], missing);
  }
  return missing;
}

/** One of the lists of a rule. */
interface Axis {
  readonly field: keyof PolicyRule;
  readonly values: readonly string[];
  readonly holds: (rule: PolicyRule, value: string) => boolean;
}

function axis(
  field: keyof PolicyRule,
  values: readonly string[] = [],
  matches: (list: readonly string[] | undefined, value: string) => boolean,
): Axis {
  return { field, values: [...new Set(values)], holds: (rule, value) => matches(rule[field], value) };
}

/**
 * Adds the combinations of one value of each axis that no rule holds. A right with wildcards is only held by a rule with
 * wildcards. Which rules are left after some axes decides about the others, so each such choice is looked through once.
 */
function collectMissing(owned: readonly PolicyRule[], axes: readonly Axis[], missing: PolicyRule[]): void {
  const indexOf = new Map(owned.map((rule, index) => [rule, index]));
  const held = new Set<string>();
  const collect = (rules: readonly PolicyRule[], at: number, right: Partial<PolicyRule>): void => {
    const { field, values, holds } = axes[at] ?? {};
    if (!field || !values || !holds) {
      if (rules.length === 0) missing.push(right as PolicyRule); // every axis has given its field
      return;
    }
    const choice = `${at} ${rules.map((rule) => indexOf.get(rule))}`;
    if (held.has(choice)) return;
    const left = axes.slice(at);
    if (rules.some((rule) => left.every((each) => each.values.every((value) => each.holds(rule, value))))) return;
    const before = missing.length;
    for (const value of values) {
      if (missing.length >= missingMax) return;
      const holding = rules.filter((rule) => holds(rule, value));
      collect(holding, at + 1, { ...right, [field]: [value] });
    }
    if (missing.length === before) held.add(choice);
  };
  collect(owned, 0, {});
}

function wholeResourceMatches(list: readonly string[] | undefined, resource: string): boolean {
  const [plural = "", subresource = ""] = splitResource(resource);
  return resourceMatches(list, plural, subresource);
}

function splitResource(resource: string): string[] {
  const slash = resource.indexOf("/");
  return slash < 0 ? [resource] : [resource.slice(0, slash), resource.slice(slash + 1)];
}

/** Single rights with those that differ only in their verb put together, as messages show them. */
export function compactRights(rights: readonly PolicyRule[]): PolicyRule[] {
  const compact = new Map<string, PolicyRule>();
  for (const right of rights) {
    const { apiGroups, resources, resourceNames, nonResourceURLs } = right;
    const key = nonResourceURLs ? describeRule(right) : JSON.stringify([apiGroups, resources, resourceNames]);
    const same = compact.get(key);
    compact.set(key, same ? { ...same, verbs: [...same.verbs, ...right.verbs] } : right);
  }
  return [...compact.values()];
}

/** A rule as Kubernetes prints it in messages: `{APIGroups:[""], Resources:["pods"], Verbs:["get" "list"]}`. */
export function describeRule(rule: PolicyRule): string {
  const quoted = (list: readonly string[]) => `[${list.map((each) => JSON.stringify(each)).join(" ")}]`;
  const parts = [
    ["APIGroups", rule.apiGroups],
    ["Resources", rule.resources],
    ["NonResourceURLs", rule.nonResourceURLs],
    ["ResourceNames", rule.resourceNames],
    ["Verbs", rule.verbs],
  ] as const;
  const shown = parts.flatMap(([name, list]) => (list && list.length > 0 ? [`${name}:${quoted(list)}`] : []));
  return `{${shown.join(", ")}}`;
}
