import type { APIService } from "../../../api/index.ts";
import { type Clock, deepEqual, errorMessage, type Logger } from "../../../lib/index.ts";

/** How long what a server said of itself is told on without asking again. */
const ageMsMax = 60_000;
/** How long a server that did not say it is not asked again. */
const retryMs = 15_000;

interface Document {
  /** Undefined while the server does not say it. */
  content: Promise<unknown>;
  /** From when on the server is asked again. */
  staleAtMs: number;
}

interface Known {
  readonly spec: APIService["spec"];
  readonly byPath: Map<string, Document>;
}

export interface ExtensionDocumentsOptions {
  /** Fetches a document as JSON; rejects with an Error that says why there is none. */
  readonly fetch: (service: APIService, path: string) => Promise<unknown>;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * What the servers behind APIServices say of themselves. Only who asks for a document first waits for its server: what
 * was known is told until there is something newer, so that a server that is slow holds nobody up.
 */
export class ExtensionDocuments {
  readonly #options: ExtensionDocumentsOptions;
  /** By the uid of the APIService. */
  readonly #known = new Map<string, Known>();

  constructor(options: ExtensionDocumentsOptions) {
    this.#options = options;
  }

  /** The document of the server at `path`; undefined while it does not say it. Never rejects. */
  get(service: APIService, path: string): Promise<unknown> {
    const { clock } = this.#options;
    const { byPath } = this.#of(service);
    const nowMs = clock.monotonicMs();
    const known = byPath.get(path);
    if (known && nowMs < known.staleAtMs) return known.content;
    const content = this.#fetch(service, path);
    const document: Document = known ?? { content, staleAtMs: 0 };
    byPath.set(path, document);
    // Nobody else asks while this question is open; its answer comes, or is given up, within a bounded time.
    document.staleAtMs = Number.POSITIVE_INFINITY;
    void content.then((told) => {
      document.content = content;
      document.staleAtMs = clock.monotonicMs() + (told === undefined ? retryMs : ageMsMax);
    });
    return document.content;
  }

  /** Forgets the documents of APIServices that are not among these. */
  keepOnly(services: Iterable<APIService>): void {
    const kept = new Set(Array.from(services, ({ metadata }) => metadata.uid));
    for (const uid of this.#known.keys()) if (!kept.has(uid)) this.#known.delete(uid);
  }

  /** A status that changes, as that of a server that comes and goes, leaves what was said as it is. */
  #of({ metadata, spec }: APIService): Known {
    let known = this.#known.get(metadata.uid);
    if (!known || !deepEqual(known.spec, spec)) {
      known = { spec, byPath: new Map() };
      this.#known.set(metadata.uid, known);
    }
    return known;
  }

  async #fetch(service: APIService, path: string): Promise<unknown> {
    try {
      return await this.#options.fetch(service, path);
    } catch (error) {
      this.#options.log.debug("an extension API server does not tell what it serves", {
        name: service.metadata.name,
        path,
        error: errorMessage(error),
      });
      return undefined;
    }
  }
}
