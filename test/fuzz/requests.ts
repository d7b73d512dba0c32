// Requests of every shape over the published facts: paths, queries, media types, bodies and patches, right and wrong.
import { anyValue } from "../../src/api/any-value-fixture.ts";
import { definitions, type ResourceFact, resourceFacts } from "../../src/api/index.ts";
import type { Random } from "../../src/lib/index.ts";
import { damaged, mutated, oneOf, yamlBodies } from "./mutations.ts";
import { samples } from "./samples.ts";

export interface FuzzRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | undefined;
}

/** Bodies that the server has answered with, by resource: what is changed from there gets further than what is made up. */
export class Corpus {
  readonly #bodies = new Map<string, unknown[]>();

  add(resource: string, body: unknown): void {
    const bodies = this.#bodies.get(resource) ?? [];
    this.#bodies.set(resource, bodies);
    bodies.push(body);
    if (bodies.length > 20) bodies.shift();
  }

  any(resource: string, random: Random): unknown {
    const bodies = this.#bodies.get(resource);
    return bodies && oneOf(random, bodies);
  }
}

/** Few names, so that requests meet objects, and no more of these than can be kept. */
const names = [
  "a",
  "b",
  "c.example.com",
  "default",
  "admin",
  "kubernetes",
  "A_b",
  "x".repeat(300),
  "%00",
  "..",
  "a%2fb",
];
const namespaces = ["default", "kube-system", "a", "nowhere", "..", "%ff"];

/** What would make the server ask others, or refuse everybody: tried, and never kept. */
const isOnlyTried = ({ group, plural }: ResourceFact) =>
  group === "admissionregistration.k8s.io" ||
  group === "apiregistration.k8s.io" ||
  plural === "customresourcedefinitions";
/** What leads out of the server. */
const leadsOut = new Set(["proxy", "exec", "attach", "portforward", "log"]);

const resources = resourceFacts;
const usual = resources.filter(({ plural }) => plural in samples);
const garbage = [
  "",
  "a",
  "-1",
  "0",
  "1",
  "99999999999999999999",
  "true",
  "\0",
  "'",
  "a=b",
  "a in (b,c)",
  "a in (",
  "!a",
  "=,=",
  "é",
  "%",
];
const queries: readonly (readonly [string, readonly string[]])[] = [
  ["labelSelector", [...garbage, "a,b,!c,d notin (e)", "a>1", `${"a,".repeat(500)}b`]],
  ["fieldSelector", [...garbage, "metadata.name=a", "spec.nodeName=a", "status.phase!=Running", "metadata.name=a,b=c"]],
  ["limit", garbage],
  ["continue", [...garbage, "eyJ2IjoibWV0YS5rOHMuaW8vdjEiLCJydiI6MSwic3RhcnQiOiJhIn0"]],
  ["resourceVersion", garbage],
  ["resourceVersionMatch", ["Exact", "NotOlderThan", "", "x"]],
  ["timeoutSeconds", ["0", "1", "x", "-1"]],
  ["timeout", ["1s", "0", "x", "1h", "-1s"]],
  ["allowWatchBookmarks", garbage],
  ["sendInitialEvents", garbage],
  ["dryRun", ["All", "None", ""]],
  ["fieldManager", ["a", "", "x".repeat(200), "\u0001"]],
  ["fieldValidation", ["Strict", "Warn", "Ignore", "x"]],
  ["force", ["true", "false", "x"]],
  ["gracePeriodSeconds", garbage],
  ["propagationPolicy", ["Foreground", "Background", "Orphan", "x"]],
  ["orphanDependents", garbage],
  ["pretty", garbage],
  ["includeObject", ["None", "Object", "Metadata", "x"]],
  ["unknown", garbage],
];
const contentTypes = [
  "application/json",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/cbor",
  "text/plain",
  "",
  "application/json; charset=utf-8",
  "a/b/c",
];
const patchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
  "application/apply-patch+yaml",
];
const accepts = [
  "application/json",
  "*/*",
  "application/yaml",
  "application/vnd.kubernetes.protobuf",
  "application/json;as=Table;v=v1;g=meta.k8s.io",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
  "application/json;as=Wrong;v=v1;g=x",
  "text/html",
  ";;,q=",
];
const otherPaths = [
  "/",
  "/api",
  "/apis",
  "/api/v1",
  "/apis/apps",
  "/apis/apps/v1",
  "/apis/none/v1",
  "/openapi/v2",
  "/openapi/v3",
  "/openapi/v3/apis/apps/v1",
  "/version",
  "/healthz",
  "/livez/ping",
  "/readyz",
  "/metrics",
  "/..",
  "//",
  "/%",
  "/api/v1/namespaces//pods",
  "/apis/a/b/c/d/e/f/g",
];

/** Any request: half of them nearly right. */
export function anyRequest(random: Random, corpus: Corpus): FuzzRequest {
  const chance = (share: number) => random.next() < share;
  const accept = chance(0.75) ? accepts[0]! : oneOf(random, accepts);
  if (chance(0.03)) {
    const method = oneOf(random, ["GET", "POST", "PUT", "HEAD", "OPTIONS"]);
    return { method, path: oneOf(random, otherPaths), headers: { accept }, body: undefined };
  }
  const resource = oneOf(random, chance(0.5) ? usual : resources);
  const subresources = resource.subresources.filter(({ name }) => !leadsOut.has(name));
  const subresource = subresources.length > 0 && chance(0.2) ? oneOf(random, subresources) : undefined;
  const method = oneOf(random, [
    "GET",
    "GET",
    "POST",
    "POST",
    "POST",
    "PUT",
    "PUT",
    "PATCH",
    "PATCH",
    "PATCH",
    "DELETE",
  ]);
  const isNamed = method !== "POST" ? chance(0.9) : subresource !== undefined;
  const name = chance(0.8) ? oneOf(random, names.slice(0, 6)) : oneOf(random, names);
  const path = [
    resource.group === "" ? "/api" : `/apis/${resource.group}`,
    resource.version,
    ...(resource.namespaced && (method !== "GET" || chance(0.8))
      ? ["namespaces", chance(0.8) ? "default" : oneOf(random, namespaces)]
      : []),
    resource.plural,
    ...(isNamed ? [name] : []),
    ...(isNamed && subresource ? [subresource.name] : []),
  ].join("/");
  const query = new URLSearchParams();
  while (chance(0.2)) {
    const [parameter, values] = oneOf(random, queries);
    query.append(parameter, oneOf(random, values));
  }
  if (method === "GET" && !isNamed && chance(0.2)) {
    query.set("watch", "1");
    query.set("timeoutSeconds", "1");
  }
  if (isOnlyTried(resource)) query.set("dryRun", "All");
  const headers: Record<string, string> = { accept };
  const body = bodyOf({ random, corpus, resource, method, name, headers });
  return { method, path: query.size === 0 ? path : `${path}?${query}`, headers, body };
}

interface BodyContext {
  readonly random: Random;
  readonly corpus: Corpus;
  readonly resource: ResourceFact;
  readonly method: string;
  readonly name: string;
  readonly headers: Record<string, string>;
}

function bodyOf({ random, corpus, resource, method, name, headers }: BodyContext): Buffer | undefined {
  const chance = (share: number) => random.next() < share;
  if (method === "GET" || (method === "DELETE" && chance(0.7))) return undefined;
  const isPatch = method === "PATCH";
  const type =
    isPatch && chance(0.9) ? oneOf(random, patchTypes) : chance(0.9) ? contentTypes[0]! : oneOf(random, contentTypes);
  if (type !== "") headers["content-type"] = type;
  if (/yaml/.test(type) && chance(0.1)) return Buffer.from(oneOf(random, yamlBodies));
  const value = type === patchTypes[0] ? jsonPatch(random) : objectOf(random, corpus, resource, name);
  if (type === "application/vnd.kubernetes.protobuf")
    return Buffer.concat([Buffer.from("k8s\0"), Buffer.from(random.bytes(60))]);
  const bytes = Buffer.from(JSON.stringify(value) ?? "");
  return chance(0.1) ? damaged(bytes, random) : bytes;
}

function objectOf(random: Random, corpus: Corpus, resource: ResourceFact, name: string): unknown {
  const known = random.next() < 0.5 ? corpus.any(resource.plural, random) : undefined;
  const sample = random.next() < 0.7 ? samples[resource.plural] : undefined;
  const made = known ?? sample ?? anyValue(definitions[resource.definition]!, random, 6);
  const { group, version, kind } = resource;
  const object: Record<string, unknown> = { ...(made as object) };
  object.apiVersion = group === "" ? version : `${group}/${version}`;
  object.kind = kind;
  const metadata = { name, ...(object.metadata as object | undefined) } as Record<string, unknown>;
  // Sometimes the name of what it was made from, which is another's.
  if (resource.plural !== "customresourcedefinitions" && random.next() < 0.9) metadata.name = name;
  if (random.next() < 0.7) delete metadata.resourceVersion;
  if (random.next() < 0.7) delete metadata.managedFields;
  // Objects that wait for nobody would pile up.
  delete metadata.finalizers;
  delete metadata.generateName;
  delete metadata.namespace;
  object.metadata = metadata;
  return random.next() < 0.5 ? mutated(object, random) : object;
}

const pointers = [
  "",
  "/",
  "/metadata",
  "/metadata/labels",
  "/metadata/labels/a",
  "/spec",
  "/spec/replicas",
  "/spec/-",
  "/a~1b/~0",
  "/data/x",
  "/metadata/name",
  "/spec/template/spec/containers/0",
];

/** Steps as of RFC 6902, some of which double what is there. */
function jsonPatch(random: Random): unknown {
  const length = oneOf(random, [0, 1, 2, 3, 30, 11_000]);
  const step = () => ({
    op: oneOf(random, ["add", "add", "remove", "replace", "copy", "move", "test", "wrong"]),
    path: oneOf(random, pointers),
    ...(random.next() < 0.5 ? { from: oneOf(random, pointers) } : {}),
    ...(random.next() < 0.7 ? { value: mutated({}, random) } : {}),
  });
  if (random.next() < 0.1)
    return Array.from({ length: 40 }, (_, index) => ({
      op: "copy",
      from: "/metadata",
      path: `/metadata/labels/x${index}`,
    }));
  return Array.from({ length }, step);
}
