import { badRequest, type KubeObject, notAcceptable, type ResourceDefinition } from "../../api/index.ts";
import type { Clock } from "../../lib/index.ts";
import { isBuiltIn } from "../pipeline/kind-rules.ts";
import type { ListPage } from "../pipeline/list.ts";
import { type IncludeObject, partialMetadata, tableOf } from "../print/table.ts";
import type { Negotiated } from "./negotiation.ts";

const includes: readonly string[] = ["None", "Metadata", "Object"];

/** Turns objects and lists of one kind into the form that the client asked for. */
export class Transform {
  readonly #definition: ResourceDefinition;
  readonly #negotiated: Negotiated;
  readonly #include: IncludeObject;
  readonly #clock: Clock;
  #headersSent = false;

  constructor(definition: ResourceDefinition, negotiated: Negotiated, query: URLSearchParams, clock: Clock) {
    this.#definition = definition;
    this.#negotiated = negotiated;
    this.#clock = clock;
    const include = query.get("includeObject") || "Metadata";
    // Nobody else asks for it.
    if (negotiated.as === "Table" && !includes.includes(include))
      throw badRequest(
        `Unable to convert to Table as requested: includeObject: Invalid value: ${JSON.stringify(include)}: ` +
          "must be 'Metadata', 'Object', 'None', or empty",
      );
    this.#include = include as IncludeObject; // one of the three where it matters, just checked
  }

  object(object: KubeObject): object {
    const { as, version } = this.#negotiated;
    // A Status has no metadata to speak of and stays what it is.
    if (object.kind === "Status") return object;
    if (as === "PartialObjectMetadataList")
      throw notAcceptable(
        `you requested PartialObjectMetadataList, but the requested object is not a list (${this.#goType("")})`,
      );
    if (as !== "Table") return partialMetadata(object, version);
    const { resourceVersion } = object.metadata;
    return this.#table([object], resourceVersion === undefined ? {} : { resourceVersion }, true);
  }

  list(page: ListPage): object {
    const { as, version } = this.#negotiated;
    const objects = page.items.map((each) => each.object);
    if (as === "Table") return this.#table(objects, page.metadata, true);
    if (as === "PartialObjectMetadata")
      throw notAcceptable(
        `you requested PartialObjectMetadata, but the requested object is a list (${this.#goType("List")})`,
      );
    return {
      kind: "PartialObjectMetadataList",
      apiVersion: `meta.k8s.io/${version}`,
      metadata: page.metadata,
      items: objects.map((each) => partialMetadata(each, version)),
    };
  }

  /** The name of the form that an object's events have for every watcher; undefined when each watcher's are its own. */
  get eventForm(): string | undefined {
    const { as, version } = this.#negotiated;
    return as === "Table" ? undefined : `metadata ${version}`;
  }

  /** The object of a watch event. Only the first table describes its columns. */
  event(object: KubeObject, isBookmark: boolean): object {
    if (this.#negotiated.as !== "Table") return partialMetadata(object, this.#negotiated.version);
    const { resourceVersion } = object.metadata;
    const headers = !this.#headersSent;
    this.#headersSent = true;
    if (!isBookmark) return this.#table([object], { resourceVersion }, headers);
    // A bookmark has metadata alone: clients look for that in a row, and there is nothing for cells.
    const row = this.#include === "None" ? {} : { object: partialMetadata(object, this.#negotiated.version) };
    return { ...this.#table([], { resourceVersion }, headers), rows: [{ cells: [], ...row }] };
  }

  /** The type of the objects in Kubernetes, which messages name. */
  #goType(suffix: "" | "List"): string {
    const { group, kind } = this.#definition;
    if (!isBuiltIn(this.#definition)) return `*unstructured.Unstructured${suffix}`;
    return `*${group === "" ? "core" : group.split(".")[0]}.${kind}${suffix}`;
  }

  #table(objects: readonly KubeObject[], metadata: ListPage["metadata"], headers: boolean): object {
    const options = { version: this.#negotiated.version, include: this.#include, nowMs: this.#clock.now(), headers };
    return tableOf(this.#definition, objects, metadata, options);
  }
}
