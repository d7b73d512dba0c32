// Whole objects inside of custom resources, x-kubernetes-embedded-resource: what their apiVersion, kind and metadata may be
// is known without a schema. k8s.io/apiextensions-apiserver/pkg/apiserver/schema/objectmeta/validation.go.
import {
  type FieldError,
  invalidValue,
  isDns1035Label,
  type Path,
  required,
  validateObjectMeta,
} from "../meta/index.ts";
import { DecodeError } from "./decode-error.ts";
import { decodeAs } from "./decoder.ts";
import { isObject, type JsonObject } from "./json-value.ts";
import type { Schema } from "./schema.ts";

const metadataDefinition = "io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta";

/** What is wrong with the embedded objects of a value. */
export function validateEmbeddedResources(at: Path, value: unknown, schema: Schema): FieldError[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((each, index) => validateEmbeddedResources(at.index(index), each, items)) : [];
  }
  if (!isObject(value)) return [];
  const { properties = {}, additionalProperties } = schema;
  return [
    ...(schema["x-kubernetes-embedded-resource"] ? validateResource(at, value) : []),
    ...Object.entries(value).flatMap(([key, each]) => {
      if (Object.hasOwn(properties, key)) return validateEmbeddedResources(at.child(key), each, properties[key]!);
      if (typeof additionalProperties !== "object") return [];
      return validateEmbeddedResources(at.key(key), each, additionalProperties);
    }),
  ];
}

/** Removes from the metadata of embedded objects what metadata does not have, and answers the paths of what went. */
export function pruneEmbeddedMetadata(value: unknown, schema: Schema, path = ""): string[] {
  if (Array.isArray(value)) {
    const { items } = schema;
    return items ? value.flatMap((each, index) => pruneEmbeddedMetadata(each, items, `${path}[${index}]`)) : [];
  }
  if (!isObject(value)) return [];
  const { properties = {}, additionalProperties } = schema;
  const isEmbedded = schema["x-kubernetes-embedded-resource"] === true;
  return Object.entries(value).flatMap(([key, each]) => {
    const place = path === "" ? key : `${path}.${key}`;
    if (isEmbedded && key === "metadata") return pruneMetadata(value, each, place);
    const below = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    return typeof below === "object" ? pruneEmbeddedMetadata(each, below, place) : [];
  });
}

/** What is no metadata at all stays: its validation says what is wrong. */
function pruneMetadata(resource: Record<string, unknown>, value: unknown, path: string): string[] {
  try {
    const { value: metadata, unknownFields } = decodeAs(metadataDefinition, value);
    resource.metadata = metadata;
    return unknownFields.map((field) => `${path}.${field}`);
  } catch (error) {
    if (error instanceof DecodeError) return [];
    throw error;
  }
}

function validateResource(at: Path, resource: JsonObject): FieldError[] {
  return [
    ...validateText(at.child("apiVersion"), resource.apiVersion, (apiVersion) =>
      apiVersion.split("/").length > 2 ? [`unexpected GroupVersion string: ${apiVersion}`] : [],
    ),
    ...validateText(at.child("kind"), resource.kind, (kind) =>
      isDns1035Label(kind.toLowerCase()).map((why) => `may have mixed case, but should otherwise match: ${why}`),
    ),
    ...(resource.metadata === undefined ? [] : validateMetadata(at.child("metadata"), resource.metadata)),
  ];
}

function validateText(at: Path, value: unknown, rule: (text: string) => readonly string[]): FieldError[] {
  if (value === undefined || value === "") return [required(at)];
  if (typeof value !== "string") return [invalidValue(at, value, "must be a string")];
  return rule(value).map((message) => invalidValue(at, value, message));
}

function validateMetadata(at: Path, value: unknown): FieldError[] {
  let metadata: JsonObject;
  try {
    metadata = decodeAs(metadataDefinition, value).value;
  } catch (error) {
    if (error instanceof DecodeError) return [invalidValue(at, value, error.message)];
    throw error;
  }
  const { name, namespace } = metadata;
  const rules = { namespaced: Boolean(namespace), validateName: pathSegmentRules, customResource: true };
  // Nobody needs a name here; the one that is filled in is right.
  return validateObjectMeta(at, { ...metadata, name: name ? String(name) : "fakename" }, rules);
}

function pathSegmentRules(name: string): readonly string[] {
  if (name === "." || name === "..") return [`may not be '${name}'`];
  return ["/", "%"].filter((each) => name.includes(each)).map((each) => `may not contain '${each}'`);
}
