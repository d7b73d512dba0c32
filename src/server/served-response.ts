import type { ObjectList, WatchEvent } from "../api/index.ts";
import type { StoredObject } from "../storage/index.ts";
import { type ListPage, objectListOf } from "./pipeline/list.ts";
import { type ObjectWatch, type ServedEvent, SingleEvents } from "./pipeline/watch.ts";

/** The answers of the pipeline: those of ResourceResponse with what HTTP needs to send stored bytes as they are. */
export type ServedResponse = ServedObject | ServedList | ServedWatch;

export interface ServedObject {
  readonly type: "object";
  readonly code: 200 | 201 | 202;
  readonly object: object;
  /** Where `object` comes from, when it is a stored one: its bytes are made already. */
  readonly stored?: StoredObject;
  readonly warnings: readonly string[];
}

export class ServedList {
  readonly type = "list";
  readonly page: ListPage;
  readonly warnings: readonly string[];
  #list: ObjectList | undefined;

  constructor(page: ListPage, warnings: readonly string[]) {
    this.page = page;
    this.warnings = warnings;
  }

  /** The list as objects, made when someone asks for it. */
  get list(): ObjectList {
    this.#list ??= objectListOf(this.page);
    return this.#list;
  }
}

export class ServedWatch {
  readonly type = "watch";
  /** The events as many at a time as are ready. A watch is read once: by this or by `events`. */
  readonly batches: AsyncIterable<readonly ServedEvent[]>;
  /** Aborted when the watch is over, even if its reader has not come to see that yet. */
  readonly over: AbortSignal;
  readonly warnings: readonly string[];

  constructor({ batches, over }: ObjectWatch, warnings: readonly string[]) {
    this.batches = batches;
    this.over = over;
    this.warnings = warnings;
  }

  get events(): AsyncIterable<WatchEvent> {
    return new SingleEvents(this.batches);
  }
}
