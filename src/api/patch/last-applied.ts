// The annotation of kubectl's own way of applying, and how an object goes over from it to server-side apply and back
// (k8s.io/apimachinery/pkg/util/managedfields/internal: lastappliedmanager.go, lastappliedupdater.go).
import { formatJson, parseJson } from "../../lib/index.ts";
import { annotationsBytesMax } from "../meta/index.ts";
import { isObject, type JsonObject } from "../schema/index.ts";
import { fieldOf } from "../schema/json-value.ts";
import { compareValues, fieldSetOf } from "./compare.ts";
import { difference, emptySet, type FieldSet } from "./field-set.ts";
import type { FieldType } from "./field-type.ts";
import { typeErrors } from "./typed-validation.ts";

export const lastAppliedAnnotation = "kubectl.kubernetes.io/last-applied-configuration";

/** The manager that goes over. Others keep off by naming another. */
export const lastAppliedManager = "kubectl";

/** The fields that the annotation names and that still have the value it says: they were kubectl's all along. */
export function ownedByLastApplied(live: JsonObject, apiVersion: string, type: FieldType): FieldSet {
  const text = annotationsOf(live)[lastAppliedAnnotation];
  const applied = typeof text === "string" ? parsed(text) : undefined;
  if (applied?.apiVersion !== apiVersion || typeErrors(applied, type).length > 0) return emptySet;
  const { added, modified, removed } = compareValues(applied, live, type);
  return difference(difference(difference(fieldSetOf(applied, type), modified), added), removed);
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value: unknown = parseJson(text);
    return isObject(value) ? value : undefined;
  } catch {
    // Anybody may write the annotation; one that is no JSON says nothing.
    return undefined;
  }
}

function annotationsOf(object: JsonObject): JsonObject {
  const { metadata } = object;
  const annotations = isObject(metadata) ? metadata.annotations : undefined;
  return isObject(annotations) ? annotations : {};
}

/** Keeps the annotation in step with what is applied, where there is one, so that people can go back. */
export function withLastApplied(object: JsonObject, applied: JsonObject): JsonObject {
  const annotations = annotationsOf(object);
  if (!annotations[lastAppliedAnnotation]) return object;
  const { [lastAppliedAnnotation]: _, ...others } = annotations;
  const updated = { ...others, [lastAppliedAnnotation]: `${sortedJson(withoutAnnotation(applied))}\n` };
  const metadata = isObject(object.metadata) ? object.metadata : {};
  return {
    ...object,
    metadata: { ...metadata, annotations: bytesOf(updated) > annotationsBytesMax ? others : updated },
  };
}

function withoutAnnotation(applied: JsonObject): JsonObject {
  const annotations = annotationsOf(applied);
  if (annotations[lastAppliedAnnotation] === undefined) return applied;
  const { [lastAppliedAnnotation]: _, ...rest } = annotations;
  return { ...applied, metadata: { ...(applied.metadata as JsonObject), annotations: rest } }; // it has annotations
}

const encoder = new TextEncoder();

function bytesOf(annotations: JsonObject): number {
  const lengths = Object.entries(annotations).map(([key, value]) => encoder.encode(key + String(value)).length);
  return lengths.reduce((sum, each) => sum + each, 0);
}

/** JSON with the keys in order, as Go writes maps. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(",")}]`;
  if (!isObject(value)) return formatJson(value) ?? "null";
  const fields = Object.keys(value)
    .filter((key) => fieldOf(value, key) !== undefined)
    .sort()
    .map((key) => `${JSON.stringify(key)}:${sortedJson(fieldOf(value, key))}`);
  return `{${fields.join(",")}}`;
}
