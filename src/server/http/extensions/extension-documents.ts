import { createHash } from "node:crypto";
import type { APIService } from "../../../api/index.ts";
import { type Clock, deepEqual, errorMessage, type Logger } from "../../../lib/index.ts";

/** How long what a server said of itself is told on without asking again. */
const ageMsMax = 60_000;
/** How long a server that did not say it is not asked again. */
const retryMs = 15_000;

/** A document as it was parsed, and what tells it from others. */
interface Told {
  readonly digest: string;
  readonly content: unknown;
}

interface Document {
  /** Undefined while the server does not say it. */
  told: Promise<Told | undefined>;
  /** From when on the server is asked again. */
  staleAtMs: number;
}

interface Known {
  readonly spec: APIService["spec"];
  readonly byPath: Map<string, Document>;
}

export interface ExtensionDocumentsOptions {
  /** Fetches the JSON of a document; rejects with an Error that says why there is none. */
  readonly fetch: (service: APIService, path: string) => Promise<Uint8Array>;
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

  /**
   * The document of the server at `path`, the same object as long as it is the same document; undefined while the server
   * does not say it. Never rejects.
   */
  async get(service: APIService, path: string): Promise<unknown> {
    return (await this.#told(service, path))?.content;
  }

  #told(service: APIService, path: string): Promise<Told | undefined> {
    const { clock } = this.#options;
    const { byPath } = this.#of(service);
    const nowMs = clock.monotonicMs();
    const known = byPath.get(path);
    if (known && nowMs < known.staleAtMs) return known.told;
    const told = this.#fetch(service, path, known?.told);
    const document: Document = known ?? { told, staleAtMs: 0 };
    byPath.set(path, document);
    // Nobody else asks while this question is open; its answer comes, or is given up, within a bounded time.
    document.staleAtMs = Number.POSITIVE_INFINITY;
    void told.then((found) => {
      document.told = told;
      document.staleAtMs = clock.monotonicMs() + (found === undefined ? retryMs : ageMsMax);
    });
    return document.told;
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

  /** What was told before is kept when it is told again: much is made of it. */
  async #fetch(
    service: APIService,
    path: string,
    before: Promise<Told | undefined> | undefined,
  ): Promise<Told | undefined> {
    try {
      const bytes = await this.#options.fetch(service, path);
      const digest = createHash("sha256").update(bytes).digest("base64");
      const known = await before;
      if (known?.digest === digest) return known;
      return { digest, content: JSON.parse(new TextDecoder().decode(bytes)) };
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
