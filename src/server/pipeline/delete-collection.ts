import { ApiError } from "../../api/index.ts";
import type { StoredObject } from "../../storage/index.ts";
import type { ObjectRequest } from "./context.ts";
import { deleteObject } from "./delete.ts";
import { deleteOptions } from "./delete-options.ts";
import { type ListPage, listObjects } from "./list.ts";

/** Deletes under way at once: as many as the store commits well in one group. */
const concurrency = 64;

/** Deletes every object that a list with the same options shows, and gives that list. */
export async function deleteCollection(request: ObjectRequest): Promise<ListPage> {
  const options = deleteOptions(request);
  const page = await listObjects(request);
  const waiting = page.items.values();
  const worker = async () => {
    for (const item of waiting) await deleteListed(request, options, item);
  };
  await Promise.all(Array.from({ length: Math.min(concurrency, page.items.length) }, worker));
  return page;
}

async function deleteListed(
  request: ObjectRequest,
  options: ReturnType<typeof deleteOptions>,
  { object }: StoredObject,
): Promise<void> {
  const { name, namespace = "" } = object.metadata;
  try {
    await deleteObject({ ...request, name, namespace }, options);
  } catch (error) {
    // Somebody else was faster: gone is what was wanted.
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  }
}
