import {
  type APIService,
  APIServices,
  type ApiServicePriority,
  apiVersionOf,
  localApiServicePriority,
} from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";

/** The APIServices that there are now: which group versions others serve, and in which order all are told. */
export class ApiServices {
  readonly #lookup: Pick<Lookup, "list" | "lastChange">;
  #asOf: number | undefined;
  #all: ReadonlyMap<string, APIService> = new Map();
  #remote: ReadonlyMap<string, APIService> = new Map();

  constructor(lookup: Pick<Lookup, "list" | "lastChange">) {
    this.#lookup = lookup;
  }

  all(): Iterable<APIService> {
    this.#refresh();
    return this.#all.values();
  }

  /** Those whose group versions a server behind a Service answers. */
  remote(): Iterable<APIService> {
    this.#refresh();
    return this.#remote.values();
  }

  /** The APIService of a path below /apis/GROUP/VERSION or its OpenAPI document, when another server answers it. */
  ofPath(path: string): APIService | undefined {
    this.#refresh();
    if (this.#remote.size === 0) return undefined;
    const [, group = "", version = ""] = /^(?:\/openapi\/v3)?\/apis\/([^/]+)\/([^/]+)/.exec(path) ?? [];
    return this.#remote.get(`${group}/${version}`);
  }

  /** The APIService of a group version that another server answers for. */
  of(group: string, version: string): APIService | undefined {
    this.#refresh();
    return this.#remote.size === 0 ? undefined : this.#remote.get(apiVersionOf({ group, version }));
  }

  isRemote(group: string, version: string): boolean {
    return this.of(group, version) !== undefined;
  }

  priorityOf(group: string, version: string): ApiServicePriority {
    this.#refresh();
    const spec = this.#all.get(apiVersionOf({ group, version }))?.spec;
    if (!spec) return localApiServicePriority(group, version);
    return { group: spec.groupPriorityMinimum, version: spec.versionPriority };
  }

  #refresh(): void {
    const asOf = this.#lookup.lastChange(APIServices);
    if (asOf === this.#asOf) return;
    this.#asOf = asOf;
    const all = this.#lookup.list(APIServices).map((each) => [groupVersionOf(each), each] as const);
    this.#all = new Map(all);
    this.#remote = new Map(all.filter(([, { spec }]) => spec.service));
  }
}

/** `group/version`. */
export function groupVersionOf({ spec: { group = "", version = "" } }: APIService): string {
  return apiVersionOf({ group, version });
}

/** Whether the backend was there when it was last looked at. */
export function isAvailable({ status }: APIService): boolean {
  return status.conditions?.some(({ type, status: is }) => type === "Available" && is === "True") ?? false;
}
