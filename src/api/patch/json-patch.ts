// JSON patch (RFC 6902) with the limits and answers of Kubernetes (k8s.io/apiserver/pkg/endpoints/handlers/patch.go).
import { deepEqual, utf8Length } from "../../lib/index.ts";
import { ApiError, badRequest } from "../meta/index.ts";
import { copyJson, isObject, jsonType } from "../schema/index.ts";
import { setField } from "../schema/json-value.ts";

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[];
  readonly value: unknown;
}

type Container = unknown[] | Record<string, unknown>;

const operationsMax = 10_000;
/** What "copy" may make in one patch: copies of copies grow exponentially. As Kubernetes' JSONPatchMaxCopyBytes. */
const copiedBytesMax = 3 * 1024 * 1024;

/** What the patch makes of the document; neither is changed. Throws the ApiError that Kubernetes answers with. */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const operations = readPatch(patch);
  // The root stands in a container, so that replacing it is like replacing anything else.
  const holder: Record<string, unknown> = { root: copyJson(document) };
  const budget = { copied: 0 };
  for (const operation of operations) apply(holder, operation, budget);
  return holder.root;
}

function readPatch(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) {
    throw badRequest(`json: cannot unmarshal ${jsonType(patch)} into Go value of type jsonpatch.Patch`);
  }
  if (patch.length > operationsMax)
    throw new ApiError(
      413,
      "RequestEntityTooLarge",
      `Request entity is too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  return patch.map(readOperation);
}

function readOperation(value: unknown): Operation {
  if (!isObject(value))
    throw badRequest(`json: cannot unmarshal ${jsonType(value)} into Go value of type jsonpatch.Operation`);
  const { op, path, from } = value;
  return {
    op: typeof op === "string" ? op : "",
    path: readPointer(path),
    from: op === "move" || op === "copy" ? readPointer(from) : [],
    // The library of Kubernetes takes a value that is missing for null.
    value: value.value ?? null,
  };
}

/** A JSON pointer (RFC 6901) as keys below the holder of the root. */
function readPointer(pointer: unknown): string[] {
  if (typeof pointer !== "string" || (pointer !== "" && !pointer.startsWith("/"))) throw unprocessable();
  const keys = pointer.split("/").slice(1);
  return ["root", ...keys.map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~"))];
}

/** Kubernetes does not tell which operation failed and why. */
function unprocessable(): ApiError {
  return new ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

function apply(holder: Container, { op, path, from, value }: Operation, budget: { copied: number }): void {
  // The whole document can only be replaced and tested.
  if (op !== "replace" && op !== "test" && (isRoot(path) || isRoot(from))) throw unprocessable();
  if (op === "add") add(holder, path, copyJson(value));
  else if (op === "remove") remove(holder, path);
  else if (op === "replace") replace(holder, path, copyJson(value));
  else if (op === "move") add(holder, path, remove(holder, from));
  else if (op === "copy") add(holder, path, copied(get(holder, from), budget));
  else if (op !== "test") throw unprocessable();
  else if (!deepEqual(get(holder, path), value)) throw unprocessable();
}

/** Whether keys below the holder name the document. */
const isRoot = (keys: readonly string[]) => keys.length === 1;

function copied(value: unknown, budget: { copied: number }): unknown {
  budget.copied += utf8Length(JSON.stringify(value));
  if (budget.copied > copiedBytesMax) throw unprocessable();
  return copyJson(value);
}

/** The container that the last key of the path names something in. */
function parentOf(holder: Container, path: readonly string[]): Container {
  let container: unknown = holder;
  for (const key of path.slice(0, -1)) container = isContainer(container) ? child(container, key) : undefined;
  if (!isContainer(container)) throw unprocessable();
  return container;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function child(container: Container, key: string): unknown {
  if (!Array.isArray(container)) return Object.hasOwn(container, key) ? container[key] : undefined;
  return container[indexOf(key, container.length)];
}

/** An index into an array, as Go reads integers; negative ones count from the end, as the library of Kubernetes allows. */
function indexOf(key: string, length: number): number {
  if (!/^[-+]?[0-9]{1,18}$/.test(key)) throw unprocessable();
  const index = Number(key);
  return index < 0 ? index + length : index;
}

/** What is there; a field that is missing is null, while an item has to be there. */
function get(holder: Container, path: readonly string[]): unknown {
  const parent = parentOf(holder, path);
  const value = child(parent, path.at(-1)!);
  if (value === undefined && Array.isArray(parent)) throw unprocessable();
  return value ?? null;
}

function add(holder: Container, path: readonly string[], value: unknown): void {
  const parent = parentOf(holder, path);
  const key = path.at(-1)!;
  if (!Array.isArray(parent)) {
    setField(parent, key, value);
    return;
  }
  if (key === "-") {
    parent.push(value);
    return;
  }
  // A negative index counts from behind the new last one: -1 appends.
  const index = key.startsWith("-") ? indexOf(key, parent.length + 1) : indexOf(key, parent.length);
  if (index < 0 || index > parent.length) throw unprocessable();
  parent.splice(index, 0, value);
}

/** Unlike RFC 6902 has it, a field that is replaced need not be there: the library of Kubernetes does not look. */
function replace(holder: Container, path: readonly string[], value: unknown): void {
  if (isRoot(path) && !isContainer(value)) throw unprocessable();
  const parent = parentOf(holder, path);
  const key = path.at(-1)!;
  if (Array.isArray(parent)) {
    const index = indexOf(key, parent.length);
    if (index < 0 || index >= parent.length) throw unprocessable();
    parent[index] = value;
  } else setField(parent, key, value);
}

function remove(holder: Container, path: readonly string[]): unknown {
  const parent = parentOf(holder, path);
  const key = path.at(-1)!;
  if (Array.isArray(parent)) {
    const index = indexOf(key, parent.length);
    if (index < 0 || index >= parent.length) throw unprocessable();
    return parent.splice(index, 1)[0];
  }
  if (!Object.hasOwn(parent, key)) throw unprocessable();
  const value = parent[key];
  delete parent[key];
  return value;
}
