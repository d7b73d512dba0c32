import { parseDocument, type Tags } from "yaml";
import { badRequest } from "../meta/index.ts";
import { type Decoded, decodeJson } from "./json.ts";

/** How often aliases may multiply what they stand for: enough for any manifest, too little for a bomb. */
const aliasesMax = 100;

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
  const document = parseDocument(text, { version: "1.1", merge: true, logLevel: "silent", customTags: plainTags });
  const duplicates: string[] = [];
  for (const error of document.errors) {
    if (error.code !== "DUPLICATE_KEY") throw yamlError(error.message);
    const line = text.slice(0, error.pos[0]).split("\n").length;
    duplicates.push(`  line ${line}: key ${JSON.stringify(keyAt(text, error.pos[0]))} already set in map`);
  }
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: aliasesMax });
  } catch (cause) {
    // The library throws for aliases that are unknown or multiply too often.
    throw yamlError(cause instanceof Error ? cause.message : String(cause));
  }
  // In one sentence, as go-yaml tells them.
  const told = duplicates.length === 0 ? [] : [["yaml: unmarshal errors:", ...duplicates].join("\n")];
  return { value: jsonValue(value, 0), duplicates: told };
}

/** The key that stands at a place of the text, without its quotes. */
function keyAt(text: string, position: number): string {
  const [, key = "", single, double] =
    /^('((?:[^']|'')*)'|"((?:[^"\\]|\\.)*)"|[^\n]*?)\s*(?::(?:\s|$)|$)/m.exec(text.slice(position)) ?? [];
  return single ?? double ?? key;
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
  if (typeof value === "number" && !Number.isFinite(value)) throw badRequest(`json: unsupported value: ${value}`);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((each) => jsonValue(each, depth + 1));
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, jsonValue(each, depth + 1)]));
}
