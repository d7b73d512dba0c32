// The order of a list that a strategic merge patch made: the patch's order wins, what only the server knows keeps its
// place between as well as it can (k8s.io/community, contributors/devel/sig-cli/strategic-merge-patch.md).
import { isObject } from "../schema/index.ts";

/** What an item is found by: its merge key, or itself in a list of scalars. */
function identity(item: unknown, mergeKey: string): unknown {
  return mergeKey !== "" && isObject(item) ? item[mergeKey] : item;
}

/** The merged items: those of the patch in its order, the others in the server's, interleaved as the server had them. */
export function enforceOrder(
  merged: readonly unknown[],
  patchOrder: readonly unknown[],
  serverOrder: readonly unknown[],
  mergeKey: string,
): unknown[] {
  const inPatch = positions(patchOrder, mergeKey);
  const inServer = positions(serverOrder, mergeKey);
  const position = (of: Map<unknown, number>, item: unknown) => of.get(identity(item, mergeKey));
  const patchItems = sorted(
    merged.filter((item) => position(inPatch, item) !== undefined),
    (item) => position(inPatch, item),
  );
  const serverItems = sorted(
    merged.filter((item) => position(inPatch, item) === undefined),
    (item) => position(inServer, item),
  );
  const result: unknown[] = [];
  let next = 0;
  for (const item of patchItems) {
    // What the server had before this item comes before it.
    const here = position(inServer, item);
    while (next < serverItems.length && here !== undefined) {
      const other = position(inServer, serverItems[next]);
      if (other === undefined || other > here) break;
      result.push(serverItems[next++]);
    }
    result.push(item);
  }
  return [...result, ...serverItems.slice(next)];
}

function positions(items: readonly unknown[], mergeKey: string): Map<unknown, number> {
  const found = new Map<unknown, number>();
  for (const [index, item] of items.entries()) {
    const key = identity(item, mergeKey);
    if (!found.has(key)) found.set(key, index);
  }
  return found;
}

/** Sorted by position, stable; items without one keep their place at the end. */
function sorted(items: readonly unknown[], position: (item: unknown) => number | undefined): unknown[] {
  return items.toSorted((a, b) => (position(a) ?? Number.MAX_SAFE_INTEGER) - (position(b) ?? Number.MAX_SAFE_INTEGER));
}
