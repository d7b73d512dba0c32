// Refuses what no quota of its namespace covers, where the configuration asks for one: the limitedResources of
// k8s.io/apiserver/pkg/admission/plugin/resourcequota.
// https://kubernetes.io/docs/concepts/policy/resource-quotas/#limit-priority-class-consumption-by-default
import {
  ApiError,
  type Fields,
  type GroupResource,
  isInQuota,
  type QuotaEvaluator,
  quotaEvaluator,
  quotaScopes,
  ResourceQuotas,
  readConfiguration,
  required,
  type ScopedResourceSelectorRequirement,
} from "../../api/index.ts";
import type { Clock } from "../../lib/index.ts";
import type { Lookup } from "../lookup.ts";
import { addedUsage } from "../quota/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";

/** What may be had only where a quota says how much. */
export interface LimitedResource extends GroupResource {
  /** Parts of the names of what a quota must limit. */
  readonly matchContains: readonly string[];
  /** Of what is in one of these scopes, a quota must be about the scope. */
  readonly matchScopes: readonly ScopedResourceSelectorRequirement[];
}

/** A ResourceQuotaConfiguration. Throws an Error that says what is wrong. */
export function readLimitedResources(value: unknown): readonly LimitedResource[] {
  const read = (fields: Fields) => fields.objects("limitedResources").map(readLimitedResource);
  return readConfiguration(value, "ResourceQuotaConfiguration", read, "apiserver.config.k8s.io", ["v1"]);
}

function readLimitedResource(fields: Fields): LimitedResource {
  const plural = fields.text("resource");
  if (plural === "") fields.errors.add(required(fields.at.child("resource")));
  const matchScopes = fields.objects("matchScopes").map((each) => {
    const scope = { scopeName: each.text("scopeName"), operator: each.text("operator"), values: each.texts("values") };
    each.done();
    return scope;
  });
  const limited = { group: fields.text("apiGroup"), plural, matchContains: fields.texts("matchContains"), matchScopes };
  fields.done();
  return limited;
}

/** Whatever is counted is charged as it is stored; here is asked whether anybody counts it. */
export function quotaCoverage(lookup: Lookup, clock: Clock, limited: readonly LimitedResource[]): AdmissionPlugin {
  const name = "ResourceQuota";
  if (limited.length === 0) return { name };
  return {
    name,
    validate(request) {
      const { operation, definition, subresource, namespace, object, old } = request;
      if (namespace === "" || !object || (operation !== "CREATE" && operation !== "UPDATE")) return;
      const evaluator = quotaEvaluator(definition);
      if (!evaluator.isCharged(operation, subresource, object, old)) return;
      if (addedUsage(evaluator, object, old, clock.now()).size === 0) return;
      const quotas = lookup.list(ResourceQuotas, namespace);
      const covered = new Set(
        quotas
          .filter((quota) => isInQuota(quota, evaluator, object))
          .flatMap(({ status }) => Object.keys(status?.hard ?? {}))
          .filter((each) => evaluator.counts(each)),
      );
      const missing = limitedNames(request, evaluator, limited, clock.now()).filter((each) => !covered.has(each));
      if (missing.length > 0) throw refuse(request, `insufficient quota to consume: ${missing.join(",")}`);
      const isIn = (scope: ScopedResourceSelectorRequirement) => evaluator.inScope?.(object, scope) ?? false;
      const coveredScopes = new Set(
        quotas
          .flatMap(quotaScopes)
          .filter(isIn)
          .map(({ scopeName }) => scopeName),
      );
      const scopes = limited.flatMap(({ matchScopes }) => matchScopes).filter(isIn);
      const open = scopes.filter(({ scopeName }) => !coveredScopes.has(scopeName));
      // Upstream refuses with an error of no kind, which is answered as one of the server's.
      if (open.length > 0)
        throw new ApiError(500, "", `insufficient quota to match these scopes: [${open.map(shown).join(" ")}]`);
    },
  };
}

/** The names of what the object uses that a quota must limit. */
function limitedNames(
  { definition, object }: AdmissionRequest,
  evaluator: QuotaEvaluator,
  limited: readonly LimitedResource[],
  nowMs: number,
): string[] {
  const own = limited.filter(({ group, plural }) => group === definition.group && plural === definition.plural);
  if (!object || own.length === 0) return [];
  const parts = own.flatMap(({ matchContains }) => matchContains);
  const used = addedUsage(evaluator, object, undefined, nowMs).keys();
  return [...used].filter((name) => parts.some((part) => name.includes(part))).sort();
}

/** As Go prints it. */
function shown({ scopeName, operator, values = [] }: ScopedResourceSelectorRequirement): string {
  return `{${scopeName} ${operator} [${values.join(" ")}]}`;
}
