// Reads protobuf with protobufjs, told the numbers of the fields: it shares no line of code with what writes them.
import assert from "node:assert/strict";
import protobufjs from "protobufjs";
import { fieldsOf, type MessageField, messageOf } from "../src/api/protobuf/message-fields.ts";
import { messages } from "../src/api/protobuf/messages.generated.ts";

const root = new protobufjs.Root();
const typeName = (message: string) => message.replaceAll(/\W/g, "_");
export const scalarNames: Readonly<Record<string, string>> = {
  s: "string",
  x: "bytes",
  b: "bool",
  i: "int64",
  d: "double",
};
for (const message of Object.keys(messages)) {
  const type = new protobufjs.Type(typeName(message));
  for (const field of fieldsOf(message)) type.add(oracleField(field));
  root.add(type);
}

function oracleField({ id, form, type }: MessageField): protobufjs.FieldBase {
  const name = scalarNames[type] ?? typeName(type);
  // Named by number: some names of fields mean something to protobufjs.
  if (form === "map") return new protobufjs.MapField(`f${id}`, id, "string", name);
  return new protobufjs.Field(`f${id}`, id, name, form === "list" ? "repeated" : "optional");
}

export type Fields = Readonly<Record<string, unknown>>;

/** What protobufjs reads, as JSON. */
function oracleJson(message: string, read: Fields): unknown {
  const json: Record<string, unknown> = {};
  for (const { id, name, form, type } of fieldsOf(message)) {
    const value = read[`f${id}`];
    if (value === undefined) continue;
    const one = (each: unknown) => (scalarNames[type] ? scalarJson(type, each) : oracleJson(type, each as Fields));
    if (form === "inline") Object.assign(json, one(value));
    else if (form === "list") json[name] = (value as unknown[]).map(one);
    else if (form === "map")
      json[name] = Object.fromEntries(Object.entries(value as Fields).map(([key, each]) => [key, one(each)]));
    else json[name] = one(value);
  }
  return specialJson(message.slice(message.lastIndexOf(".") + 1), json);
}

function scalarJson(type: string, value: unknown): unknown {
  return type === "x" ? Buffer.from(value as Uint8Array).toString("base64") : value;
}

function specialJson(message: string, json: Record<string, unknown>): unknown {
  const embedded = (base64: unknown) => JSON.parse(Buffer.from(String(base64), "base64").toString());
  switch (message) {
    case "Time":
      return new Date(Number(json.seconds) * 1000).toISOString().replace(".000Z", "Z");
    case "MicroTime":
      return new Date(Number(json.seconds) * 1000)
        .toISOString()
        .replace(".000Z", `.${String(Number(json.nanos) / 1000).padStart(6, "0")}Z`);
    case "Quantity":
      return json.string;
    case "IntOrString":
      return json.type === 1 ? json.strVal : json.intVal;
    case "FieldsV1":
      return embedded(json.Raw);
    case "RawExtension":
    case "JSON":
      return embedded(json.raw);
    case "ExtraValue":
    case "Verbs":
      return json.items ?? [];
    case "JSONSchemaPropsOrArray":
      return json.jSONSchemas ?? json.schema;
    case "JSONSchemaPropsOrBool":
      return json.schema ?? json.allows;
    case "JSONSchemaPropsOrStringArray":
      return json.property ?? json.schema;
    default:
      return json;
  }
}

const unknown = new protobufjs.Type("Unknown")
  .add(new protobufjs.Field("typeMeta", 1, "TypeMeta"))
  .add(new protobufjs.Field("raw", 2, "bytes"))
  .add(
    new protobufjs.Type("TypeMeta")
      .add(new protobufjs.Field("apiVersion", 1, "string"))
      .add(new protobufjs.Field("kind", 2, "string")),
  );
const list = new protobufjs.Type("List")
  .add(new protobufjs.Field("metadata", 1, "bytes"))
  .add(new protobufjs.Field("items", 2, "bytes", "repeated"));
const watchEvent = new protobufjs.Type("WatchEvent")
  .add(new protobufjs.Field("type", 1, "string"))
  .add(new protobufjs.Field("object", 2, "RawExtension"))
  .add(new protobufjs.Type("RawExtension").add(new protobufjs.Field("raw", 1, "bytes")));
new protobufjs.Root().add(unknown).add(list).add(watchEvent);

/** The object of a body, or the list of a kind that is no resource's own message. */
export function readProtobuf(body: Uint8Array): Fields {
  assert.deepEqual([...body.subarray(0, 4)], [0x6b, 0x38, 0x73, 0]);
  const { typeMeta, raw } = unknown.toObject(unknown.decode(body.subarray(4)), { defaults: true }) as {
    typeMeta: { apiVersion: string; kind: string };
    raw: Uint8Array;
  };
  const { apiVersion, kind } = typeMeta;
  const message = messageOf(apiVersion, kind);
  if (message) return { apiVersion, kind, ...readMessage(message, raw) };
  const item = messageOf(apiVersion, kind.replace(/List$/, "")) ?? "";
  const { metadata, items } = list.toObject(list.decode(raw), { defaults: true }) as {
    metadata: Uint8Array;
    items: readonly Uint8Array[];
  };
  const listMeta = readMessage("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta", metadata);
  return { apiVersion, kind, metadata: listMeta, items: items.map((each) => readMessage(item, each)) };
}

/** The event of a watch's frame, without the frame's length. */
export function readProtobufEvent(frame: Uint8Array): { readonly type: string; readonly object: Fields } {
  const { type, object } = watchEvent.toObject(watchEvent.decode(frame)) as {
    type: string;
    object: { raw: Uint8Array };
  };
  return { type, object: readProtobuf(object.raw) };
}

function readMessage(message: string, bytes: Uint8Array): Fields {
  const type = root.lookupType(typeName(message));
  return oracleJson(message, type.toObject(type.decode(bytes), { longs: Number })) as Fields;
}
