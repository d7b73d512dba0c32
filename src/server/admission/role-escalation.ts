// Nobody gives away rights that they do not hold: pkg/registry/rbac/{role,clusterrole,rolebinding,…}/policybased.
import {
  type ClusterRole,
  ClusterRoleBindings,
  ClusterRoles,
  type KubeObject,
  notFound,
  type PolicyRule,
  type RoleBinding,
  RoleBindings,
  type RoleRef,
  Roles,
} from "../../api/index.ts";
import { deepEqual } from "../../lib/index.ts";
import {
  type Authorizer,
  compactRights,
  describeRule,
  privilegedGroup,
  type RuleResolver,
  TooManyRules,
  uncoveredRules,
} from "../authorization/index.ts";
import type { AdmissionPlugin, AdmissionRequest } from "./admission.ts";
import { refuse } from "./refusal.ts";
import { written } from "./subject.ts";

const rbacGroup = "rbac.authorization.k8s.io";
const everything: readonly PolicyRule[] = [
  { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
  { verbs: ["*"], nonResourceURLs: ["*"] },
];

export interface RoleEscalationOptions {
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
}

/** Writing a role takes the rights in it, or the verb escalate; binding one takes its rights, or the verb bind. */
export function roleEscalation({ authorizer, rules }: RoleEscalationOptions): AdmissionPlugin {
  async function mayUseVerb(request: AdmissionRequest, verb: string, plural: string, name: string): Promise<boolean> {
    const { user, namespace } = request;
    const resource = { group: rbacGroup, version: "v1", plural, subresource: "", namespace, name };
    return (await authorizer.authorize({ user, verb, resource })).allowed;
  }

  function requireRights(request: AdmissionRequest, wanted: readonly PolicyRule[]): void {
    const sentence = missingRights(request, wanted, rules);
    if (sentence !== undefined) throw refuse(request, sentence);
  }

  async function validateRole(request: AdmissionRequest, role: ClusterRole): Promise<void> {
    const { plural } = request.definition;
    if (await mayUseVerb(request, "escalate", plural, request.name)) return;
    requireRights(request, role.rules ?? []);
    // What an aggregated role will hold, nobody can tell beforehand.
    const old = request.old as ClusterRole | undefined;
    const aggregates = [role, old].some((each) => (each?.aggregationRule?.clusterRoleSelectors ?? []).length > 0);
    if (aggregates && missingRights(request, everything, rules) !== undefined)
      throw refuse(request, "must have cluster-admin privileges to use the aggregationRule");
  }

  async function validateBinding(request: AdmissionRequest, { roleRef }: Pick<RoleBinding, "roleRef">): Promise<void> {
    const isClusterRole = roleRef.kind === "ClusterRole";
    if (await mayUseVerb(request, "bind", isClusterRole ? "clusterroles" : "roles", roleRef.name)) return;
    const wanted = rules.rulesOf(roleRef, request.namespace);
    if (!wanted) throw missingRole(roleRef);
    requireRights(request, wanted);
  }

  return {
    name: "RoleEscalation",
    resources: [Roles, ClusterRoles, RoleBindings, ClusterRoleBindings],
    async validate(request) {
      if (request.user.groups.includes(privilegedGroup)) return;
      const role = written(request, ClusterRoles, "CREATE", "UPDATE") ?? written(request, Roles, "CREATE", "UPDATE");
      const binding =
        written(request, ClusterRoleBindings, "CREATE", "UPDATE") ?? written(request, RoleBindings, "CREATE", "UPDATE");
      if ((role ?? binding) && changesOnlyGarbageCollection(request)) return;
      if (role) await validateRole(request, role as ClusterRole);
      else if (binding) await validateBinding(request, binding);
    },
  };
}

/** The sentence about what the user lacks of the rules; undefined when nothing. */
function missingRights(
  { user, namespace }: AdmissionRequest,
  wanted: readonly PolicyRule[],
  resolver: RuleResolver,
): string | undefined {
  const { rules, errors } = resolver.rulesFor(user, namespace);
  const groups = user.groups.map((each) => JSON.stringify(each)).join(" ");
  const attempt = `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions`;
  let missing: readonly PolicyRule[];
  try {
    missing = uncoveredRules(rules, wanted);
  } catch (error) {
    if (error instanceof TooManyRules) return `${attempt} that are too many to compare with those held`;
    throw error;
  }
  if (missing.length === 0) return undefined;
  const lines = [...new Set(compactRights(missing).map(describeRule))].sort();
  const sentence = `${attempt} not currently held:\n${lines.join("\n")}`;
  return errors.length === 0 ? sentence : `${sentence}; resolution errors: [${errors.join(" ")}]`;
}

const missingRole = ({ kind, name }: RoleRef) =>
  notFound({ group: rbacGroup, plural: kind === "Role" ? "role" : "clusterrole" }, name);

/** The garbage collector takes owners and finalizers away from roles whose rights it does not hold. */
function changesOnlyGarbageCollection({ operation, object, old }: AdmissionRequest): boolean {
  if (operation !== "UPDATE" || !object || !old) return false;
  const comparable = (each: KubeObject) => {
    const { ownerReferences: _, finalizers: __, managedFields: ___, ...metadata } = each.metadata;
    return { ...each, metadata };
  };
  return deepEqual(comparable(object as KubeObject), comparable(old));
}
