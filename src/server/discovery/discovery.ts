// What the server serves, told to clients: APIVersions, APIGroupList, APIResourceList and the aggregated form.
import type {
  APIGroup,
  APIGroupList,
  APIResource,
  APIResourceList,
  APIVersions,
  ResourceDefinition,
} from "../../api/index.ts";
import { apiVersionOf } from "../../api/index.ts";
import type { ResourceRegistry } from "../registry.ts";

/** The order of Kubernetes' own groups, by which kubectl resolves a short name that several have; others follow by name. */
const groupOrder = [
  "",
  "apps",
  "events.k8s.io",
  "authentication.k8s.io",
  "authorization.k8s.io",
  "autoscaling",
  "batch",
  "certificates.k8s.io",
  "networking.k8s.io",
  "policy",
  "rbac.authorization.k8s.io",
  "storage.k8s.io",
  "admissionregistration.k8s.io",
  "apiextensions.k8s.io",
  "scheduling.k8s.io",
  "coordination.k8s.io",
  "node.k8s.io",
  "discovery.k8s.io",
  "flowcontrol.apiserver.k8s.io",
  "resource.k8s.io",
  "apiregistration.k8s.io",
];

interface Group {
  readonly name: string;
  /** The preferred version first. */
  readonly versions: readonly string[];
}

/** Versions as Kubernetes orders them: v2 before v1 before v1beta2 before v1alpha1, then everything else by name. */
export function compareVersions(a: string, b: string): number {
  const left = versionRank(a);
  const right = versionRank(b);
  for (const [index, rank] of left.entries()) if (rank !== right[index]) return right[index]! - rank;
  return a < b ? -1 : a > b ? 1 : 0;
}

function versionRank(version: string): readonly [number, number, number] {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return [-1, 0, 0];
  const [, major = "0", stage, minor = "0"] = match;
  return [stage === undefined ? 2 : stage === "beta" ? 1 : 0, Number(major), Number(minor)];
}

export function groupsOf(registry: ResourceRegistry): readonly Group[] {
  const versions = new Map<string, Set<string>>();
  for (const { group, version } of registry.all()) {
    const known = versions.get(group) ?? new Set();
    versions.set(group, known.add(version));
  }
  const rank = (name: string) => {
    const at = groupOrder.indexOf(name);
    return at < 0 ? groupOrder.length : at;
  };
  return [...versions]
    .map(([name, found]) => ({ name, versions: [...found].sort(compareVersions) }))
    .sort((a, b) => rank(a.name) - rank(b.name) || (a.name < b.name ? -1 : 1));
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
export function apiGroupList(registry: ResourceRegistry): APIGroupList {
  const groups = groupsOf(registry).filter((each) => each.name !== "");
  return { kind: "APIGroupList", apiVersion: "v1", groups: groups.map(describeGroup) };
}

/** GET /apis/GROUP; undefined when there is no such group. */
export function apiGroup(registry: ResourceRegistry, name: string): APIGroup | undefined {
  const group = groupsOf(registry).find((each) => each.name === name);
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
  const resources = definitions.flatMap(describeResources).sort((a, b) => (a.name < b.name ? -1 : 1));
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersionOf({ group, version }), resources };
}

function describeResources(definition: ResourceDefinition): APIResource[] {
  const { plural, singular, namespaced, kind, verbs, shortNames, categories, subresources } = definition;
  const main: APIResource = {
    name: plural,
    singularName: singular,
    namespaced,
    kind,
    verbs: sorted(verbs),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(verbs.includes("list") ? { storageVersionHash: storageVersionHash(definition) } : {}),
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
      verbs: sorted(each.verbs),
    })),
  ];
}

/** Eight bytes that change when objects are stored in another version; clients compare them and nothing else. */
function storageVersionHash(definition: ResourceDefinition): string {
  const stored = definition.stored?.definition() ?? definition;
  return hash64(`${stored.group}/${stored.version}/${stored.kind}`).toBase64();
}

/** FNV-1a with 64 bits. */
function hash64(text: string): Uint8Array {
  let hash = 0xcbf29ce484222325n;
  for (const byte of new TextEncoder().encode(text)) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, hash);
  return bytes;
}

function sorted(verbs: readonly string[]): readonly string[] {
  return [...verbs].sort();
}

/** The groups of `names` in the form of apidiscovery.k8s.io, v2 or v2beta1: one answer instead of one for each version. */
export function aggregatedDiscovery(registry: ResourceRegistry, version: "v2" | "v2beta1", core: boolean): object {
  const groups = groupsOf(registry).filter((each) => (each.name === "") === core);
  const definitions = registry.all();
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items: groups.map((group) => ({
      metadata: { ...(core ? {} : { name: group.name }), creationTimestamp: null },
      versions: group.versions.map((each) => ({
        version: each,
        freshness: "Current",
        resources: definitions
          .filter((definition) => definition.group === group.name && definition.version === each)
          .sort((a, b) => (a.plural < b.plural ? -1 : 1))
          .map(aggregatedResource),
      })),
    })),
  };
}

function aggregatedResource(definition: ResourceDefinition): object {
  const { group, version, plural, singular, namespaced, kind, verbs, shortNames, categories, subresources } =
    definition;
  return {
    resource: plural,
    responseKind: { group, version, kind },
    scope: namespaced ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs: sorted(verbs),
    ...(shortNames.length > 0 ? { shortNames } : {}),
    ...(categories.length > 0 ? { categories } : {}),
    ...(subresources.length > 0
      ? {
          subresources: subresources.map((each) => ({
            subresource: each.name,
            responseKind: { group: each.group, version: each.version, kind: each.kind },
            verbs: sorted(each.verbs),
          })),
        }
      : {}),
  };
}
