import {
  type ApiError,
  apiVersionOf,
  badRequest,
  expired,
  type ListMeta,
  type ObjectList,
  type RequestOptions,
} from "../../api/index.ts";
import type { Revision, StoredObject } from "../../storage/index.ts";
import { computedObjects } from "./computed.ts";
import type { ObjectRequest } from "./context.ts";
import { formatContinueToken, parseContinueToken } from "./continue-token.ts";
import { checkListOptions } from "./list-options.ts";
import { parseRevision, waitForRead } from "./revision.ts";
import { type Selection, selectionOf } from "./selection.ts";

/** A list as the pipeline has it: stored objects, whose bytes need no encoding. */
export interface ListPage {
  readonly kind: string;
  readonly apiVersion: string;
  readonly metadata: Partial<ListMeta>;
  readonly items: readonly StoredObject[];
  /** Whether `items` is the cache's own array, which stands for its content as long as that does not change. */
  readonly shared: boolean;
}

/** The list as objects. */
export function objectListOf({ kind, apiVersion, metadata, items }: ListPage): ObjectList {
  return { kind, apiVersion, metadata, items: items.map((each) => each.object) };
}

export async function listObjects(request: ObjectRequest): Promise<ListPage> {
  const { options, definition, context } = request;
  checkListOptions(options, false);
  const computed = computedObjects(request);
  if (computed) {
    const { listKind: kind } = definition;
    return { kind, apiVersion: apiVersionOf(definition), metadata: {}, items: await computed, shared: false };
  }
  const selection = selectionOf(definition, options, request.name);
  // What is not positive is no limit, as upstream.
  const limit = Math.max(0, options.limit ?? 0);
  if (options.continue) return continuePage(request, selection, limit);
  await waitForRead(context, options, request.signal);
  const revision = isExact(options, limit) ? exactRevision(request) : undefined;
  const items = revision?.items ?? candidates(request, selection, limit);
  return page(request, selection, limit, items, 0, revision?.revision ?? context.cache.revision);
}

/** A page of what is not older than a revision is one of exactly that, from before there was resourceVersionMatch. */
function isExact({ resourceVersion, resourceVersionMatch }: RequestOptions, limit: number): boolean {
  if (resourceVersionMatch !== undefined) return resourceVersionMatch === "Exact";
  return limit > 0 && resourceVersion !== undefined && resourceVersion !== "0";
}

/** The state at exactly the revision that is asked for, if it is known still. Throws 410. */
function exactRevision(request: ObjectRequest): { revision: Revision; items: readonly StoredObject[] } {
  const { store, namespace, context } = request;
  const revision = parseRevision(request.options.resourceVersion ?? "");
  const items = context.snapshots.get(store, namespace, revision);
  if (!items) throw expired("The resourceVersion for the provided list is too old.");
  return { revision, items };
}

/** The stored objects among which all that are selected are; of the whole collection when pages may be made of them. */
export function candidates(
  { store, namespace }: ObjectRequest,
  selection: Selection,
  limit = 0,
): readonly StoredObject[] {
  if (selection.name !== undefined && (namespace !== "" || !store.definition.namespaced)) {
    const stored = store.cache.get(store.key(namespace, selection.name));
    return stored ? [stored] : [];
  }
  const scope = store.indexScope(selection.exact);
  const indexed = scope && inNamespace(namespace, store.cache.byIndex(scope.index, scope.value));
  return indexed && (limit === 0 || indexed.length <= limit) ? indexed : store.cache.list(namespace || undefined);
}

function inNamespace(namespace: string, items: readonly StoredObject[]): readonly StoredObject[] {
  return namespace === "" ? items : items.filter((each) => each.object.metadata.namespace === namespace);
}

async function page(
  request: ObjectRequest,
  selection: Selection,
  limit: number,
  candidates: readonly StoredObject[],
  from: number,
  revision: Revision | undefined,
): Promise<ListPage> {
  const { definition, store, namespace, context } = request;
  const metadata: { -readonly [Field in keyof ListMeta]?: ListMeta[Field] } = {
    resourceVersion: String(revision ?? context.cache.revision),
  };
  const head = { kind: definition.listKind, apiVersion: apiVersionOf(definition), metadata };
  const whole = selection.all && from === 0 && (limit === 0 || candidates.length <= limit);
  if (whole && !definition.stored) return { ...head, items: candidates, shared: true };
  const conversion = store.prepare(between(candidates, from, selection.all && limit > 0 ? from + limit : Infinity));
  if (conversion) await conversion;
  const { items, next } = take(request, selection, limit, candidates, from);
  if (next !== undefined) {
    const after = candidates[next - 1]!.key.slice(store.prefix.length);
    metadata.continue = formatContinueToken({ revision, after, count: candidates.length });
    if (selection.all) metadata.remainingItemCount = candidates.length - next;
    if (revision !== undefined) context.snapshots.keep(store.prefix, namespace, revision, candidates);
  }
  return { ...head, items, shared: false };
}

function* between(items: readonly StoredObject[], from: number, to: number): Generator<StoredObject> {
  for (let at = from; at < items.length && at < to; at++) yield items[at]!;
}

/** Up to `limit` selected objects; `next` is where the following page starts, when there is something for it. */
function take(
  { store }: ObjectRequest,
  selection: Selection,
  limit: number,
  candidates: readonly StoredObject[],
  from: number,
): { items: StoredObject[]; next: number | undefined } {
  const items: StoredObject[] = [];
  let end = from;
  for (let at = from; at < candidates.length; at++) {
    const view = store.view(candidates[at]!);
    if (!selection.all && !selection.matches(view.object)) continue;
    if (limit > 0 && items.length === limit) return { items, next: end };
    items.push(view);
    end = at + 1;
  }
  return { items, next: undefined };
}

async function continuePage(request: ObjectRequest, selection: Selection, limit: number): Promise<ListPage> {
  const { store, namespace, context } = request;
  const { continue: token = "", resourceVersion } = request.options;
  // What is no revision at all is told before a wrong token, and that before the two at once.
  if (resourceVersion) parseRevision(resourceVersion);
  const { revision, after, count } = parseContinueToken(token);
  if (resourceVersion && resourceVersion !== "0")
    throw badRequest("specifying resource version is not allowed when using continue");
  // One who goes on with the present state wants it as it is, as one who begins.
  await waitForRead(context, revision === undefined ? {} : { resourceVersion: String(revision) }, request.signal);
  const candidates =
    revision === undefined
      ? store.cache.list(namespace || undefined)
      : context.snapshots.get(store, namespace, revision, count);
  if (!candidates) throw tokenTooOld(after);
  const key = store.prefix + after;
  return page(request, selection, limit, candidates, firstAfter(candidates, key), revision);
}

/** The index of the first object whose key is greater. */
function firstAfter(items: readonly StoredObject[], key: string): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (items[middle]!.key <= key) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** 410 with a token that goes on from the same place in the present state, as Kubernetes offers it. */
function tokenTooOld(after: string): ApiError {
  const error = expired(
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without " +
      "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. " +
      "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or " +
      "deleted between the time the first chunk was returned and now may show up in the list.",
  );
  // The Status was made a moment ago and nobody else has it yet.
  Object.assign(error.status.metadata, { continue: formatContinueToken({ revision: undefined, after }) });
  return error;
}
