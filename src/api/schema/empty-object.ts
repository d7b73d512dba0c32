// Objects that hold nothing, as Go's types have them: against these the fields of a new object are new.
import { definitions } from "./facts.ts";
import { isAlwaysPresent, shortName } from "./go-types.ts";
import type { JsonObject } from "./json-value.ts";
import type { Schema } from "./schema.ts";
import { writtenWhenEmpty } from "./written-when-empty.ts";

/** A custom resource has no Go type, and its metadata is there all the same. */
const untyped: JsonObject = { metadata: {} };
const known = new Map<string, JsonObject>();

/**
 * The object of a kind by the full name of its schema, before anything is set in it: structs that are no pointers, and
 * what has no `omitempty`.
 */
export function emptyObject(definition: string): JsonObject {
  const schema = definitions[definition];
  if (!schema) return untyped;
  let found = known.get(definition);
  if (!found) {
    found = emptyStruct(definition, schema);
    known.set(definition, found);
  }
  return found;
}

function emptyStruct(definition: string, schema: Schema): JsonObject {
  const short = shortName(definition);
  const isKind = schema["x-kubernetes-group-version-kind"] !== undefined;
  const result: Record<string, unknown> = {};
  for (const [name, property] of Object.entries(schema.properties ?? {})) {
    const isRequired = schema.required?.includes(name) ?? false;
    const target = property.$ref?.slice(prefixLength) ?? "";
    const struct = definitions[target];
    if (struct?.properties && isAlwaysPresent(short, name, { isKind, isRequired }))
      result[name] = emptyStruct(target, struct);
    else {
      const written = writtenWhenEmpty(short, name);
      if (written !== undefined) result[name] = written;
      // Structs that are required and yet pointers vanish as well; other referenced types are owned as a whole.
      else if (isRequired && !property.$ref) result[name] = zeroOf(property);
    }
  }
  return result;
}

const prefixLength = "#/definitions/".length;

function zeroOf({ type }: Schema): unknown {
  if (type === "string") return "";
  if (type === "boolean") return false;
  return type === "integer" || type === "number" ? 0 : null;
}
