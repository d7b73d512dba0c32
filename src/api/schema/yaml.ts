import { type Document, isScalar, Lexer, LineCounter, parseDocument, type Tags, visit } from "yaml";
import { int64 } from "../../lib/index.ts";
import { badRequest } from "../meta/index.ts";
import { type Decoded, decodeJson, unknownField } from "./json.ts";

/** How often aliases may multiply what they stand for: enough for any manifest, too little for a bomb. */
const aliasesMax = 100;
/** How many nodes are looked at to find what the aliases stand for: the library looks through all of them for each. */
const resolutionsMax = 20_000_000;
/** How deep flow collections nest for go-yaml. */
const flowDepthMax = 10_000;
/** Keys that stand twice of which is told: a body may hold many. */
const duplicatesMax = 100;

/**
 * Reads one YAML document as sigs.k8s.io/yaml does: YAML 1.1 scalars (`0644`, `yes`) but neither sexagesimal numbers nor
 * timestamps, merge keys, keys of any scalar type as strings. Throws a 400 when it is no YAML or cannot be JSON.
 */
export function decodeYaml(body: Uint8Array | string): Decoded {
  const text = typeof body === "string" ? body : new TextDecoder().decode(body);
  // Clients send JSON as YAML too, and that is read a hundred times faster.
  if (text.startsWith("{")) {
    try {
      return decodeJson(text);
    } catch {
      // Not JSON, then; a flow mapping of YAML, or nothing.
    }
  }
  if (nestsTooDeep(text)) throw yamlError(`exceeded max depth of ${flowDepthMax}`);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: "1.1",
    merge: true,
    intAsBigInt: true,
    // The library looks through all keys before for each, which takes minutes for large maps.
    uniqueKeys: false,
    lineCounter: lines,
    // To show where an error is the library copies its line, for each of them.
    prettyErrors: false,
    logLevel: "silent",
    customTags: plainTags,
  });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw yamlError(`${error.message} at line ${line}, column ${col}:`);
  }
  if (text.includes("*") && resolutionsOf(document) > resolutionsMax)
    throw yamlError("document contains excessive aliasing");
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: aliasesMax });
  } catch (cause) {
    // The library throws for aliases that are unknown or multiply too often.
    throw yamlError(cause instanceof Error ? cause.message : String(cause));
  }
  const duplicates = duplicateKeys(document, lines);
  // In one sentence, as go-yaml tells them.
  const told = duplicates.length === 0 ? [] : [["yaml: unmarshal errors:", ...duplicates].join("\n")];
  // Kubernetes makes JSON of it first, whose fields have the order of their names.
  const inOrder = (unknown: readonly string[]) => [...told, ...byName(unknown).map(unknownField)];
  return { value: jsonValue(value, 0), duplicates: told, inOrder };
}

/** Paths of fields in the order of the names in them. */
export function byName(fields: readonly string[]): string[] {
  const key = (field: string) =>
    field.split(/[.[]/).map((part) => (/^\d+\]$/.test(part) ? part.padStart(12, "0") : part));
  return fields
    .map((field) => [field, key(field).join("\0")] as const)
    .sort(([, a], [, b]) => (a < b ? -1 : 1))
    .map(([field]) => field);
}

/** Whether flow collections nest deeper than they may, found without parsing them: that takes seconds for a large body. */
function nestsTooDeep(text: string): boolean {
  if (text.split(/[[{]/, flowDepthMax + 2).length <= flowDepthMax + 1) return false;
  let depth = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === "[" || token === "{") depth++;
    else if (token === "]" || token === "}") depth--;
    if (depth > flowDepthMax) return true;
  }
  return false;
}

function resolutionsOf(document: Document): number {
  let [aliases, nodes] = [0, 0];
  visit(document, {
    Alias() {
      aliases++;
    },
    Node() {
      nodes++;
    },
  });
  return aliases * (aliases + nodes);
}

/** A line about each key that stands twice in its map, in the order of the text. */
function duplicateKeys(document: Document, lines: LineCounter): string[] {
  const found: { readonly line: number; readonly key: string }[] = [];
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<string>();
      for (const { key } of items) {
        if (!isScalar(key) || key.value === "<<") continue;
        const name = String(key.value);
        if (seen.has(name) && found.length < duplicatesMax)
          found.push({ line: lines.linePos(key.range?.[0] ?? 0).line, key: name });
        seen.add(name);
      }
    },
  });
  found.sort((a, b) => a.line - b.line);
  return found.map(({ line, key }) => `  line ${line}: key ${JSON.stringify(key)} already set in map`);
}

function yamlError(why: string): Error {
  return badRequest(`error converting YAML to JSON: yaml: ${why.split("\n")[0]}`);
}

/** The library's YAML 1.1 tags without those that go-yaml reads as text. */
function plainTags(tags: Tags): Tags {
  const unwanted = ["tag:yaml.org,2002:timestamp", "tag:yaml.org,2002:binary", "tag:yaml.org,2002:set"];
  return tags.filter((tag) => {
    if (typeof tag === "string")
      return !["timestamp", "binary", "set", "omap", "pairs", "intTime", "floatTime"].includes(tag);
    return !unwanted.includes(tag.tag) && !("format" in tag && tag.format === "TIME");
  });
}

const depthMax = 500;

/** The value as JSON has it; throws for numbers that JSON does not know and for values too deep. */
function jsonValue(value: unknown, depth: number): unknown {
  if (depth > depthMax) throw yamlError("exceeded max depth");
  if (typeof value === "bigint") return int64(value) ?? Number(value);
  if (typeof value === "number" && !Number.isFinite(value)) throw badRequest(`json: unsupported value: ${value}`);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => jsonValue(each, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, jsonValue(each, depth + 1)]));
}
