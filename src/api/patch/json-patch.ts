// JSON patch (RFC 6902) with the limits and answers of Kubernetes (k8s.io/apiserver/pkg/endpoints/handlers/patch.go).
import { deepEqual, errorMessage, formatJson, utf8Length } from "../../lib/index.ts";
import { ApiError, badRequest } from "../meta/index.ts";
import { copyJson, isObject, jsonType } from "../schema/index.ts";
import { setField } from "../schema/json-value.ts";

interface Operation {
  readonly op: string;
  readonly path: Pointer;
  readonly from: Pointer;
  readonly value: unknown;
}

/** A JSON pointer (RFC 6901): its text, and the keys that it lists. */
interface Pointer {
  readonly text: string;
  readonly keys: readonly string[];
}

type Container = unknown[] | Record<string, unknown>;

/** Why an operation does not fit the document, in the words of the library of Kubernetes. */
class Misfit extends Error {}

const operationsMax = 10_000;
/** What "copy" may make in one patch: copies of copies grow exponentially. As Kubernetes' JSONPatchMaxCopyBytes. */
const copiedBytesMax = 3 * 1024 * 1024;

/**
 * What the patch makes of the document; neither is changed. Throws the ApiError that Kubernetes answers with, which does
 * not tell clients why a patch does not fit; its cause does.
 */
export function applyJsonPatch(document: unknown, patch: unknown): unknown {
  const holder: Holder = { document: copyJson(document), copied: 0 };
  try {
    for (const operation of readPatch(patch)) apply(holder, operation);
  } catch (cause) {
    if (!(cause instanceof Misfit)) throw cause;
    throw new ApiError(422, "Invalid", "the server rejected our request due to an error in our request", {}, { cause });
  }
  return holder.document;
}

/** For those who do tell why a patch could not be applied. */
export function whyNotPatched(error: unknown): string {
  return errorMessage(error instanceof ApiError ? (error.cause ?? error) : error);
}

/** Why it is no list of operations, in Go's words; undefined when it is one. */
export function whyNoJsonPatch(patch: unknown): string | undefined {
  const misfit = (value: unknown, type: string) =>
    `json: cannot unmarshal ${jsonType(value)} into Go value of type jsonpatch.${type}`;
  if (!Array.isArray(patch)) return misfit(patch, "Patch");
  const wrong: unknown[] = patch.filter((operation) => !isObject(operation));
  return wrong.length === 0 ? undefined : misfit(wrong[0], "Operation");
}

interface Holder {
  document: unknown;
  /** How many bytes have been copied so far. */
  copied: number;
}

function readPatch(patch: unknown): Operation[] {
  if (!Array.isArray(patch)) throw badRequest(whyNoJsonPatch(patch)!);
  if (patch.length > operationsMax)
    throw new ApiError(
      413,
      "RequestEntityTooLarge",
      `Request entity is too large: The allowed maximum operations in a JSON patch is ${operationsMax}, got ${patch.length}`,
    );
  return patch.map(readOperation);
}

function readOperation(value: unknown): Operation {
  if (!isObject(value)) throw badRequest(whyNoJsonPatch([value])!);
  const op = typeof value.op === "string" ? value.op : "unknown";
  return {
    op,
    path: readPointer(value.path, `${op} operation failed to decode path`),
    from: op === "move" || op === "copy" ? readPointer(value.from, `${op} operation failed to decode from`) : noPointer,
    // The library of Kubernetes takes a value that is missing for null.
    value: value.value ?? null,
  };
}

const noPointer: Pointer = { text: "", keys: [] };

function readPointer(text: unknown, failure: string): Pointer {
  if (typeof text !== "string") throw new Misfit(`${failure}: missing value`);
  const keys = text.split("/").slice(1);
  return { text, keys: keys.map((key) => key.replace(/~1/g, "/").replace(/~0/g, "~")) };
}

function apply(holder: Holder, { op, path, from, value }: Operation): void {
  switch (op) {
    case "add":
      put(parentOf(holder, path, `add operation does not apply: doc is missing path: "${path.text}"`), path, value);
      return;
    case "remove": {
      const parent = parentOf(holder, path, `remove operation does not apply: doc is missing path: "${path.text}"`);
      within(`error in remove for path: '${path.text}'`, () => take(parent, lastOf(path)));
      return;
    }
    case "replace":
      replace(holder, path, copyJson(value));
      return;
    case "move": {
      const parent = parentOf(holder, from, `move operation does not apply: doc is missing from path: ${from.text}`);
      const moved = within(`error in move for path: '${lastOf(from)}'`, () => take(parent, lastOf(from)));
      const missing = `move operation does not apply: doc is missing destination path: ${path.text}`;
      const target = parentOf(holder, path, missing);
      within(`error in move for path: '${path.text}'`, () => insert(target, lastOf(path), moved));
      return;
    }
    case "copy": {
      const parent = parentOf(holder, from, `copy operation does not apply: doc is missing from path: ${from.text}`);
      const found = within(`error in copy for from: '${from.text}'`, () => get(parent, lastOf(from)));
      const missing = `copy operation does not apply: doc is missing destination path: ${path.text}`;
      const target = parentOf(holder, path, missing);
      const copy = copied(holder, found);
      within("error while adding value during copy", () => insert(target, lastOf(path), copy));
      return;
    }
    case "test": {
      if (!deepEqual(tested(holder, path), value)) throw new Misfit(`testing value ${path.text} failed: test failed`);
      return;
    }
    default:
      throw new Misfit(`Unexpected kind: ${op}`);
  }
}

function put(parent: Container, path: Pointer, value: unknown): void {
  within(`error in add for path: '${path.text}'`, () => insert(parent, lastOf(path), copyJson(value)));
}

/** Unlike RFC 6902 has it, a field that is replaced need not be there: the library of Kubernetes does not look. */
function replace(holder: Holder, path: Pointer, value: unknown): void {
  if (path.text === "") {
    if (!isContainer(value)) throw new Misfit("replace operation value must be object or array");
    holder.document = value;
    return;
  }
  const parent = parentOf(holder, path, `replace operation does not apply: doc is missing path: ${path.text}`);
  const key = lastOf(path);
  if (!Array.isArray(parent)) setField(parent, key, value);
  else if (has(parent, key)) parent[indexOf(key, parent.length)] = value;
  else throw new Misfit(`replace operation does not apply: doc is missing key: ${path.text}: missing value`);
}

function tested(holder: Holder, path: Pointer): unknown {
  if (path.text === "") return holder.document;
  const parent = parentOf(holder, path, `test operation does not apply: is missing path: ${path.text}`);
  return within(`error in test for path: '${path.text}'`, () => get(parent, lastOf(path)));
}

function copied(holder: Holder, value: unknown): unknown {
  holder.copied += utf8Length(formatJson(value));
  if (holder.copied > copiedBytesMax)
    throw new Misfit(
      `Unable to complete the copy, the accumulated size increase of copy is ${holder.copied}, exceeding the limit ${copiedBytesMax}`,
    );
  return copyJson(value);
}

const lastOf = ({ keys }: Pointer): string => keys.at(-1)!; // whose parent has been found

/** The container that the last key of the pointer names something in. */
function parentOf({ document }: Holder, { keys }: Pointer, failure: string): Container {
  let container: unknown = keys.length === 0 ? undefined : document;
  for (const key of keys.slice(0, -1))
    container = isContainer(container) && has(container, key) ? get(container, key) : undefined;
  if (!isContainer(container)) throw new Misfit(`${failure}: missing value`);
  return container;
}

function isContainer(value: unknown): value is Container {
  return typeof value === "object" && value !== null;
}

function has(container: Container, key: string): boolean {
  if (!Array.isArray(container)) return Object.hasOwn(container, key);
  return integer.test(key) && at(Number(key), container.length) !== undefined;
}

const integer = /^[-+]?[0-9]{1,18}$/;

/** Where in so many items an index is; negative ones count from the end, as the library of Kubernetes allows. */
function at(index: number, length: number): number | undefined {
  const found = index < 0 ? index + length : index;
  return found >= 0 && found < length ? found : undefined;
}

/** An index into an array, as Go reads integers. */
function indexOf(key: string, length: number): number {
  if (!integer.test(key)) throw new Misfit(`strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`);
  const index = at(Number(key), length);
  if (index === undefined) throw new Misfit(`Unable to access invalid index: ${Number(key)}: invalid index referenced`);
  return index;
}

/** What is there; a field that is missing is null, while an item has to be there. */
function get(container: Container, key: string): unknown {
  if (Array.isArray(container)) return container[indexOf(key, container.length)];
  return Object.hasOwn(container, key) ? container[key] : null;
}

function insert(container: Container, key: string, value: unknown): void {
  if (!Array.isArray(container)) setField(container, key, value);
  else if (key === "-") container.push(value);
  else {
    if (!integer.test(key))
      throw new Misfit(
        `value was not a proper array index: '${key}': strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`,
      );
    // A negative index counts from behind the new last one: -1 appends.
    container.splice(indexOf(key, container.length + 1), 0, value);
  }
}

function take(container: Container, key: string): unknown {
  if (Array.isArray(container)) return container.splice(indexOf(key, container.length), 1)[0];
  if (!Object.hasOwn(container, key)) throw new Misfit(`Unable to remove nonexistent key: ${key}: missing value`);
  const value = container[key];
  delete container[key];
  return value;
}

/** What `step` gives; that it does not fit is told with where it was. */
function within<T>(where: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    throw error instanceof Misfit ? new Misfit(`${where}: ${error.message}`) : error;
  }
}
