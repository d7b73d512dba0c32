// The API server in memory, with faults that a test asks for: refusals, watches that lag or break, history that is gone.
import {
  expired,
  type ResourceHandler,
  type ResourceRequest,
  type ResourceResponse,
  type User,
  type WatchEvent,
} from "../src/api/index.ts";
import { Channel, type VirtualClock } from "../src/lib/index.ts";
import { startTestServer, type TestServer } from "../src/server/server-for-tests.ts";

export class FaultyApi implements ResourceHandler {
  readonly requests: { readonly request: ResourceRequest; readonly user: User }[] = [];
  /** Thrown instead of an answer, for the requests that it is given for. */
  failure: (request: ResourceRequest) => Error | undefined = () => undefined;
  readonly #server: TestServer;
  readonly #watches = new Set<Channel<WatchEvent>>();
  #held: (() => void)[] | undefined;
  #oldest = 0;

  private constructor(server: TestServer) {
    this.#server = server;
  }

  /** Its clock stands still, so that it causes nothing by itself. */
  static async start(): Promise<FaultyApi> {
    return new FaultyApi(await startTestServer());
  }

  get watchers(): number {
    return this.#watches.size;
  }

  count(verb: string, plural: string): number {
    return this.requests.filter(({ request }) => request.verb === verb && request.plural === plural).length;
  }

  /** Watchers see nothing until `release`. */
  hold(): void {
    this.#held = [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const tell of held) tell();
  }

  /** Ends all watches, with an error when one is given. */
  endWatches(error?: Error): void {
    for (const watch of [...this.#watches]) watch.close(error);
  }

  /** Forgets the history: watches from before are refused with 410. */
  compact(): void {
    this.#oldest = this.#server.storage.revision;
  }

  /** Tells all watchers how far they are; returns that resourceVersion. */
  bookmark(): string {
    const resourceVersion = String(this.#server.storage.revision);
    // A bookmark has nothing else.
    const metadata = { resourceVersion } as WatchEvent["object"]["metadata"];
    for (const watch of this.#watches) watch.push({ type: "BOOKMARK", object: { metadata } });
    return resourceVersion;
  }

  async handle(request: ResourceRequest, user: User): Promise<ResourceResponse> {
    this.requests.push({ request, user });
    const failure = this.failure(request);
    if (failure) throw failure;
    const after = Number(request.options?.resourceVersion ?? 0);
    if (request.verb === "watch" && after < this.#oldest) throw expired(`too old resource version: ${after}`);
    const response = await this.#server.api.handle(request, user);
    return response.type === "watch" ? { ...response, events: this.#relay(response.events) } : response;
  }

  #relay(events: AsyncIterable<WatchEvent>): AsyncIterable<WatchEvent> {
    const watch = new Channel<WatchEvent>(10_000, () => this.#watches.delete(watch));
    this.#watches.add(watch);
    const pump = async () => {
      for await (const event of events) {
        if (this.#held) this.#held.push(() => watch.push(event));
        else watch.push(event);
      }
    };
    void pump().then(
      () => watch.close(),
      (error: unknown) => watch.close(error),
    );
    return watch;
  }
}

/** Lets all promises that can go on do so, however long their chains are. */
export async function atRest(): Promise<void> {
  for (let round = 0; round < 5; round++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves the clock in small steps, with rest between them. */
export async function pass(clock: VirtualClock, durationMs: number): Promise<void> {
  const steps = 20;
  await atRest();
  for (let step = 0; step < steps; step++) {
    await clock.advance(durationMs / steps);
    await atRest();
  }
}
