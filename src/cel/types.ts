// The types that the checker reasons with.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking

export interface SimpleType {
  readonly kind:
    | "bool"
    | "int"
    | "uint"
    | "double"
    | "string"
    | "bytes"
    | "timestamp"
    | "duration"
    | "null"
    | "dyn"
    | "error";
  readonly name: string;
  /** The most characters or bytes that a value can have, where its schema tells; what costs are estimated with. */
  readonly maxElements?: number;
}

export interface ListType {
  readonly kind: "list";
  readonly name: "list";
  readonly element: CelType;
  readonly maxElements?: number;
  /** How lists of Kubernetes compare and add: by order, as sets, or by these keys of their items. */
  readonly listKeys?: "set" | readonly string[];
}

export interface MapType {
  readonly kind: "map";
  readonly name: "map";
  readonly key: CelType;
  readonly value: CelType;
  readonly maxElements?: number;
}

export interface ObjectType {
  readonly kind: "object";
  readonly name: string;
  /** By the names that expressions use. */
  readonly fields: ReadonlyMap<string, Field>;
  /** Whether it may have any other field too, of which nothing is known. */
  readonly isOpen?: boolean;
}

export interface Field {
  readonly type: CelType;
  /** The field's name in JSON. */
  readonly jsonName: string;
}

/** A type of which only its functions know more; `optional_type` has what it holds as parameter. */
export interface OpaqueType {
  readonly kind: "opaque";
  readonly name: string;
  readonly parameters: readonly CelType[];
}

export interface TypeType {
  readonly kind: "type";
  readonly name: "type";
  /** The type that the value is. */
  readonly of: CelType;
}

export interface TypeParameter {
  readonly kind: "parameter";
  readonly name: string;
}

export type CelType = SimpleType | ListType | MapType | ObjectType | OpaqueType | TypeType | TypeParameter;

const simple = (kind: SimpleType["kind"], name: string = kind): SimpleType => ({ kind, name });

export const boolType = simple("bool");
export const intType = simple("int");
export const uintType = simple("uint");
export const doubleType = simple("double");
export const stringType = simple("string");
export const bytesType = simple("bytes");
export const timestampType = simple("timestamp", "google.protobuf.Timestamp");
export const durationType = simple("duration", "google.protobuf.Duration");
export const nullType = simple("null", "null_type");
export const dynType = simple("dyn");
/** Of an expression in which an error was found already. */
export const errorType = simple("error");

export const listType = (element: CelType): ListType => ({ kind: "list", name: "list", element });
export const mapType = (key: CelType, value: CelType): MapType => ({ kind: "map", name: "map", key, value });
export const typeType = (of: CelType): TypeType => ({ kind: "type", name: "type", of });
export const typeParameter = (name: string): TypeParameter => ({ kind: "parameter", name });
export const opaqueType = (name: string, ...parameters: CelType[]): OpaqueType => ({
  kind: "opaque",
  name,
  parameters,
});
export const optionalType = (of: CelType) => opaqueType("optional_type", of);

/** An object with these fields, whose names are the same in JSON. */
export function objectType(name: string, fields: Readonly<Record<string, CelType>>): ObjectType {
  return {
    kind: "object",
    name,
    fields: new Map(Object.entries(fields).map(([field, type]) => [field, { type, jsonName: field }])),
  };
}

export function fieldOf(type: ObjectType, name: string): Field | undefined {
  return type.fields.get(name) ?? (type.isOpen ? { type: dynType, jsonName: name } : undefined);
}

export function isDyn(type: CelType): boolean {
  return type.kind === "dyn" || type.kind === "error";
}

/** What an optional type holds. */
export function optionalOf(type: CelType): CelType | undefined {
  return type.kind === "opaque" && type.name === "optional_type" ? type.parameters[0] : undefined;
}

export function parametersOf(type: CelType): readonly CelType[] {
  switch (type.kind) {
    case "list":
      return [type.element];
    case "map":
      return [type.key, type.value];
    case "opaque":
      return type.parameters;
    case "type":
      return [type.of];
    default:
      return [];
  }
}

/** As compilers print it: `list(map(string, int))`. */
export function formatType(type: CelType): string {
  if (type.kind === "error") return "!error!";
  if (type.kind === "null" || type.kind === "timestamp" || type.kind === "duration") return type.kind;
  const parameters = parametersOf(type);
  return parameters.length === 0 ? type.name : `${type.name}(${parameters.map(formatType).join(", ")})`;
}

export function sameType(left: CelType, right: CelType): boolean {
  if (left === right) return true;
  if (left.kind !== right.kind || left.name !== right.name) return false;
  const [a, b] = [parametersOf(left), parametersOf(right)];
  return a.length === b.length && a.every((parameter, index) => sameType(parameter, b[index] as CelType)); // same length
}
