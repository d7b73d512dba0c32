// What the server serves, told to clients: APIVersions, APIGroupList, APIResourceList and the aggregated form.
import {
  type APIGroup,
  type APIGroupList,
  type APIResource,
  type APIResourceList,
  type APIVersions,
  apiVersionOf,
  type ResourceDefinition,
} from "../../api/index.ts";
import { compareText, sha256 } from "../../lib/index.ts";
import { type ApiServices, aggregatedResources } from "../aggregation/index.ts";
import type { ResourceRegistry } from "../registry.ts";

/** What is served: by this server, and by others under its address. */
export interface Served {
  readonly registry: ResourceRegistry;
  readonly apiServices: ApiServices;
}

interface Group {
  readonly name: string;
  /** The preferred version first. */
  readonly versions: readonly string[];
}

/** Versions as Kubernetes orders them: v2 before v1 before v1beta2 before v1alpha1, then everything else by name. */
function compareVersions(a: string, b: string): number {
  const left = versionRank(a);
  const right = versionRank(b);
  for (const [index, rank] of left.entries()) if (rank !== right[index]) return right[index]! - rank;
  return compareText(a, b);
}

function versionRank(version: string): readonly [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return [-1, 0, 0];
  const [, major = "0", stage, minor = "0"] = match;
  return [stage === undefined ? 2 : stage === "beta" ? 1 : 0, Number(major), Number(minor)];
}

/** The groups in the order of their APIServices' priorities, by which kubectl resolves a short name that several have. */
function groupsOf({ registry, apiServices }: Served): readonly Group[] {
  const versions = new Map<string, Set<string>>();
  const add = (group: string, version: string) => {
    const known = versions.get(group) ?? new Set();
    versions.set(group, known.add(version));
  };
  for (const { group, version } of registry.all()) add(group, version);
  for (const { spec } of apiServices.remote()) add(spec.group ?? "", spec.version ?? "");
  const groups = [...versions].map(([name, found]) => {
    const places = [...found].map((version) => ({ version, priority: apiServices.priorityOf(name, version) }));
    places.sort((a, b) => b.priority.version - a.priority.version || compareVersions(a.version, b.version));
    return {
      name,
      versions: places.map(({ version }) => version),
      priority: Math.max(...places.map(({ priority }) => priority.group)),
    };
  });
  return groups.sort((a, b) => b.priority - a.priority || (a.name < b.name ? -1 : 1));
}

/** GET /api */
export function apiVersions(serverAddress: string): APIVersions {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

/** GET /apis */
export function apiGroupList(served: Served): APIGroupList {
  const groups = groupsOf(served).filter((each) => each.name !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(describeGroup) };
}

/** GET /apis/GROUP; undefined when there is no such group. */
export function apiGroup(served: Served, name: string): APIGroup | undefined {
  const group = groupsOf(served).find((each) => each.name === name);
  return group && { kind: "APIGroup", apiVersion: "v1", ...describeGroup(group) };
}

function describeGroup({ name, versions }: Group): APIGroup {
  const described = versions.map((version) => ({ groupVersion: apiVersionOf({ group: name, version }), version }));
  return { name, versions: described, preferredVersion: described[0]! };
}

/** GET /api/v1 and /apis/GROUP/VERSION; undefined when there is no such version. */
export function apiResourceList(
  registry: ResourceRegistry,
  group: string,
  version: string,
): APIResourceList | undefined {
  const definitions = registry.all().filter((each) => each.group === group && each.version === version);
  if (definitions.length === 0) return undefined;
  const resources = inOrder(definitions).flatMap(describeResources);
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersionOf({ group, version }), resources };
}

function describeResources(definition: ResourceDefinition): APIResource[] {
  const { plural, singular, namespaced, kind, shortNames, categories, subresources } = definition;
  const verbs = definition.verbsTold?.() ?? definition.verbs;
  const main: APIResource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(verbs.includes("watch") ? { storageVersionHash: storageVersionHash(definition) } : {}),
  };
  return [
    main,
    ...subresources.map((each) => ({
      name: `${plural}/${each.name}`,
      singularName: "",
      namespaced,
      ...(each.group === definition.group && each.version === definition.version
        ? {}
        : { group: each.group, version: each.version }),
      kind: each.kind,
      verbs: each.verbs,
    })),
  ];
}

/** Changes when objects are stored in another version; client libraries come to the same (endpoints/discovery/util.go). */
function storageVersionHash(definition: ResourceDefinition): string {
  const stored = definition.stored?.definition() ?? definition;
  return sha256(`${stored.group}/${stored.version}/${stored.kind}`).subarray(0, 8).toBase64();
}

/** Subresources and verbs stand in the order that the definition has: what Kubernetes sorts, the facts have sorted. */
function inOrder(definitions: readonly ResourceDefinition[]): ResourceDefinition[] {
  return definitions.toSorted((a, b) => (a.plural < b.plural ? -1 : 1));
}

/**
 * The groups in the form of apidiscovery.k8s.io, v2 or v2beta1: one answer instead of one for each version. `discovered`
 * holds what other servers say of theirs, by group version; one that is not there is stale.
 */
export function aggregatedDiscovery(
  served: Served,
  version: "v2" | "v2beta1",
  core: boolean,
  discovered: ReadonlyMap<string, APIResourceList> = new Map(),
): object {
  const groups = groupsOf(served).filter((each) => (each.name === "") === core);
  const definitions = served.registry.all();
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: core ? {} : { name: group.name },
      versions: group.versions.map((each) => {
        if (served.apiServices.isRemote(group.name, each)) {
          const list = discovered.get(`${group.name}/${each}`);
          if (!list) return { version: each, freshness: "Stale" };
          return { version: each, freshness: "Current", resources: aggregatedResources(list) };
        }
        return {
          version: each,
          freshness: "Current",
          resources: inOrder(
            definitions.filter((definition) => definition.group === group.name && definition.version === each),
          ).map(aggregatedResource),
        };
      }),
    })),
  };
}

function aggregatedResource(definition: ResourceDefinition): object {
  const { group, version, plural, singular, namespaced, kind, shortNames, categories, subresources } = definition;
  const verbs = definition.verbsTold?.() ?? definition.verbs;
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((each) => ({
            subresource: each.name,
            responseKind: { group: each.group, version: each.version, kind: each.kind },
            verbs: each.verbs,
          })),
        }
      : {}),
  };
}
