// The objects with which every cluster begins and which an administrator may change, and the mandatory ones among them:
// https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#default-configuration
import type { FlowSchemaSpec, PolicyRulesWithSubjects, PriorityLevelConfigurationSpec } from "../types.generated.ts";

type Subject = PolicyRulesWithSubjects["subjects"][number];
type ResourceRule = NonNullable<PolicyRulesWithSubjects["resourceRules"]>[number];

/** A level that queues; `shares` of the server's seats, of which `lendable` percent are lent. */
function queuing(shares: number, lendable: number, queues: number, handSize: number): PriorityLevelConfigurationSpec {
  return {
    type: "Limited",
    limited: {
      nominalConcurrencyShares: shares,
      lendablePercent: lendable,
      limitResponse: { type: "Queue", queuing: { queues, handSize, queueLengthLimit: 50 } },
    },
  };
}

export const suggestedPriorityLevels: ReadonlyMap<string, PriorityLevelConfigurationSpec> = new Map([
  ["system", queuing(30, 33, 64, 6)],
  ["node-high", queuing(40, 25, 64, 6)],
  ["leader-election", queuing(10, 0, 16, 4)],
  ["workload-high", queuing(40, 50, 128, 6)],
  ["workload-low", queuing(100, 90, 128, 6)],
  ["global-default", queuing(20, 50, 128, 6)],
]);

const group = (name: string): Subject => ({ kind: "Group", group: { name } });
const user = (name: string): Subject => ({ kind: "User", user: { name } });
const account = (name: string): Subject => ({
  kind: "ServiceAccount",
  serviceAccount: { namespace: "kube-system", name },
});
const everybody = [group("system:unauthenticated"), group("system:authenticated")];
const nodes = group("system:nodes");
const manager = user("system:kube-controller-manager");
const scheduler = user("system:kube-scheduler");

/** Requests in all namespaces; with `clusterScope` also those outside of any. */
function resources(
  verbs: readonly string[],
  apiGroups: readonly string[],
  names: readonly string[],
  clusterScope = false,
): ResourceRule {
  return { verbs, apiGroups, resources: names, namespaces: ["*"], ...(clusterScope ? { clusterScope } : {}) };
}

function anythingOf(...subjects: readonly Subject[]): PolicyRulesWithSubjects {
  return {
    subjects,
    resourceRules: [resources(["*"], ["*"], ["*"], true)],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  };
}

function schema(
  level: string,
  matchingPrecedence: number,
  distinguisher: "ByUser" | "ByNamespace" | undefined,
  rule: PolicyRulesWithSubjects,
): FlowSchemaSpec {
  return {
    priorityLevelConfiguration: { name: level },
    matchingPrecedence,
    ...(distinguisher ? { distinguisherMethod: { type: distinguisher } } : {}),
    rules: [rule],
  };
}

const elections = ["get", "create", "update"];
const leases = resources(elections, ["coordination.k8s.io"], ["leases"]);

export const suggestedFlowSchemas: ReadonlyMap<string, FlowSchemaSpec> = new Map([
  [
    "probes",
    schema("exempt", 2, undefined, {
      subjects: everybody,
      nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/readyz", "/livez"] }],
    }),
  ],
  [
    "system-leader-election",
    schema("leader-election", 100, "ByUser", {
      subjects: [manager, scheduler, account("*")],
      resourceRules: [leases],
    }),
  ],
  [
    "endpoint-controller",
    schema("workload-high", 150, "ByUser", {
      subjects: [manager, account("endpoint-controller"), account("endpointslicemirroring-controller")],
      resourceRules: [resources(elections, [""], ["endpoints"])],
    }),
  ],
  [
    "workload-leader-election",
    schema("leader-election", 200, "ByUser", {
      subjects: [account("*")],
      resourceRules: [resources(elections, [""], ["endpoints", "configmaps"]), leases],
    }),
  ],
  [
    "system-node-high",
    schema("node-high", 400, "ByUser", {
      subjects: [nodes],
      resourceRules: [
        resources(["*"], [""], ["nodes", "nodes/status"], true),
        resources(["*"], ["coordination.k8s.io"], ["leases"]),
      ],
    }),
  ],
  ["system-nodes", schema("system", 500, "ByUser", anythingOf(nodes))],
  ["kube-controller-manager", schema("workload-high", 800, "ByNamespace", anythingOf(manager))],
  ["kube-scheduler", schema("workload-high", 800, "ByNamespace", anythingOf(scheduler))],
  ["kube-system-service-accounts", schema("workload-high", 900, "ByNamespace", anythingOf(account("*")))],
  ["service-accounts", schema("workload-low", 9000, "ByUser", anythingOf(group("system:serviceaccounts")))],
  ["global-default", schema("global-default", 9900, "ByUser", anythingOf(...everybody))],
]);
