// Waiting for an object to become what a test wants it to be.

import type { KubeObject, ResourceReference } from "../../api/index.ts";
import type { Client, ObjectKey } from "../../client/index.ts";
import { formatJson } from "../../lib/index.ts";

export interface AwaitedOptions {
  /** Ends the wait, which then fails. */
  readonly signal: AbortSignal;
  /** For the error: how long the wait was, and for what. */
  readonly within: number | string;
  readonly wanted: unknown;
}

/**
 * Resolves when `holds` is true of the object, or of undefined where there is none. Throws an Error that tells its status,
 * and nothing else of it that may be a secret.
 */
export async function awaited<T extends KubeObject>(
  client: Client,
  resource: ResourceReference<T>,
  { namespace, name }: ObjectKey,
  holds: (object: T | undefined) => boolean,
  { signal, within, wanted }: AwaitedOptions,
): Promise<T | undefined> {
  const which = { ...(namespace === undefined ? {} : { namespace }), fieldSelector: `metadata.name=${name}` };
  let last: T | undefined;
  while (!signal.aborted) {
    try {
      const { items, metadata } = await client.list(resource, { ...which, signal });
      last = items[0];
      if (holds(last)) return last;
      const { resourceVersion = "" } = metadata;
      for await (const event of client.watch(resource, { ...which, resourceVersion, signal })) {
        if (event.type === "BOOKMARK") continue;
        last = event.type === "DELETED" ? undefined : event.object;
        if (holds(last)) return last;
      }
    } catch (error) {
      // That the wait is over is told below, with what there is.
      if (!signal.aborted) throw error;
    }
  }
  const time = typeof within === "number" ? `${within} ms` : within;
  const object = `${resource.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
  // As every kind that has a status has it.
  const { status } = (last ?? {}) as { status?: unknown };
  const found = last ? `its status is ${formatJson(status) ?? "not there"}` : "it is not there";
  throw new Error(`${object}: after ${time} still not ${wanted}; ${found}`);
}
