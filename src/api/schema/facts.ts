import facts from "./facts.json" with { type: "json" };
import type { GroupVersionKind, Schema } from "./schema.ts";

export interface SubresourceFact extends GroupVersionKind {
  readonly name: string;
  readonly verbs: readonly string[];
}

/** What Kubernetes publishes of one resource with a REST path. */
export interface ResourceFact extends GroupVersionKind {
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
  /** The name of its schema in `definitions`. */
  readonly definition: string;
  readonly subresources: readonly SubresourceFact[];
}

/** Every resource of Kubernetes' stable groups, in the order of the published document. */
export const resourceFacts: readonly ResourceFact[] = facts.resources;

/** JSON imports are typed by their content, too wide to be Schema. */
const published = facts.definitions as unknown as Readonly<Record<string, Schema>>;

/** The published document is of a later day, on which what v1.35 calls so had another form. */
const workloadReference = "io.k8s.api.core.v1.WorkloadReference";
const podSpec = "io.k8s.api.core.v1.PodSpec";

/** The published schemas by their full names, `io.k8s.api.core.v1.Pod`. */
export const definitions: Readonly<Record<string, Schema>> = {
  ...published,
  [podSpec]: {
    ...published[podSpec],
    properties: { ...published[podSpec]?.properties, workloadRef: { $ref: `#/definitions/${workloadReference}` } },
  },
  [workloadReference]: {
    type: "object",
    properties: { name: { type: "string" }, podGroup: { type: "string" }, podGroupReplicaKey: { type: "string" } },
    required: ["name", "podGroup"],
  },
};

const byResource = new Map(resourceFacts.map((fact) => [`${fact.group}/${fact.version}/${fact.plural}`, fact]));

/** The fact about a built-in resource; throws for one that Kubernetes does not publish. */
export function resourceFact(group: string, version: string, plural: string): ResourceFact {
  const fact = byResource.get(`${group}/${version}/${plural}`);
  if (!fact) throw new Error(`no resource ${group}/${version}/${plural} among the facts of Kubernetes`);
  return fact;
}

const prefix = "#/definitions/";

/** The built-in schema that `#/definitions/…` names. */
export function resolveBuiltIn(reference: string): Schema {
  const found = definitions[reference.slice(prefix.length)];
  if (!found) throw new Error(`no definition ${reference} among the facts of Kubernetes`);
  return found;
}

const byKind = new Map<string, string>();
for (const [name, schema] of Object.entries(definitions))
  for (const { group, version, kind } of schema["x-kubernetes-group-version-kind"] ?? [])
    byKind.set(`${group}/${version} ${kind}`, name);

/** The published schema of a kind, be it that of a resource or of a subresource's body, with its full name. */
export function definitionOfKind(
  group: string,
  version: string,
  kind: string,
): { readonly name: string; readonly schema: Schema } | undefined {
  const name = byKind.get(`${group}/${version} ${kind}`);
  const schema = name === undefined ? undefined : definitions[name];
  return name === undefined || schema === undefined ? undefined : { name, schema };
}
