import {
  ApiError,
  apiVersionOf,
  type ClusterRole,
  type ClusterRoleBinding,
  ClusterRoleBindings,
  ClusterRoles,
  type KubeObject,
  type NewObject,
  type RbacSubject,
  type ResourceDefinition,
  type ResourceHandler,
  type ResourceRequest,
  type Role,
  type RoleBinding,
  RoleBindings,
  Roles,
  type User,
} from "../../../api/index.ts";
import { deepEqual } from "../../../lib/index.ts";
import type { Lookup } from "../../lookup.ts";
import { uncoveredRules } from "../uncovered-rules.ts";
import { clusterRoleBindings, roleBindings, roles } from "./bindings.ts";
import { clusterRoles } from "./cluster-roles.ts";
import { controllerRoles } from "./controller-roles.ts";
import { autoupdate } from "./rule.ts";

/** The API server itself, as the writer of what it keeps. */
export const apiServerUser: User = { name: "system:apiserver", groups: ["system:masters", "system:authenticated"] };

/** The requests that create the whole default policy. */
export function bootstrapPolicyCreations(): ResourceRequest[] {
  const creations = <T extends KubeObject>(definition: ResourceDefinition<T>, wanted: readonly NewObject<T>[]) =>
    wanted.map((each) => creation(definition, each));
  return [
    ...creations(ClusterRoles, [...clusterRoles, ...controllerRoles]),
    ...creations(Roles, roles),
    ...creations(ClusterRoleBindings, clusterRoleBindings),
    ...creations(RoleBindings, roleBindings),
  ];
}

function creation<T extends KubeObject>(definition: ResourceDefinition<T>, wanted: NewObject<T>): ResourceRequest {
  const { group, version, plural, kind } = definition;
  const { namespace } = wanted.metadata;
  const body = { apiVersion: apiVersionOf(definition), kind, ...wanted };
  return { verb: "create", group, version, plural, ...(namespace === undefined ? {} : { namespace }), body };
}

/** How often a write is tried again that met another server's or an administrator's. */
const attemptsMax = 5;

/**
 * Creates the roles and bindings of the default policy that are missing, and adds to those that are there what they lack:
 * rules, subjects, labels. What an administrator added stays; an object whose autoupdate annotation says false is left
 * alone. Runs at every start, once the namespaces kube-system and kube-public are there.
 */
export async function reconcileBootstrapPolicy(handler: ResourceHandler, lookup: Lookup): Promise<void> {
  const keep = <T extends KubeObject>(
    definition: ResourceDefinition<T>,
    wanted: readonly NewObject<T>[],
    complete: (kept: T, wanted: NewObject<T>) => T | undefined | "recreate",
  ) => wanted.map((each) => reconcile(handler, lookup, definition, each, complete));
  await Promise.all([
    ...keep(ClusterRoles, [...clusterRoles, ...controllerRoles], completeRole),
    ...keep(Roles, roles, completeRole),
  ]);
  await Promise.all([
    ...keep(ClusterRoleBindings, clusterRoleBindings, completeBinding),
    ...keep(RoleBindings, roleBindings, completeBinding),
  ]);
}

async function reconcile<T extends KubeObject>(
  handler: ResourceHandler,
  lookup: Lookup,
  definition: ResourceDefinition<T>,
  wanted: NewObject<T>,
  complete: (kept: T, wanted: NewObject<T>) => T | undefined | "recreate",
): Promise<void> {
  const { namespace, name = "" } = wanted.metadata;
  const { body: _body, ...place } = creation(definition, wanted);
  const send = (request: Pick<ResourceRequest, "verb" | "name" | "body">) =>
    handler.handle({ ...place, ...request }, apiServerUser);
  for (let attempt = 1; ; attempt++) {
    try {
      const kept = lookup.get(definition, namespace, name);
      if (!kept) return void (await handler.handle(creation(definition, wanted), apiServerUser));
      if (kept.metadata.annotations?.[autoupdate] === "false") return;
      const completed = complete(kept, wanted);
      if (completed === undefined) return;
      if (completed !== "recreate") return void (await send({ verb: "update", name, body: completed }));
      await send({ verb: "delete", name });
    } catch (error) {
      // Somebody else wrote it since it was read: read again.
      const met = error instanceof ApiError && (error.code === 409 || error.code === 404);
      if (!met || attempt === attemptsMax) throw error;
    }
  }
}

/** The role with the metadata, rules and selectors that it lacks; undefined when it lacks nothing. */
function completeRole<T extends ClusterRole | Role>(kept: T, wanted: NewObject<T>): T | undefined {
  const { aggregationRule: keptRule } = kept as ClusterRole;
  const { aggregationRule: wantedRule } = wanted as NewObject<ClusterRole>;
  const wantedRules = wanted.rules ?? [];
  const metadata = completeMetadata(kept, wanted);
  const keptRules = kept.rules ?? [];
  // The rules of an aggregated role are the controller's.
  const missingRules = wantedRule ? [] : wantedRules.filter((each) => uncoveredRules(keptRules, [each]).length > 0);
  const selectors = (wantedRule?.clusterRoleSelectors ?? []).filter(
    (each) => !(keptRule?.clusterRoleSelectors ?? []).some((other) => deepEqual(each, other)),
  );
  if (!metadata && missingRules.length === 0 && selectors.length === 0) return undefined;
  return {
    ...kept,
    metadata: metadata ?? kept.metadata,
    rules: [...keptRules, ...missingRules],
    ...(selectors.length === 0
      ? {}
      : { aggregationRule: { clusterRoleSelectors: [...(keptRule?.clusterRoleSelectors ?? []), ...selectors] } }),
  };
}

/** The binding with the metadata and subjects that it lacks. A roleRef cannot be changed: then it is made anew. */
function completeBinding<T extends ClusterRoleBinding | RoleBinding>(
  kept: T,
  wanted: NewObject<T>,
): T | undefined | "recreate" {
  const { roleRef, subjects = [] } = wanted as NewObject<ClusterRoleBinding>;
  if (!deepEqual(kept.roleRef, roleRef)) return "recreate";
  const metadata = completeMetadata(kept, wanted);
  const same = (a: RbacSubject, b: RbacSubject) =>
    a.kind === b.kind && a.name === b.name && (a.namespace ?? "") === (b.namespace ?? "");
  const missing = subjects.filter((each) => !(kept.subjects ?? []).some((other) => same(each, other)));
  if (!metadata && missing.length === 0) return undefined;
  return { ...kept, metadata: metadata ?? kept.metadata, subjects: [...(kept.subjects ?? []), ...missing] };
}

/** Metadata with the labels and annotations that are missing; values that are there stay. */
function completeMetadata<T extends KubeObject>(kept: T, wanted: NewObject<T>): T["metadata"] | undefined {
  const lacks = (kind: "labels" | "annotations") =>
    Object.keys(wanted.metadata[kind] ?? {}).some((key) => kept.metadata[kind]?.[key] === undefined);
  if (!lacks("labels") && !lacks("annotations")) return undefined;
  return {
    ...kept.metadata,
    labels: { ...wanted.metadata.labels, ...kept.metadata.labels },
    annotations: { ...wanted.metadata.annotations, ...kept.metadata.annotations },
  };
}
