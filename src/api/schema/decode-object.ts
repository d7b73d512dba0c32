// From the value of a request's body to an object of a kind, as Kubernetes' decoders do it.
import { type Draft, formatJson } from "../../lib/index.ts";
import { type ApiError, badRequest, invalid, invalidValue, parseApiVersion, rootPath } from "../meta/index.ts";
import type { KubeObject, ResourceDefinition } from "../resource.ts";
import { DecodeError } from "./decode-error.ts";
import { copyJson, decodeAs } from "./decoder.ts";
import { pruneEmbeddedMetadata } from "./embedded-resources.ts";
import { definitions, resourceFacts } from "./facts.ts";
import { type SentencesInOrder, unknownField, unreadableAs, unrecognized } from "./json.ts";
import { isObject, jsonType } from "./json-value.ts";
import { pruneUnknownFields } from "./structural.ts";
import { byName } from "./yaml.ts";

/** What to do with fields that the kind does not have or that stand twice: the query parameter of writes. */
export type FieldValidation = "Ignore" | "Warn" | "Strict";

/** What decoding needs to know of a kind. */
export interface DecodableKind
  extends Pick<ResourceDefinition, "group" | "version" | "kind" | "schema" | "schemaName"> {
  /** Older versions of the group whose bodies say the same and are taken too. */
  readonly olderVersions?: readonly string[];
}

export interface DecodedObject {
  readonly object: Draft<KubeObject>;
  /** Sentences for the Warning header. */
  readonly warnings: readonly string[];
}

/** Strict errors that are reported; Kubernetes stops at as many. */
const strictErrorsMax = 100;

const metadataDefinition = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/**
 * Makes the value of a body an object of the kind: checks types, leaves out what the kind does not have, brings
 * quantities and times into their canonical form, and fills in apiVersion, kind and the structs that always exist.
 * `duplicates` are the sentences about what stood twice in the text, `inOrder` tells them among the others. Throws the 400 that Kubernetes gives.
 */
export function decodeObject(
  kind: DecodableKind,
  value: unknown,
  fieldValidation: FieldValidation,
  duplicates: readonly string[] = [],
  inOrder?: SentencesInOrder,
): DecodedObject {
  checkIdentity(kind, value, fieldValidation);
  const strict = (problems: readonly string[]) => cannotHandle(kind, strictMessage(problems));
  const order = inOrder ?? ((unknown) => [...unknown.map(unknownField), ...duplicates]);
  const told = isBuiltIn(kind) ? order : after(duplicates, (unknown) => unknown);
  return decode(kind, value, fieldValidation, told, (message) => cannotHandle(kind, message), strict);
}

/**
 * As decodeObject, for what a patch made of an object: errors are the 422 that Kubernetes gives there, and show the
 * patched object. `shown` is given for a strategic merge patch: what is shown instead; which kind is left does not matter.
 */
export function decodePatched(
  kind: DecodableKind,
  value: unknown,
  fieldValidation: FieldValidation,
  duplicates: readonly string[] = [],
  shown?: () => string,
): DecodedObject {
  const fail = (message: string) => {
    const patch = shown ? shown() : formatJson(value);
    return invalid({ group: "", kind: "" }, "", [invalidValue(rootPath.child("patch"), patch, message)]);
  };
  if (isBuiltIn(kind)) {
    const another = shown ? undefined : becameAnother(kind, value);
    if (another) throw fail(another);
  } else {
    if (isObject(value) && !value.kind) throw fail(missingKind(formatJson(value)));
    checkTypeMeta(kind, value);
  }
  const strict = (problems: readonly string[]) => fail(strictMessage(problems));
  // The converter sorts what it does not know; JSON is made of a map, whose fields have the order of their names.
  const told = after(
    duplicates,
    shown ? (unknown) => [...unknown].sort() : isBuiltIn(kind) ? byName : (unknown) => unknown,
  );
  return decode(kind, value, fieldValidation, told, fail, strict, shown !== undefined);
}

/** First what its reader found in the text, then the unknown fields in this order. */
function after(duplicates: readonly string[], order: SentencesInOrder): SentencesInOrder {
  return (unknown) => [...duplicates, ...order(unknown).map(unknownField)];
}

/** Decodes what is no object of a resource: DeleteOptions and the like. Throws a 400; unknown fields are left out. */
export function decodeBuiltIn(definition: string, value: unknown): Record<string, unknown> {
  try {
    return decodeAs(definition, value).value;
  } catch (error) {
    if (error instanceof DecodeError) throw badRequest(error.message);
    throw error;
  }
}

/** The status that an object of the kind has before anybody reported one; undefined where it then has none. */
export function newStatus({ schema }: Pick<DecodableKind, "schema">): Record<string, unknown> | undefined {
  const reference = schema.properties?.status?.$ref;
  return reference === undefined ? undefined : decodeBuiltIn(reference.slice("#/definitions/".length), {});
}

function decode(
  kind: DecodableKind,
  value: unknown,
  fieldValidation: FieldValidation,
  told: SentencesInOrder,
  fail: (message: string) => ApiError,
  strict: (problems: readonly string[]) => ApiError,
  isConverted = false,
): DecodedObject {
  let decoded: { readonly object: Draft<KubeObject>; readonly unknownFields: readonly string[] };
  try {
    decoded = isBuiltIn(kind) ? decodeKnown(kind, value) : decodeCustom(kind, value);
  } catch (error) {
    if (error instanceof DecodeError) throw fail(isConverted ? error.whenConverted : error.message);
    throw error;
  }
  if (fieldValidation === "Ignore") return { object: decoded.object, warnings: [] };
  const problems = told(decoded.unknownFields).slice(0, strictErrorsMax);
  if (fieldValidation === "Strict" && problems.length > 0) throw strict(problems);
  return { object: decoded.object, warnings: problems };
}

function strictMessage(problems: readonly string[]): string {
  return `strict decoding error: ${problems.join(", ")}`;
}

function decodeKnown(kind: DecodableKind, value: unknown) {
  const { value: object, unknownFields } = decodeAs(kind.schemaName, value);
  return { object: identified(kind, object), unknownFields };
}

/** A custom resource keeps what its schema knows; the values are validated later, with the field's errors. */
function decodeCustom(kind: DecodableKind, value: unknown) {
  const object = copyJson(value);
  if (!isObject(object))
    throw new DecodeError(`json: cannot unmarshal ${jsonType(value)} into Go value of type map[string]interface {}`);
  const pruned = pruneUnknownFields(object, kind.schema).sort();
  const embedded = pruneEmbeddedMetadata(object, kind.schema);
  const decoded = decodeAs(metadataDefinition, object.metadata);
  const inMetadata = decoded.unknownFields.map((field) => `metadata.${field}`);
  return {
    object: identified(kind, { ...object, metadata: decoded.value }),
    // In the order of apiextensions-apiserver's unstructuredSchemaCoercer.
    unknownFields: [...inMetadata, ...pruned, ...embedded],
  };
}

/** The object with its identity in front, where people look for it. */
function identified(kind: DecodableKind, object: Record<string, unknown>): Draft<KubeObject> {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
  const apiVersion = kind.group === "" ? kind.version : `${kind.group}/${kind.version}`;
  // The decoder made metadata an ObjectMeta.
  return { kind: kind.kind, apiVersion, metadata, ...rest } as unknown as Draft<KubeObject>;
}

function cannotHandle(kind: DecodableKind, why: string): ApiError {
  return badRequest(
    `${kind.kind} in version ${JSON.stringify(kind.version)} cannot be handled as a ${kind.kind}: ${why}`,
  );
}

/** A body that says what it is must be what the path says; one of a built-in kind that does not say is taken for that. */
function checkIdentity(expected: DecodableKind, value: unknown, fieldValidation: FieldValidation): void {
  const fail = (why: string) => unreadableAs(expected.kind)(why, formatJson(value) ?? "");
  if (value === undefined) throw fail("unexpected end of JSON input");
  if (!isObject(value))
    throw fail(`json: cannot unmarshal ${jsonType(value)} into Go value of type struct ${typeMetaStruct}`);
  for (const field of ["apiVersion", "kind"])
    if (value[field] !== undefined && value[field] !== null && typeof value[field] !== "string")
      throw fail(`json: cannot unmarshal ${jsonType(value[field])} into Go struct field .${field} of type string`);
  const expectedVersion = expected.group === "" ? expected.version : `${expected.group}/${expected.version}`;
  if (!isBuiltIn(expected)) {
    checkCustomIdentity(expected, expectedVersion, value, fieldValidation);
    return;
  }
  const kind = value.kind ? String(value.kind) : expected.kind;
  const apiVersion = value.apiVersion ? String(value.apiVersion) : expectedVersion;
  const isOlder = expected.olderVersions?.some((each) => apiVersion === `${expected.group}/${each}`) ?? false;
  if (kind === expected.kind && (apiVersion === expectedVersion || isOlder)) return;
  throw wrongIdentity(expected, expectedVersion, kind, apiVersion);
}

/**
 * Custom resources are decoded by what they say they are, which nothing in the path stands in for
 * (k8s.io/apimachinery/pkg/runtime/serializer/json, k8s.io/apiserver/pkg/endpoints/handlers).
 */
function checkCustomIdentity(
  expected: DecodableKind,
  expectedVersion: string,
  value: Readonly<Record<string, unknown>>,
  fieldValidation: FieldValidation,
): void {
  if (!value.kind) {
    const body = formatJson(value);
    // The decoder that is not strict has looked at the path by then.
    if (fieldValidation === "Ignore") throw cannotHandle(expected, missingKind(body));
    throw unrecognized(expected.kind, missingKind(body), body);
  }
  const apiVersion = String(value.apiVersion ?? "");
  if (apiVersion !== expectedVersion)
    throw badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expectedVersion})`,
    );
  checkTypeMeta(expected, value);
}

const missingKind = (body: string) => `Object 'Kind' is missing in '${body}'`;

/** What a custom resource says of itself is validated, like its other fields (customresource/validator.go). */
function checkTypeMeta(expected: DecodableKind, value: unknown): void {
  if (!isObject(value)) return;
  const { kind = "", apiVersion = "", metadata } = value;
  const expectedVersion = `${expected.group}/${expected.version}`;
  const errors = [
    ...(kind === expected.kind ? [] : [invalidValue(rootPath.child("kind"), kind, `must be ${expected.kind}`)]),
    ...(apiVersion === expectedVersion
      ? []
      : [invalidValue(rootPath.child("apiVersion"), apiVersion, `must be ${expectedVersion}`)]),
  ];
  if (errors.length === 0) return;
  const name = isObject(metadata) && typeof metadata.name === "string" ? metadata.name : "";
  throw invalid({ group: parseApiVersion(String(apiVersion)).group, kind: String(kind) }, name, errors);
}

const typeMetaStruct =
  '{ APIVersion string "json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }';

function wrongIdentity(expected: DecodableKind, expectedVersion: string, kind: string, apiVersion: string): ApiError {
  const { group, version } = parseApiVersion(apiVersion);
  const isKnown = resourceFacts.some((each) => each.group === group && each.version === version && each.kind === kind);
  // Kubernetes knows the beta versions of its groups long after it has stopped serving them.
  const wasServed = group === expected.group && /alpha|beta/.test(version);
  if (kind === expected.kind && (isKnown || wasServed))
    return badRequest(
      `the API version in the data (${apiVersion}) does not match the expected API version (${expectedVersion})`,
    );
  const why = isKnown ? noConversion(expected, version, kind) : noKind(apiVersion, kind);
  return badRequest(`${kind} in version ${JSON.stringify(version)} cannot be handled as a ${expected.kind}: ${why}`);
}

function noConversion(expected: DecodableKind, version: string, kind: string): string {
  const internal = expected.group === "" ? "core" : (expected.group.split(".")[0] ?? "");
  return `converting (${version}.${kind}) to (${internal}.${expected.kind}): unknown conversion`;
}

function noKind(apiVersion: string, kind: string): string {
  return `no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)} in scheme "k8s.io/kubernetes/pkg/api/legacyscheme/scheme.go:30"`;
}

/** Why a patched object is none of the kind any more by what it says of itself; undefined when it is. */
function becameAnother(expected: DecodableKind, value: unknown): string | undefined {
  if (!isObject(value)) return undefined;
  const { apiVersion, kind } = value;
  if (typeof apiVersion !== "string" || typeof kind !== "string") return undefined;
  const { group, version } = parseApiVersion(apiVersion);
  if (kind === expected.kind && group === expected.group && version === expected.version) return undefined;
  const isKnown = resourceFacts.some((each) => each.group === group && each.version === version && each.kind === kind);
  if (isKnown) return kind === expected.kind ? undefined : noConversion(expected, version, kind);
  return noKind(apiVersion, kind);
}

function isBuiltIn({ schema, schemaName }: DecodableKind): boolean {
  return definitions[schemaName] === schema;
}
