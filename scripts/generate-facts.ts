// Makes the table of facts and the types from the published OpenAPI (v2) document of Kubernetes:
//   npm run generate -- path/to/openapi-v2.json
// Writes src/api/schema/facts.json (definitions without their sentences, and the resources with a REST path)
// and src/api/types.generated.ts. Only stable versions (v1, v2, …) are taken: the others are off by default in Kubernetes.
import { readFileSync, writeFileSync } from "node:fs";
import { shortName } from "../src/api/schema/go-types.ts";
import { writtenWhenEmpty } from "../src/api/schema/written-when-empty.ts";

interface Property {
  type?: string;
  format?: string;
  $ref?: string;
  items?: Property;
  additionalProperties?: Property;
  [extension: `x-kubernetes-${string}`]: unknown;
}
interface Definition extends Property {
  properties?: Record<string, Property>;
  required?: string[];
}
interface GroupVersionKind {
  group: string;
  version: string;
  kind: string;
}
interface Operation {
  "x-kubernetes-action"?: string;
  "x-kubernetes-group-version-kind"?: GroupVersionKind;
}
interface Document {
  definitions: Record<string, Definition>;
  paths: Record<string, Record<string, Operation>>;
}
interface SubresourceFact extends GroupVersionKind {
  name: string;
  verbs: string[];
}
interface ResourceFact extends GroupVersionKind {
  plural: string;
  namespaced: boolean;
  verbs: string[];
  definition: string;
  subresources: SubresourceFact[];
}

const [source] = process.argv.slice(2);
if (!source) throw new Error("name the OpenAPI document: npm run generate -- path/to/openapi-v2.json");
const document: Document = JSON.parse(readFileSync(source, "utf8"));
const stable = /^v\d+$/;
const refPrefix = "#/definitions/";

const definitions: Record<string, Definition> = {};
for (const resource of collectResources()) takeDefinition(resource.definition);
for (const name of [
  "DeleteOptions",
  "Status",
  "WatchEvent",
  "APIGroup",
  "APIGroupList",
  "APIResourceList",
  "APIVersions",
])
  takeDefinition(`io.k8s.apimachinery.pkg.apis.meta.v1.${name}`);
for (const resource of collectResources())
  for (const subresource of resource.subresources) {
    const name = definitionOf(subresource);
    if (name) takeDefinition(name);
  }

const resources = collectResources();
const sorted = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
const lines = Object.entries(sorted).map(([name, value]) => `  ${JSON.stringify(name)}: ${JSON.stringify(value)}`);
writeFileSync(
  new URL("../src/api/schema/facts.json", import.meta.url),
  `{\n"resources": [\n${resources.map((r) => `  ${JSON.stringify(r)}`).join(",\n")}\n],\n"definitions": {\n${lines.join(",\n")}\n}\n}\n`,
);
writeFileSync(new URL("../src/api/types.generated.ts", import.meta.url), types(sorted));

function collectResources(): ResourceFact[] {
  const found = new Map<string, ResourceFact>();
  const pattern =
    /^\/(?:api|apis\/([^/]+))\/([^/]+)\/(namespaces\/\{namespace\}\/)?([a-z]+)(\/\{name\})?(?:\/([a-z]+))?(?:\/\{path\})?$/;
  for (const [path, item] of Object.entries(document.paths)) {
    const match = pattern.exec(path);
    if (!match) continue;
    const [, group = "", version = "", inNamespace, plural = "", , subresource] = match;
    if (!stable.test(version)) continue;
    for (const operation of Object.values(item)) {
      const kind = operation["x-kubernetes-group-version-kind"];
      const action = operation["x-kubernetes-action"];
      if (!kind || !action) continue;
      const key = `${group}/${version}/${plural}`;
      if (subresource === undefined) {
        const fact: ResourceFact = found.get(key) ?? {
          group,
          version,
          kind: kind.kind,
          plural,
          namespaced: false,
          verbs: [],
          definition: definitionOf(kind) ?? "",
          subresources: [],
        };
        if (inNamespace) fact.namespaced = true;
        addVerbs(fact.verbs, action);
        // A list can be watched where the old form of the watch has a path.
        const watched = document.paths[`/${group === "" ? "api" : `apis/${group}`}/${version}/watch/${plural}`];
        if (action === "list" && watched) addVerbs(fact.verbs, "watch");
        found.set(key, fact);
      } else {
        const fact = found.get(key);
        if (!fact) continue;
        let entry = fact.subresources.find((each) => each.name === subresource);
        if (!entry) {
          entry = { name: subresource, ...kind, verbs: [] };
          fact.subresources.push(entry);
        }
        addVerbs(entry.verbs, action);
      }
    }
  }
  return [...found.values()].filter((fact) => fact.definition !== "");
}

/** Turns the document's action into the verbs of discovery. */
function addVerbs(verbs: string[], action: string): void {
  const names: Record<string, string[]> = {
    post: ["create"],
    put: ["update"],
    connect: ["get", "create"],
  };
  for (const verb of names[action] ?? [action]) if (!verbs.includes(verb)) verbs.push(verb);
  verbs.sort();
}

function definitionOf(kind: GroupVersionKind): string | undefined {
  return Object.entries(document.definitions).find(([name, definition]) => {
    const kinds = definition["x-kubernetes-group-version-kind"] as GroupVersionKind[] | undefined;
    return (
      name.endsWith(`.${kind.kind}`) &&
      kinds?.some((each) => each.group === kind.group && each.version === kind.version && each.kind === kind.kind)
    );
  })?.[0];
}

function takeDefinition(name: string): void {
  if (definitions[name]) return;
  const source = document.definitions[name];
  if (!source) return;
  const taken = withoutSentences(source) as Definition;
  definitions[name] = taken;
  for (const reference of JSON.stringify(taken).matchAll(/"#\/definitions\/([^"]+)"/g)) takeDefinition(reference[1]!);
}

function withoutSentences(value: unknown, inProperties = false): unknown {
  if (Array.isArray(value)) return value.map((each) => withoutSentences(each));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value)
    .filter(([key]) => inProperties || key !== "description")
    .map(([key, each]) => [key, withoutSentences(each, key === "properties" && !inProperties)]);
  return Object.fromEntries(entries);
}

/** The TypeScript name of a definition: its last word, with its group's or version's name where two share it. */
function typeName(definition: string): string {
  const parts = definition.split(".");
  const short = parts.at(-1)!;
  // The name belongs to the type of request.ts, which knows the kinds of events.
  if (definition === "io.k8s.apimachinery.pkg.apis.meta.v1.WatchEvent") return "SerializedWatchEvent";
  const version = parts.at(-2)!;
  const group = parts.at(-3)!;
  const rivals = Object.keys(definitions).filter((each) => each.split(".").at(-1) === short);
  if (rivals.length === 1) return short;
  const preferred = rivals.find((each) => each.includes(".core.v1.")) ?? rivals.find((each) => each.includes(".v2."));
  if (definition === preferred) return short;
  const capital = (word: string) => word[0]!.toUpperCase() + word.slice(1);
  return rivals.filter((each) => each.split(".").at(-3) === group).length > 1
    ? `${short}${capital(version)}`
    : `${capital(group)}${short}`;
}

function types(all: Record<string, Definition>): string {
  const out = [
    "// Made by scripts/generate-facts.ts; do not edit.",
    'import type { Int64 } from "../lib/index.ts";',
    "",
  ];
  const special: Record<string, string> = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": "string",
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": "number | string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.Time": "string",
    "io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime": "string",
    "io.k8s.apimachinery.pkg.runtime.RawExtension": "unknown",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON": "unknown",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrArray":
      "JSONSchemaProps | readonly JSONSchemaProps[]",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrBool": "JSONSchemaProps | boolean",
    "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSONSchemaPropsOrStringArray":
      "JSONSchemaProps | readonly string[]",
  };
  // What every stored object has, whatever the document calls optional.
  const always: Record<string, string[]> = {
    ObjectMeta: ["name", "uid", "resourceVersion", "creationTimestamp"],
    ListMeta: ["resourceVersion"],
    PodTemplateSpec: ["spec"],
    JobTemplateSpec: ["spec"],
  };
  for (const [name, definition] of Object.entries(all)) {
    const type = typeName(name);
    if (special[name]) {
      out.push(`export type ${type} = ${special[name]};`, "");
      continue;
    }
    const kinds = definition["x-kubernetes-group-version-kind"] as GroupVersionKind[] | undefined;
    const required = new Set([...(definition.required ?? []), ...(always[type] ?? [])]);
    if (kinds && definition.properties?.metadata) for (const key of ["metadata", "spec", "status"]) required.add(key);
    if (!definition.properties) {
      out.push(`export type ${type} = Readonly<Record<string, unknown>>;`, "");
      continue;
    }
    out.push(`export interface ${type} {`);
    for (const [key, property] of Object.entries(definition.properties)) {
      const safe = /^[A-Za-z_$][\w$]*$/.test(key) ? key : JSON.stringify(key);
      // The metadata of a template names no object: none of it is certain to be there.
      const type = key === "metadata" && !kinds ? `Partial<${typeOf(property)}>` : typeOf(property);
      const orNull = writtenWhenEmpty(shortName(name), key) === null ? " | null" : "";
      out.push(`  readonly ${safe}${required.has(key) ? "" : "?"}: ${type}${orNull};`);
    }
    out.push("}", "");
  }
  return out.join("\n");
}

function typeOf(property: Property): string {
  if (property.$ref) return typeName(property.$ref.slice(refPrefix.length));
  if (property.type === "array") {
    const item = property.items ? typeOf(property.items) : "unknown";
    return `readonly ${/[ |]/.test(item) ? `(${item})` : item}[]`;
  }
  if (property.type === "integer") return property.format === "int32" ? "number" : "Int64";
  if (property.type === "number") return "number";
  if (property.type === "string" || property.type === "boolean") return property.type;
  if (property.additionalProperties) return `Readonly<Record<string, ${typeOf(property.additionalProperties)}>>`;
  return property.type === "object" ? "Readonly<Record<string, unknown>>" : "unknown";
}
