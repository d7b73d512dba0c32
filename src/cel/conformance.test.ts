// The language's own conformance tests (https://github.com/google/cel-spec), as far as Kubernetes has what they are about.
import assert from "node:assert/strict";
import { test } from "node:test";
import { tests as conformance } from "@bufbuild/cel-spec/testdata/conformance.js";
import { CompileError, compile, Environment, toValue } from "./index.ts";
import { fromBase64 } from "./json-values.ts";
import { formatDuration, formatTimestamp, parseDuration, parseTimestamp } from "./time.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  formatType,
  intType,
  listType,
  mapType,
  nullType,
  opaqueType,
  stringType,
  timestampType,
  typeType,
  uintType,
} from "./types.ts";
import {
  ArrayList,
  Duration,
  EntryMap,
  List,
  MapValue,
  Optional,
  Timestamp,
  TypeValue,
  typeName,
  Uint,
  type Value,
} from "./values.ts";

/** A test as the suite's JSON has it; see cel-spec's simple.proto. */
interface Case {
  readonly name?: string;
  readonly expr: string;
  readonly disableCheck?: boolean;
  readonly checkOnly?: boolean;
  readonly container?: string;
  readonly typeEnv?: readonly { readonly name: string; readonly ident?: { readonly type: TypeJson } }[];
  readonly bindings?: Readonly<Record<string, { readonly value: ValueJson }>>;
  readonly value?: ValueJson;
  readonly evalError?: unknown;
  readonly typedResult?: { readonly result?: ValueJson; readonly deducedType?: TypeJson };
}

interface Suite {
  readonly name: string;
  readonly suites?: readonly Suite[];
  readonly tests?: readonly { readonly original: Case }[];
}

interface TypeJson {
  readonly primitive?: string;
  readonly wellKnown?: string;
  readonly listType?: { readonly elemType: TypeJson };
  readonly mapType?: { readonly keyType: TypeJson; readonly valueType: TypeJson };
  readonly abstractType?: { readonly name: string; readonly parameterTypes?: readonly TypeJson[] };
  readonly type?: TypeJson;
  readonly null?: unknown;
  readonly dyn?: unknown;
}

interface ValueJson {
  readonly int64Value?: string;
  readonly uint64Value?: string;
  readonly doubleValue?: number | string;
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly nullValue?: null;
  readonly bytesValue?: string;
  readonly typeValue?: string;
  readonly listValue?: { readonly values?: readonly ValueJson[] };
  readonly mapValue?: { readonly entries?: readonly { readonly key: ValueJson; readonly value: ValueJson }[] };
  readonly objectValue?: { readonly "@type": string; readonly value?: string };
}

/**
 * The suites and how many of their tests are about what Kubernetes has. The others are about messages of protobuf,
 * enumerations, and libraries that it leaves out.
 */
const suites: Readonly<Record<string, number>> = {
  basic: 39,
  comparisons: 304,
  conversions: 107,
  fields: 40,
  fp_math: 29,
  integer_math: 61,
  lists: 39,
  logic: 21,
  macros: 38,
  macros2: 39,
  optionals: 54,
  parse: 148,
  string: 51,
  string_ext: 172,
  timestamps: 75,
  type_deductions: 21,
};
/** Messages of protobuf, names in backquotes, and functions of versions of the libraries that Kubernetes does not use. */
const unsupported = /TestAllTypes|google\.protobuf\.(Any|Value|Struct|ListValue|\w+Value)|GlobalEnum|NestedEnum|`/;

const primitives: Readonly<Record<string, CelType>> = {
  INT64: intType,
  UINT64: uintType,
  BOOL: boolType,
  DOUBLE: doubleType,
  STRING: stringType,
  BYTES: bytesType,
};

class NotInKubernetes extends Error {}

function typeOf(type: TypeJson): CelType {
  if (type.primitive) return primitives[type.primitive] ?? dynType;
  if (type.listType) return listType(typeOf(type.listType.elemType));
  if (type.mapType) return mapType(typeOf(type.mapType.keyType), typeOf(type.mapType.valueType));
  if (type.abstractType)
    return opaqueType(type.abstractType.name, ...(type.abstractType.parameterTypes ?? []).map(typeOf));
  if (type.wellKnown === "TIMESTAMP") return timestampType;
  if (type.wellKnown === "DURATION") return durationType;
  if ("null" in type) return nullType;
  if ("dyn" in type) return dynType;
  if (type.type) return typeType(typeOf(type.type));
  throw new NotInKubernetes();
}

function celValue(json: ValueJson): Value {
  if (json.int64Value !== undefined) return BigInt(json.int64Value);
  if (json.uint64Value !== undefined) return new Uint(BigInt(json.uint64Value));
  if (json.doubleValue !== undefined) return Number(json.doubleValue);
  if (json.bytesValue !== undefined) return fromBase64(json.bytesValue);
  if (json.typeValue !== undefined) return new TypeValue(json.typeValue);
  if (json.listValue) return new ArrayList((json.listValue.values ?? []).map(celValue));
  if (json.mapValue) {
    const map = new EntryMap();
    for (const { key, value } of json.mapValue.entries ?? []) map.add(celValue(key), celValue(value));
    return map;
  }
  const plain = json.stringValue ?? json.boolValue ?? json.nullValue;
  if (plain !== undefined) return plain;
  const { "@type": name = "", value: written = "" } = json.objectValue ?? {};
  if (name.endsWith("Timestamp")) return parseTimestamp(written);
  if (name.endsWith("Duration")) return parseDuration(written);
  throw new NotInKubernetes();
}

/** A text that two values share only when they are the same in type and worth. */
function show(value: Value): string {
  const type = typeName(value);
  if (value instanceof Uint) return `${type} ${value.value}`;
  if (value instanceof List) return `[${[...value].map(show).join(", ")}]`;
  if (value instanceof MapValue) {
    const entries = Array.from(value.keys(), (key) => `${show(key)}: ${show(value.get(key) ?? null)}`);
    return `{${entries.sort().join(", ")}}`;
  }
  if (value instanceof Timestamp) return formatTimestamp(value);
  if (value instanceof Duration) return formatDuration(value);
  if (value instanceof TypeValue) return `type ${value.name}`;
  if (value instanceof Optional) return value.value === undefined ? "none" : `optional ${show(value.value)}`;
  if (Object.is(value, -0)) return "double 0";
  return `${type} ${value}`;
}

/** What is expected: a value, an error, or nothing but that it compiles. */
function expectation({ checkOnly, evalError, value, typedResult }: Case): string {
  if (checkOnly) return "compiles";
  if (evalError) return "error";
  const json = value ?? typedResult?.result;
  return json === undefined ? "bool true" : show(celValue(json));
}

function outcome(each: Case, variables: Readonly<Record<string, CelType>>, bindings: Readonly<Record<string, Value>>) {
  try {
    const program = compile(each.expr, new Environment({ variables }));
    if (each.typedResult?.deducedType)
      assert.equal(formatType(program.resultType), formatType(typeOf(each.typedResult.deducedType)), each.expr);
    if (each.checkOnly) return "compiles";
    const result = program.evaluate(bindings);
    return "error" in result ? "error" : show(result.value);
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    // Kubernetes compiles everything before it runs, and wants the items of a list to be of one type.
    if (each.disableCheck || error.issues.some(({ message }) => message.startsWith("expected type")))
      throw new NotInKubernetes();
    return each.evalError ? "error" : error.message;
  }
}

/** false where the test is about what Kubernetes does not have. */
function run(each: Case): boolean {
  if (each.container || unsupported.test(each.expr)) return false;
  try {
    const variables: Record<string, CelType> = {};
    for (const { name, ident } of each.typeEnv ?? []) {
      if (!ident) return false;
      variables[name] = typeOf(ident.type);
    }
    const bindings: Record<string, Value> = {};
    for (const [name, { value }] of Object.entries(each.bindings ?? {})) {
      bindings[name] = toValue(celValue(value));
      variables[name] ??= dynType;
    }
    const expected = expectation(each);
    assert.equal(outcome(each, variables, bindings), expected, `${each.name}: ${each.expr}`);
    return true;
  } catch (error) {
    if (error instanceof NotInKubernetes) return false;
    throw error;
  }
}

function* casesIn({ suites = [], tests = [] }: Suite): Generator<Case> {
  for (const { original } of tests) yield original;
  for (const suite of suites) yield* casesIn(suite);
}

for (const suite of (conformance as Suite).suites ?? []) {
  const count = suites[suite.name];
  if (count !== undefined)
    test(`CEL conformance: ${suite.name}`, () => assert.equal([...casesIn(suite)].filter(run).length, count));
}
