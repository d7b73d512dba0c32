// One document of what several servers serve: kube-openapi's aggregator, MergeSpecsIgnorePathConflictRenamingDefinitions.
import type { Schema } from "../../api/index.ts";
import { deepEqual } from "../../lib/index.ts";
import type { OpenApiV2Document, OperationV2, PathItemV2 } from "./openapi-v2.ts";

/** What another server says of one of its group versions. */
export interface ForeignDocument {
  readonly groupVersion: string;
  /** As it came, of whatever shape. */
  readonly content: unknown;
}

const refPrefix = "#/definitions/";
const methods = ["get", "put", "post", "delete", "patch"] as const;

/**
 * The document with the paths of the others' group versions and the definitions that these need. One that has another
 * meaning there than here gets a name of its own. Throws when what came is no such document.
 */
export function mergeOpenApiV2(own: OpenApiV2Document, others: readonly ForeignDocument[]): OpenApiV2Document {
  const paths: Record<string, PathItemV2> = { ...own.paths };
  const definitions: Record<string, Schema> = { ...own.definitions };
  for (const { groupVersion, content } of others) {
    const { paths: theirs = {}, definitions: known = {} } = content as Partial<OpenApiV2Document>; // read below
    const prefix = `/apis/${groupVersion}/`;
    const kept = Object.entries(theirs).filter(([path]) => path.startsWith(prefix));
    const names = new Map<string, string>();
    for (const name of closure(kept, known)) {
      const free = freeName(name, known[name] ?? {}, definitions);
      names.set(name, free);
    }
    for (const [name, free] of names) definitions[free] = renamed(known[name] ?? {}, names);
    for (const [path, item] of kept) paths[path] = completed(renamed(item, names));
  }
  return { ...own, paths, definitions };
}

/** The names of all definitions that `values` lead to. */
function closure(values: unknown, known: Readonly<Record<string, Schema>>): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    for (const [key, each] of Object.entries(value)) {
      const name = key === "$ref" && typeof each === "string" ? each.slice(refPrefix.length) : undefined;
      if (name === undefined) look(each);
      else if (!found.has(name)) {
        found.add(name);
        look(known[name]);
      }
    }
  };
  look(values);
  return found;
}

function freeName(name: string, schema: Schema, taken: Readonly<Record<string, Schema>>): string {
  for (let at = 1; ; at++) {
    const free = at === 1 ? name : `${name}_v${at}`;
    const present = taken[free];
    if (present === undefined || deepEqual(present, schema)) return free;
  }
}

/** A copy whose references lead to the new names. */
function renamed<T>(value: T, names: ReadonlyMap<string, string>): T {
  if (typeof value !== "object" || value === null) return value;
  // A copy of the same shape.
  if (Array.isArray(value)) return value.map((each) => renamed(each, names)) as T;
  const copy = Object.entries(value).map(([key, each]) => {
    if (key !== "$ref" || typeof each !== "string") return [key, renamed(each, names)];
    const name = each.slice(refPrefix.length);
    return [key, `${refPrefix}${names.get(name) ?? name}`];
  });
  return Object.fromEntries(copy) as T; // as above
}

/** What others leave out where they have nothing. */
function completed(item: PathItemV2): PathItemV2 {
  const operations = methods.flatMap((method) => {
    const operation: Partial<OperationV2> | undefined = item[method];
    return operation ? [[method, { ...emptyOperation, ...operation }] as const] : [];
  });
  return { ...item, ...Object.fromEntries(operations) };
}

const emptyOperation = {
  description: "",
  consumes: [],
  produces: [],
  schemes: [],
  tags: [],
  operationId: "",
  parameters: [],
  responses: {},
};
