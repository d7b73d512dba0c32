// Gathers the rules of aggregated cluster roles: pkg/controller/clusterroleaggregation.
import { type ClusterRole, ClusterRoles, matchesLabelSelector, type PolicyRule } from "../api/index.ts";
import { also, defineController } from "../client/index.ts";
import { deepEqual } from "../lib/index.ts";

/** Keeps the rules of every role with an aggregationRule: those of all roles that its selectors choose. */
export const clusterRoleAggregationController = defineController({
  name: "clusterrole-aggregation-controller",
  watches: {
    also: [
      // What a role is part of is known from its labels, and what it was part of no more: all gather again.
      also(ClusterRoles, (_, cache) =>
        cache
          .list(ClusterRoles)
          .filter((each) => each.aggregationRule)
          .map(({ metadata }) => metadata.name),
      ),
    ],
  },
  // One at a time: of roles that gather each other's rules each sees what the other became, and none swaps with it.
  concurrency: 1,
  async reconcile({ client, cache }, key) {
    const role = cache.get(ClusterRoles, key);
    if (!role?.aggregationRule) return;
    const rules = aggregatedRules(role, cache.list(ClusterRoles));
    if (!deepEqual(rules, role.rules ?? [])) await client.update(ClusterRoles, { ...role, rules });
  },
});

/** The rules of the roles that the selectors of `role` choose, each once, in the order of the roles' names. */
function aggregatedRules(role: ClusterRole, all: readonly ClusterRole[]): PolicyRule[] {
  const byName = [...all].sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1));
  const rules: PolicyRule[] = [];
  for (const selector of role.aggregationRule?.clusterRoleSelectors ?? [])
    for (const { metadata, rules: parts } of byName) {
      if (metadata.name === role.metadata.name || !matchesLabelSelector(selector, metadata.labels)) continue;
      for (const part of parts ?? []) if (!rules.some((each) => deepEqual(each, part))) rules.push(part);
    }
  return rules;
}
