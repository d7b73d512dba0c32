// What goes wrong between the components of a simulated cluster and its API: for a seed always the same.
import {
  conflict,
  expired,
  internalError,
  type KubeObject,
  type ResourceHandler,
  type ResourceRequest,
  type ResourceResponse,
  serviceUnavailable,
  tooManyRequests,
  type User,
  type WatchEvent,
} from "../../api/index.ts";
import { type Clock, type Random, sleep } from "../../lib/index.ts";

/** How often what happens: parts of all requests or events, from 0 to 1; nothing of what is left out. */
export interface FaultRates {
  /** Requests that the API refuses with 500, 503 or 429, undone. */
  readonly errors?: number;
  /** Writes that are done, and whose answer is lost; those that create under a generated name are not among them. */
  readonly lostAnswers?: number;
  /**
   * Creations under a generated name whose answer is lost. Who tries again makes one more, and finds out by its watch:
   * Kubernetes' controllers overshoot so too.
   */
  readonly lostCreations?: number;
  /** Updates that lose against a write that nobody made. */
  readonly conflicts?: number;
  /** Watch events that come late, by up to `delayMsMax`, with all that follow them. */
  readonly delays?: number;
  readonly delayMsMax?: number;
  /** Watch events that come twice. */
  readonly duplicates?: number;
  /** Watch events after which the watch ends, half of them because its past is gone. */
  readonly brokenWatches?: number;
  /** Writes of controllers and scheduler at which all of them end, half of them before it is done, and start anew. */
  readonly crashes?: number;
}

const delayMsMaxDefault = 5_000;

/** What clients other than administrators see of the API. */
export class Faults {
  rates: FaultRates;
  /** Told of every fault, and which request it hits. */
  onFault: (what: string, request: ResourceRequest) => void = () => {};
  /** Called for a crash; what the crashing program asks from then on fails. */
  onCrash: () => void = () => {};
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(clock: Clock, random: Random, rates: FaultRates = {}) {
    this.#clock = clock;
    this.#random = random;
    this.rates = rates;
  }

  /** From now on everything goes well. */
  end(): void {
    this.rates = {};
  }

  through(api: ResourceHandler): ResourceHandler {
    return {
      handle: (request, user) => (isAdministrator(user) ? api.handle(request, user) : this.#handle(api, request, user)),
    };
  }

  async #handle(api: ResourceHandler, request: ResourceRequest, user: User): Promise<ResourceResponse> {
    const { errors, conflicts, crashes } = this.rates;
    const isWrite = request.verb !== "get" && request.verb !== "list" && request.verb !== "watch";
    if (this.#happens(errors)) throw this.#tell(request, user, this.#someError());
    if (request.verb === "update" && this.#happens(conflicts))
      throw this.#tell(request, user, conflict({ group: request.group, plural: request.plural }, request.name ?? ""));
    if (isWrite && isController(user) && this.#happens(crashes)) {
      const isDone = this.#happens(0.5);
      if (isDone) await api.handle(request, user);
      this.onCrash();
      throw this.#tell(request, user, new Error(`the controllers crash ${isDone ? "after" : "before"} it`));
    }
    const response = await api.handle(request, user);
    if (isWrite && this.#happens(this.#lossRate(request)))
      throw this.#tell(request, user, new Error("the answer was lost"));
    if (response.type !== "watch") return response;
    return { ...response, events: this.#disturbed(response.events, request, user) };
  }

  #lossRate({ verb, body }: ResourceRequest): number | undefined {
    // The API has looked at the body: it has metadata.
    const isGenerated = verb === "create" && (body as KubeObject).metadata?.generateName !== undefined;
    return isGenerated ? this.rates.lostCreations : this.rates.lostAnswers;
  }

  async *#disturbed(events: AsyncIterable<WatchEvent>, request: ResourceRequest, user: User) {
    for await (const event of events) {
      const { delays, delayMsMax = delayMsMaxDefault, duplicates, brokenWatches } = this.rates;
      if (this.#happens(delays)) await sleep(this.#clock, this.#random.next() * delayMsMax, request.signal);
      yield event;
      if (event.type !== "BOOKMARK" && this.#happens(duplicates)) yield event;
      if (!this.#happens(brokenWatches)) continue;
      if (this.#happens(0.5)) throw this.#tell(request, user, expired("too old resource version"));
      this.#tell(request, user, new Error("the watch ended"));
      return;
    }
  }

  #someError(): Error {
    const kind = Math.floor(this.#random.next() * 3);
    if (kind === 0) return internalError(new Error("a simulated failure"));
    if (kind === 1) return serviceUnavailable("a simulated failure");
    return tooManyRequests("a simulated failure", 1);
  }

  #happens(rate = 0): boolean {
    return rate > 0 && this.#random.next() < rate;
  }

  #tell(request: ResourceRequest, user: User, error: Error): Error {
    const { verb, plural, subresource, namespace, name } = request;
    const what = [plural, subresource].filter(Boolean).join("/");
    const which = [namespace, name].filter(Boolean).join("/");
    this.onFault(`${verb} ${what} ${which} by ${user.name}: ${error.message}`, request);
    return error;
  }
}

const isAdministrator = ({ groups = [] }: User) => groups.includes("system:masters");

function isController({ name }: User): boolean {
  return name.startsWith("system:serviceaccount:kube-system:") || name.startsWith("system:kube-");
}
