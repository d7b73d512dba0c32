// Paths to fields of a schema, as rules and selectable fields name them: `.spec.replicas`, `.spec.map['a.b']`.
// k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/validation.go, ValidFieldPath.
import type { Path } from "../meta/field-error.ts";
import type { JSONSchemaProps } from "../types.generated.ts";
import { isSchema } from "./schema-parts.ts";

export interface FoundField {
  readonly names: readonly string[];
  readonly schema: JSONSchemaProps;
}

/** What stands between the delimiters `.`, `[` and `]`, these themselves, and texts in quotes. */
const tokenPattern = /'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]]+/gs;

/** Finds the field that the path names; throws an Error that says what is wrong with the path. */
export function findField(
  path: string,
  root: JSONSchemaProps,
  { allowsBrackets }: { readonly allowsBrackets: boolean },
): FoundField {
  const tokens = path.match(tokenPattern) ?? [];
  const names: string[] = [];
  let schema = root;
  for (let at = 0; at < tokens.length; ) {
    const delimiter = tokens[at++];
    if (delimiter === "[" && !allowsBrackets) throw new Error("array notation is not allowed");
    if (delimiter !== "." && delimiter !== "[") throw new Error(`expected [ or . but got: ${delimiter}`);
    const token = tokens[at++];
    if (token === undefined) throw new Error("unexpected end of JSON path");
    const name = delimiter === "[" ? unquoted(token) : token;
    schema = fieldOf(schema, name);
    names.push(name);
    if (delimiter === ".") continue;
    const closing = tokens[at++];
    if (closing === undefined) throw new Error("unexpected end of JSON path");
    if (closing !== "]") throw new Error(`expected ] but got ${closing}`);
  }
  return { names, schema };
}

/** The place that a path names below `at`: keys of maps stand in brackets. */
export function fieldPathBelow(at: Path, path: string, root: JSONSchemaProps): Path {
  let schema: JSONSchemaProps | undefined = root;
  let place = at;
  for (const name of findField(path, root, { allowsBrackets: true }).names) {
    place = schema?.properties ? place.child(name) : place.key(name);
    schema = schema && fieldOf(schema, name);
  }
  return place;
}

function unquoted(token: string): string {
  if (token.length < 2 || !token.startsWith("'") || !token.endsWith("'"))
    throw new Error(`expected single quoted string but got ${token}`);
  return token.slice(1, -1).replace(/\\(.)/gs, "$1");
}

function fieldOf({ properties, additionalProperties }: JSONSchemaProps, name: string): JSONSchemaProps {
  const field = properties ? (Object.hasOwn(properties, name) ? properties[name] : undefined) : additionalProperties;
  if (!isSchema(field)) throw new Error("does not refer to a valid field");
  return field;
}
