// Makes the table by which protobuf is read and written, from Kubernetes' published messages (protobufjs' JSON form):
//   test/node scripts/generate-api-protobuf.ts path/to/protobuf-kubernetes.json
// Writes src/api/protobuf/messages.generated.ts: for every schema of facts.json that is a message, and for the answers
// that OpenAPI does not describe, the fields under their JSON names.
import { readFileSync, writeFileSync } from "node:fs";
import { definitions } from "../src/api/schema/facts.ts";

interface Field {
  readonly type: string;
  readonly id: number;
  readonly rule?: "repeated";
  readonly keyType?: string;
}
interface Node {
  readonly fields?: Readonly<Record<string, Field>>;
  readonly nested?: Readonly<Record<string, Node>>;
}

/** protobufjs keeps a message's options beside its fields, so a field of that name is lost from its JSON form. */
const lostFields: Readonly<Record<string, Readonly<Record<string, Field>>>> = {
  "k8s.io.api.core.v1.PodDNSConfig": { options: { rule: "repeated", type: "PodDNSConfigOption", id: 3 } },
  "k8s.io.api.core.v1.FlexVolumeSource": { options: { keyType: "string", type: "string", id: 5 } },
  "k8s.io.api.core.v1.FlexPersistentVolumeSource": { options: { keyType: "string", type: "string", id: 5 } },
};

/** One letter for each scalar type; message-fields.ts knows them. */
const scalars: Readonly<Record<string, string>> = {
  string: "s",
  bytes: "x",
  bool: "b",
  int32: "i",
  int64: "i",
  double: "d",
};

const [source] = process.argv.slice(2);
if (!source)
  throw new Error("name the definition: test/node scripts/generate-api-protobuf.ts path/to/protobuf-kubernetes.json");
const messages = new Map<string, Readonly<Record<string, Field>>>();
collect(JSON.parse(readFileSync(source, "utf8")), "");

function collect(node: Node, path: string): void {
  if (node.fields) messages.set(path, { ...node.fields, ...lostFields[path] });
  for (const [name, each] of Object.entries(node.nested ?? {})) collect(each, path === "" ? name : `${path}.${name}`);
}

/** The name of a message's schema: `k8s.io.api.core.v1.Pod` is `io.k8s.api.core.v1.Pod`. */
function schemaName(message: string): string {
  return message
    .replace(/^k8s\.io\./, "io.k8s.")
    .replace("apiextensions_apiserver", "apiextensions-apiserver")
    .replace("kube_aggregator", "kube-aggregator");
}

function resolve(type: string, from: string): string | undefined {
  if (type.startsWith(".")) return type.slice(1);
  const scope = from.split(".");
  for (; scope.length > 0; scope.pop())
    if (messages.has(`${scope.join(".")}.${type}`)) return `${scope.join(".")}.${type}`;
  return undefined;
}

/** The field's name in JSON: the spelling that the schema has for it. */
function jsonName(field: string, properties: readonly string[]): string | undefined {
  const plain = (name: string) => name.replace(/[$-]/g, "").toLowerCase();
  return properties.find((each) => each === field) ?? properties.find((each) => plain(each) === plain(field));
}

const wanted = new Set(Object.keys(definitions));
// Kinds that became v1 after the messages were published have those of their last beta: graduation keeps the numbers.
for (const name of wanted) {
  const message = [...messages.keys()].find((each) => schemaName(each) === name.replace(".v1.", ".v1beta1."));
  const graduated = message?.replace(".v1beta1.", ".v1.");
  if (message && graduated && !messages.has(graduated)) messages.set(graduated, messages.get(message)!);
}
/** Forms of answers: of metadata alone, and of discovery in one piece. */
const answers = [
  "k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadata",
  "k8s.io.apimachinery.pkg.apis.meta.v1.PartialObjectMetadataList",
  "k8s.io.apimachinery.pkg.apis.meta.v1beta1.PartialObjectMetadataList",
  "k8s.io.api.apidiscovery.v2.APIGroupDiscoveryList",
  "k8s.io.api.apidiscovery.v2beta1.APIGroupDiscoveryList",
];
// Messages that no schema names: those answers, those whose fields stand inline, and those that are lists in JSON.
const unnamed = new Set<string>(answers);
const lines: string[] = [];
const done = new Set<string>();
for (const message of messages.keys()) if (wanted.has(schemaName(message))) write(message);
for (const message of unnamed) write(message);

/** Whether an object with these properties has all fields of the message among them. */
function standsInline(message: string, properties: readonly string[]): boolean {
  return Object.entries(messages.get(message) ?? {}).every(([field, { type }]) => {
    if (jsonName(field, properties) !== undefined) return true;
    const target = resolve(type, message);
    return target !== undefined && standsInline(target, properties);
  });
}

function write(message: string): void {
  if (done.has(message)) return;
  done.add(message);
  const name = schemaName(message);
  const properties = definitions[name]?.properties;
  const fields = Object.entries(messages.get(message)!).flatMap(([field, { type, id, rule, keyType }]) => {
    const target = resolve(type, message);
    const json = properties ? jsonName(field, Object.keys(properties)) : field;
    const isInline = json === undefined && target !== undefined && standsInline(target, Object.keys(properties ?? {}));
    // A field that the schema does not know is one that the API does not have.
    if (json === undefined && !isInline) return [];
    if (target !== undefined && !wanted.has(schemaName(target))) unnamed.add(target);
    const flag = keyType ? "@" : rule ? "*" : isInline ? "!" : "";
    const code = target ? schemaName(target) : scalars[type];
    if (!code) throw new Error(`${message}.${field} has the unknown type ${type}`);
    return [`${id} ${json ?? field} ${flag}${code}`];
  });
  lines.push(`  ${JSON.stringify(name)}: ${JSON.stringify(fields.join(","))},`);
}

writeFileSync(
  new URL("../src/api/protobuf/messages.generated.ts", import.meta.url),
  `// Made by scripts/generate-api-protobuf.ts; do not edit.

/** The fields of each message: number, JSON name and type, the latter with @ for maps, * for lists, ! for what is inline. */
export const messages: Readonly<Record<string, string>> = {
${lines.sort().join("\n")}
};
`,
);
