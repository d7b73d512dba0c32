/// <reference lib="esnext.disposable" preserve="true" />
// A whole cluster inside one program: API server, storage in memory, controllers, scheduler, and simulated nodes with the
// real agent. Imports nothing of the host, so that it runs in a browser too; what serves HTTPS is loaded when asked for.
import { SharedViews } from "../../agent/index.ts";
import {
  type KubeObject,
  parseDuration,
  type ResourceHandler,
  type ResourceReference,
  ServiceAccounts,
  type User,
} from "../../api/index.ts";
import {
  type Client,
  type ControllerDefinition,
  InformerSet,
  type ObjectKey,
  runControllers,
} from "../../client/index.ts";
import {
  type Clock,
  keepAlive,
  type Logger,
  macrotask,
  pause,
  type Random,
  seededRandom,
  silentLogger,
  sleep,
  systemClock,
  unseededRandom,
  VirtualClock,
} from "../../lib/index.ts";
import { type PluginDefinition, readSchedulerConfiguration } from "../../scheduler/index.ts";
import { MemoryStorage, type Storage } from "../../storage/index.ts";
import { type ControlLoopsOptions, runControlLoops, type SchedulerSettings } from "../control-loops.ts";
import { type ControlPlane, startControlPlane } from "../control-plane.ts";
import { hollowNodesUser } from "../system-objects.ts";
import { type FaultRates, Faults } from "./faults.ts";
import { HollowNode } from "./hollow-node.ts";
import { type HollowBehaviour, type HollowProfile, readProfile } from "./hollow-profile.ts";
import type { Serving } from "./serving.ts";
import { standInTokenKeys } from "./stand-in-token-keys.ts";
import { awaited } from "./until.ts";

export interface ClusterOptions {
  /** How many simulated nodes there are; 1 when left out. */
  readonly nodes?: number;
  /** How they and what runs on them behave. */
  readonly profile?: HollowProfile;
  /** `real`, which it is when left out, or `virtual`: time passes only with `advance`. */
  readonly clock?: "real" | "virtual";
  /** Makes names, identifiers and delays repeatable: with a virtual clock the same seed gives the same history. */
  readonly seed?: number;
  /** Serves HTTPS on a port of 127.0.0.1 for kubectl and other programs; `kubeconfig` says how to reach it. Not in browsers. */
  readonly serve?: boolean;
  /** Freezes objects all the way down, so that a stray write throws where it happens; true when left out. */
  readonly freeze?: boolean;
  readonly log?: Logger;
  /** Where it keeps everything; in memory when left out. Closed with the cluster. */
  readonly storage?: Storage;
  /** What goes wrong between the components and the API; with a virtual clock only. */
  readonly faults?: FaultRates;
  /** What every request to the API passes, behind the faults, for who wants to know whose doing a write is. */
  readonly through?: (api: ResourceHandler) => ResourceHandler;
  /** How pods are placed: a KubeSchedulerConfiguration, and plugins beside those of Kubernetes that it may name. */
  readonly scheduler?: { readonly configuration?: unknown; readonly plugins?: readonly PluginDefinition[] };
}

export interface UntilOptions {
  /** Milliseconds, or a text as `10m`. */
  readonly within?: number | string;
}

export interface RunOptions {
  /** Who they are, a service account for example: `{ name: "system:serviceaccount:NAMESPACE:NAME" }`. */
  readonly as?: User;
}

const administrator: User = { name: "kubernetes-admin", groups: ["system:masters", "system:authenticated"] };
const clusterDomain = "cluster.local";
const serviceRange = "10.43.0.0/16";
const clusterDns = "10.43.0.10";
/** Room for 32,768 nodes. */
const podRange = "10.128.0.0/9";
/** kube-controller-manager's node-monitor-grace-period over the kubelet's renewals. */
const renewalsMissedMax = 5;
const faultSeed = 0x5eed;
/** In a cluster whose clock stands, something that takes longer than this never ends. */
const waitMsMax = 600_000;
const stepMs = 20;
const withinDefault = "1m";
const restartMs = 1_000;
/** There is no authority where nobody comes from outside; what is published to namespaces needs a text all the same. */
const noCertificate = "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n";

export class Cluster {
  /** The API as the administrator sees it. */
  readonly client: Client;
  readonly clock: Clock;
  /** The simulated nodes by name, also those that are down. */
  readonly nodes: ReadonlyMap<string, HollowNode>;
  readonly #nodes: Map<string, HollowNode>;
  readonly #plane: ControlPlane;
  readonly #options: ClusterOptions;
  readonly #random: Random;
  readonly #log: Logger;
  readonly #serving: Serving | undefined;
  readonly #behaviour: HollowBehaviour;
  readonly #views: SharedViews;
  readonly #faults: Faults | undefined;
  readonly #scheduler: SchedulerSettings;
  /** Ends all but the API. */
  readonly #stopping = new AbortController();
  /** What tests run beside the cluster's own controllers. */
  readonly #running = new Set<Promise<void>>();
  /** Timers and watches keep no program alive; a cluster in real time does, as a server that listens. */
  readonly #alive: { cancel(): void } | undefined;
  #controllers: { readonly ending: AbortController; readonly over: Promise<void> };
  #stopped: Promise<void> | undefined;

  /** Resolves when the API answers, the nodes are ready and pods can be created. */
  static async start(options: ClusterOptions = {}): Promise<Cluster> {
    const { clock: time = "real" } = options;
    // Without types a slip would make a test wait for hours that should only seem to pass.
    if (time !== "real" && time !== "virtual") throw new Error(`there is no clock "${time}": "real" or "virtual"`);
    const virtual = time === "virtual";
    const clock = virtual ? new VirtualClock(undefined, macrotask) : systemClock;
    const random = virtual || options.seed !== undefined ? seededRandom(options.seed ?? 1) : unseededRandom();
    const log = options.log ?? silentLogger;
    const behaviour = readProfile(options.profile ?? {}, random);
    if (options.faults && !virtual) throw new Error("faults are simulated: start the cluster with a virtual clock");
    // A source of its own: what goes wrong does not depend on what else is left to chance.
    const faults = virtual
      ? new Faults(clock, seededRandom((options.seed ?? 1) ^ faultSeed), options.faults)
      : undefined;
    const { through = (api) => api } = options;
    const serving = options.serve ? await (await import("#serving")).prepareServing(log, clock) : undefined;
    const nodes = new Map<string, HollowNode>();
    const plane = await startControlPlane({
      storage: options.storage ?? new MemoryStorage(),
      clock,
      random,
      log,
      serviceAccountKey: serving?.serviceAccountKey ?? standInTokenKeys,
      apiAddress: undefined,
      apiPort: 6443,
      podRange,
      serviceRange,
      clusterDomain,
      freeze: options.freeze ?? true,
      async readNodeStats({ metadata: { name } }) {
        const node = nodes.get(name);
        if (!node) throw new Error(`${name} is not simulated`);
        return await node.stats();
      },
      ...(serving ? { callWebhook: serving.callWebhook } : {}),
      through: (api) => (faults ? faults.through(through(api)) : through(api)),
    });
    const cluster = new Cluster(options, { clock, random, log, behaviour, serving, plane, faults, nodes });
    try {
      await cluster.#begin();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  private constructor(
    options: ClusterOptions,
    parts: {
      readonly clock: Clock;
      readonly random: Random;
      readonly log: Logger;
      readonly behaviour: HollowBehaviour;
      readonly serving: Serving | undefined;
      readonly plane: ControlPlane;
      readonly faults: Faults | undefined;
      readonly nodes: Map<string, HollowNode>;
    },
  ) {
    const { clock, random, log, behaviour, serving, plane, faults, nodes } = parts;
    this.#options = options;
    this.clock = clock;
    this.#random = random;
    this.#log = log;
    this.#behaviour = behaviour;
    this.#serving = serving;
    this.#plane = plane;
    this.#faults = faults;
    this.#scheduler = schedulerSettings(options.scheduler);
    this.#nodes = nodes;
    this.nodes = nodes;
    this.client = plane.client(administrator);
    this.#alive = clock instanceof VirtualClock ? undefined : keepAlive();
    const ending = new AbortController();
    this.#controllers = { ending, over: this.#runControllers(ending.signal) };
    if (faults) faults.onCrash = () => this.restartControllers();
    const reader: User = { name: hollowNodesUser, groups: ["system:authenticated"] };
    this.#views = new SharedViews({ client: plane.client(reader), clock, random, log, signal: this.#stopping.signal });
  }

  /** The API as somebody else sees it: the rules of roles hold. */
  as(user: User): Client {
    return this.#plane.client(user);
  }

  /** What goes wrong. Throws when the clock is real. */
  get faults(): Faults {
    if (!this.#faults) throw new Error("faults are simulated: start the cluster with a virtual clock");
    return this.#faults;
  }

  /** What kubectl needs to reach the cluster. Throws when it does not serve. */
  get kubeconfig(): string {
    const { kubeconfig } = this.#serving ?? {};
    if (kubeconfig === undefined) throw new Error("the cluster serves nobody outside its program: start it with serve");
    return kubeconfig;
  }

  /** Lets time pass, with all that happens in it: milliseconds, or a text as `10m`. Throws when the clock is real. */
  async advance(duration: number | string): Promise<void> {
    const { clock } = this;
    if (!(clock instanceof VirtualClock))
      throw new Error("time passes by itself: start the cluster with a virtual clock");
    await clock.advance(typeof duration === "number" ? duration : parseDuration(duration));
  }

  /**
   * Resolves with an object as soon as it is as `holds` wants it; time passes meanwhile. Throws an Error that tells its
   * status when it is not so `within` the time of the cluster, a minute when left out.
   */
  async until<T extends KubeObject>(
    resource: ResourceReference<T>,
    key: ObjectKey,
    holds: (object: T) => boolean,
    { within = withinDefault }: UntilOptions = {},
  ): Promise<T> {
    const found = await this.#awaited(resource, key, (object) => object !== undefined && holds(object), within, holds);
    // Of no object nothing holds.
    return found as T;
  }

  /** Resolves when an object is gone, finalizers and all. As `until`. */
  async untilGone(
    resource: ResourceReference,
    key: ObjectKey,
    { within = withinDefault }: UntilOptions = {},
  ): Promise<void> {
    await this.#awaited(resource, key, (object) => object === undefined, within, "gone");
  }

  /**
   * Runs controllers of one's own, those of an operator, on the clock of the cluster and in the runtime of Kubernetes' own.
   * They are the administrator when `as` is left out; for anybody else roles hold, and what `faults` does to the others it
   * does to them. The cluster ends them when it stops, and the function that comes back before.
   */
  run(controllers: readonly ControllerDefinition[], { as = administrator }: RunOptions = {}): () => Promise<void> {
    const ending = new AbortController();
    const client = this.as(as);
    const environment = {
      client,
      clock: this.clock,
      random: this.#random,
      log: this.#log,
      signal: AbortSignal.any([ending.signal, this.#stopping.signal]),
    };
    const running = runControllers({ controllers, informers: new InformerSet(environment), ...environment });
    this.#running.add(running);
    return async () => {
      ending.abort();
      await this.#settled(running);
      this.#running.delete(running);
    };
  }

  /** Adds simulated nodes; resolves when they are ready. */
  async addNodes(count: number): Promise<void> {
    const first = this.#nodes.size;
    const added = Array.from({ length: count }, (_, at) => this.#newNode(first + at));
    await this.#settled(Promise.all(added.map((node) => node.start())));
  }

  /** Ends controllers and scheduler at once, wherever they are; a second later others begin, which know nothing of them. */
  restartControllers(): void {
    const before = this.#controllers;
    const ending = new AbortController();
    // What they have asked for is still done by the API, which takes less time than a program takes to start.
    const next = before.over
      .then(() => pause(this.clock, restartMs, ending.signal))
      .then(() => this.#runControllers(ending.signal));
    this.#controllers = { ending, over: next };
    before.ending.abort();
  }

  /** Ends everything; resolves when nothing runs any more. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  /** For `await using cluster = await Cluster.start()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #begin(): Promise<void> {
    await this.#serving?.listen(this.#plane);
    await this.addNodes(this.#options.nodes ?? 1);
    await this.#settled(this.#usable());
    // What began with the nodes comes to rest, so that the first thing a test does is the first thing that happens.
    if (this.clock instanceof VirtualClock) await this.clock.advance(1_000);
  }

  /**
   * Resolves when pods find an account, which a controller makes. That nodes are ready they have said themselves; in real
   * time they lose the taint of new ones a moment later.
   */
  async #usable(): Promise<void> {
    const over = new AbortController();
    const signal = AbortSignal.any([over.signal, this.#stopping.signal]);
    const accounts = { namespace: "default", fieldSelector: "metadata.name=default", signal };
    try {
      for await (const event of this.client.watch(ServiceAccounts, accounts)) if (event.type === "ADDED") break;
    } finally {
      over.abort();
    }
  }

  #newNode(index: number): HollowNode {
    const name = `node-${index}`;
    const node = new HollowNode({
      name,
      index,
      client: this.#plane.client(
        { name: `system:node:${name}`, groups: ["system:nodes", "system:authenticated"] },
        "kubelet",
      ),
      views: this.#views,
      behaviour: this.#behaviour,
      clock: this.clock,
      random: this.#random,
      log: this.#log,
      clusterDns,
      clusterDomain,
    });
    this.#nodes.set(name, node);
    return node;
  }

  #runControllers(ending: AbortSignal): Promise<void> {
    const serving = this.#serving;
    const options: ControlLoopsOptions = {
      plane: this.#plane,
      clock: this.clock,
      random: this.#random,
      log: this.#log,
      signal: ending,
      rootCertificate: serving?.rootCertificate ?? noCertificate,
      signCertificate: serving?.signCertificate ?? signNothing,
      podRange,
      serviceRange,
      scheduler: this.#scheduler,
      nodeGraceMs: renewalsMissedMax * this.#behaviour.leaseMs,
      ...(serving ? { authorities: serving.authorities, extensions: serving.extensions } : {}),
    };
    return runControlLoops(options);
  }

  async #awaited<T extends KubeObject>(
    resource: ResourceReference<T>,
    key: ObjectKey,
    holds: (object: T | undefined) => boolean,
    within: number | string,
    wanted: unknown,
  ): Promise<T | undefined> {
    const over = new AbortController();
    const { client, clock } = this;
    const withinMs = typeof within === "number" ? within : parseDuration(within);
    const timer = clock.setTimer(withinMs, () => over.abort());
    const signal = AbortSignal.any([over.signal, this.#stopping.signal]);
    try {
      return await this.#settled(
        awaited(client, resource, key, holds, { signal, within, wanted }),
        withinMs + waitMsMax,
      );
    } finally {
      timer.cancel();
      over.abort();
    }
  }

  /** What a piece of work comes to, with as much time as it needs where the clock is virtual. */
  async #settled<T>(work: Promise<T>, msMax = waitMsMax): Promise<T> {
    const { clock } = this;
    if (!(clock instanceof VirtualClock)) return await work;
    let isOver = false;
    const end = () => {
      isOver = true;
    };
    work.then(end, end);
    const untilMs = clock.monotonicMs() + msMax;
    await clock.advance(0);
    while (!isOver) {
      if (clock.monotonicMs() > untilMs) throw new Error("the cluster waits for something that does not happen");
      // Who takes part over HTTPS lives in real time: that of the cluster does not run ahead.
      if (this.#serving) await sleep(systemClock, stepMs);
      await clock.advance(stepMs);
    }
    return await work;
  }

  async #stop(): Promise<void> {
    for (const node of this.#nodes.values()) node.stop();
    this.#stopping.abort();
    this.#controllers.ending.abort();
    await this.#settled(Promise.all([this.#controllers.over, ...this.#running]));
    await this.#serving?.close();
    await this.#plane.close();
    this.#alive?.cancel();
  }
}

/** Throws an Error that says what is wrong with the configuration. */
function schedulerSettings({ configuration, plugins = [] }: NonNullable<ClusterOptions["scheduler"]> = {}) {
  if (configuration === undefined) return { plugins };
  return { plugins, configuration: readSchedulerConfiguration(configuration, plugins) };
}

const signNothing: ControlLoopsOptions["signCertificate"] = () => {
  throw new Error("this cluster has no certificate authority: start it with serve");
};
