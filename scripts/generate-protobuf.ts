// Makes the messages of the container runtime interface from its published definition (protobufjs' JSON form):
//   test/node scripts/generate-protobuf.ts path/to/protobuf-cri.json
// Writes src/agent/engine/cri/cri.generated.ts: the definitions for the gRPC loader and their TypeScript types, with
// only the methods that the agent calls and the messages that these reach.
import { readFileSync, writeFileSync } from "node:fs";

interface Field {
  type: string;
  id: number;
  rule?: "repeated";
  keyType?: string;
}
interface Method {
  requestType: string;
  responseType: string;
  responseStream?: boolean;
}
interface Node {
  methods?: Record<string, Method>;
  fields?: Record<string, Field>;
  oneofs?: unknown;
  values?: Record<string, number>;
  nested?: Record<string, Node>;
}

const methods: Record<string, readonly string[]> = {
  RuntimeService: [
    "Version",
    "Status",
    "RunPodSandbox",
    "StopPodSandbox",
    "RemovePodSandbox",
    "PodSandboxStatus",
    "ListPodSandbox",
    "CreateContainer",
    "StartContainer",
    "StopContainer",
    "RemoveContainer",
    "ListContainers",
    "ContainerStatus",
    "UpdateContainerResources",
    "ReopenContainerLog",
    "ExecSync",
    "Exec",
    "Attach",
    "PortForward",
    "ListContainerStats",
    "GetContainerEvents",
  ],
  ImageService: ["ListImages", "ImageStatus", "PullImage", "RemoveImage", "ImageFsInfo"],
};

/** protobufjs keeps a message's options beside its fields, so a field of that name is lost from its JSON form. */
const lostFields: Record<string, Record<string, Field>> = {
  DNSConfig: { options: { rule: "repeated", type: "string", id: 3 } },
};

const [source] = process.argv.slice(2);
if (!source) throw new Error("name the definition: test/node scripts/generate-protobuf.ts path/to/protobuf-cri.json");
const packageNode: Node = JSON.parse(readFileSync(source, "utf8")).nested.runtime.nested.v1;
const kept: Record<string, Node> = {};
const scalars: Record<string, string> = {
  string: "string",
  bytes: "Uint8Array",
  bool: "boolean",
  int32: "number",
  uint32: "number",
  int64: "number",
  uint64: "number",
  double: "number",
};

for (const [service, names] of Object.entries(methods)) {
  const all = packageNode.nested?.[service]?.methods ?? {};
  const taken: Record<string, Method> = {};
  for (const name of names) {
    const method = all[name];
    if (!method) throw new Error(`the definition has no ${service}.${name}`);
    taken[name] = method;
    keep(method.requestType);
    keep(method.responseType);
  }
  kept[service] = { methods: taken };
}

const sorted = Object.fromEntries(Object.entries(kept).sort(([a], [b]) => (a < b ? -1 : 1)));
const definition = Object.entries(sorted).map(([name, node]) => `  ${name}: ${JSON.stringify(node)},`);
const signatures = Object.entries(sorted).flatMap(([service, node]) =>
  Object.entries(node.methods ?? {}).map(
    ([name, method]) => `  readonly "${service}/${name}": readonly [${method.requestType}, ${method.responseType}];`,
  ),
);
const types = Object.entries(sorted).flatMap(([name, node]) => typesOf(name, node));
writeFileSync(
  new URL("../src/agent/engine/cri/cri.generated.ts", import.meta.url),
  `// Made by scripts/generate-protobuf.ts; do not edit.

/** The messages and services of package runtime.v1, in protobufjs' JSON form. */
export const criMessages = {
${definition.join("\n")}
};

/** Request and answer of each method. */
export interface CriMethods {
${signatures.join("\n")}
}

${types.join("\n")}
`,
);

function isWindows(name: string): boolean {
  return name.startsWith("Windows");
}

function keep(name: string): void {
  if (kept[name] || scalars[name]) return;
  const node = packageNode.nested?.[name];
  if (!node) return;
  const fields = Object.entries({ ...node.fields, ...lostFields[name] }).filter(([, field]) => !isWindows(field.type));
  const copy: Node = node.values
    ? { values: node.values }
    : { fields: Object.fromEntries(fields), ...(node.nested ? { nested: node.nested } : {}) };
  kept[name] = copy;
  for (const [, field] of fields) keep(field.type);
}

function typesOf(name: string, node: Node): string[] {
  if (node.methods) return [];
  if (node.values)
    return [
      `export type ${name} = ${Object.keys(node.values)
        .map((each) => JSON.stringify(each))
        .join(" | ")};`,
    ];
  const nested = Object.entries(node.nested ?? {}).flatMap(([inner, each]) => typesOf(`${name}${inner}`, each));
  const fields = Object.entries(node.fields ?? {}).map(([field, each]) => {
    const type = scalars[each.type] ?? (node.nested?.[each.type] ? name + each.type : each.type);
    if (each.keyType) return `  readonly ${field}?: Readonly<Record<string, ${type}>>;`;
    return `  readonly ${field}?: ${each.rule === "repeated" ? `readonly ${type}[]` : type};`;
  });
  if (fields.length === 0) return [...nested, `export type ${name} = Readonly<Record<never, never>>;`];
  return [...nested, `export interface ${name} {`, ...fields, "}"];
}
