// One simulated cluster and what happens to it, all decided by a seed: work that comes, changes and goes, and faults
// meanwhile. Then the faults end, and everything has to come to what was asked for; then all is deleted, and nothing may
// be left.
import {
  Cluster,
  CronJobs,
  type FaultRates,
  type KubeObject,
  MemoryStorage,
  Namespaces,
  type RecordedStorage,
  recordedStorage,
} from "roder";
import { type LogFields, type Logger, type Random, seededRandom } from "../../src/lib/index.ts";
import { doubledIdentities, leftovers, notAsAskedFor } from "./expectations.ts";
import { Invariants, kindOf, noteRequests } from "./invariants/index.ts";
import { Operations } from "./operations.ts";
import { brokenImage, busyImage, namespace, oddExitCode, oddIndexes } from "./scene.ts";
import { traced } from "./trace.ts";

export interface Outcome {
  /** Of everything that was written. */
  readonly digest: string;
  readonly writes: number;
  /** What was not as it has to be; empty when all is well. */
  readonly problems: readonly string[];
  /** What was done and what went wrong, each with its time. */
  readonly timeline: readonly string[];
}

const operationsCount = 40;
const oddPods = `batch.kubernetes.io/job-completion-index in (${oddIndexes.join(", ")})`;
const timelineMax = 2_000;
const tracedLinesMax = 500_000;
/** How late controllers see things, and how long they may act on what is past: with watches that are late, and without. */
const late = { lateMs: 60_000, keptMs: 60_000 };
const prompt = { lateMs: 0, keptMs: 10_000 };

/** Which faults a seed has, by turns: what holds without node failures or late watches is looked at more closely. */
const faultSets: readonly { readonly rates: FaultRates; readonly nodesFail: boolean }[] = [
  { rates: {}, nodesFail: false },
  { rates: { errors: 0.03, conflicts: 0.1, lostAnswers: 0.03, lostCreations: 0.03 }, nodesFail: false },
  { rates: { crashes: 0.02 }, nodesFail: false },
  { rates: { delays: 0.05, duplicates: 0.1, brokenWatches: 0.01, lostCreations: 0.05 }, nodesFail: false },
  { rates: {}, nodesFail: true },
  {
    rates: {
      ...{ errors: 0.03, conflicts: 0.05, lostAnswers: 0.03, lostCreations: 0.03, crashes: 0.01 },
      ...{ delays: 0.03, duplicates: 0.05, brokenWatches: 0.01 },
    },
    nodesFail: true,
  },
];

export interface Part {
  /** The actors that there are; all where none is named. */
  readonly only: readonly string[];
  /** How the names of the objects begin of whose writes the timeline tells. */
  readonly trace?: string;
}

export async function simulate(seed: number, part: Part = { only: [] }): Promise<Outcome> {
  const world = await World.create(seed, part);
  try {
    await world.live();
  } finally {
    await world.stop();
  }
  return world.outcome();
}

class World {
  readonly #cluster: Cluster;
  readonly #storage: RecordedStorage;
  readonly #invariants: Invariants;
  readonly #random: Random;
  readonly #rates: FaultRates;
  readonly #operations: Operations;
  readonly #timeline: string[] = [];
  readonly #linesMax: number;
  readonly #problems: string[] = [];
  /** What components wanted to do and are not allowed to. */
  readonly #refused: ReadonlySet<string>;
  /** How often objects of which kind were written, by plural. */
  readonly #writes: Map<string, number>;

  private constructor(
    seed: number,
    { only, trace }: Part,
    parts: {
      readonly cluster: Cluster;
      readonly storage: RecordedStorage;
      readonly invariants: Invariants;
      readonly refused: ReadonlySet<string>;
      readonly writes: Map<string, number>;
    },
  ) {
    const { cluster, storage, invariants, refused, writes } = parts;
    this.#linesMax = trace === undefined ? timelineMax : tracedLinesMax;
    this.#refused = refused;
    this.#writes = writes;
    this.#cluster = cluster;
    this.#storage = storage;
    this.#invariants = invariants;
    this.#random = seededRandom(seed);
    const note = (what: string) => this.#note(what);
    const { rates, nodesFail } = faultsOf(seed);
    this.#rates = rates;
    this.#operations = new Operations({ cluster, random: this.#random, nodesFail, note }, only);
    invariants.onBroken = (what) => note(`BROKEN: ${what}`);
    cluster.faults.onFault = (what, { verb, body }) => {
      note(`fault: ${what}`);
      if (what.includes("the controllers crash")) invariants.crashed();
      // The API has looked at the body, or never will.
      if (verb === "create" && what.endsWith("answer was lost")) invariants.overlooked(body as KubeObject);
    };
  }

  static async create(seed: number, part: Part): Promise<World> {
    const { trace } = part;
    const { rates, nodesFail } = faultsOf(seed);
    let started: Cluster | undefined;
    const invariants = new Invariants({
      nowMs: () => started?.clock.now() ?? 0,
      requestsFail: Boolean(rates.errors || rates.lostAnswers || rates.crashes),
      ...(rates.delays || rates.brokenWatches ? late : prompt),
    });
    const writes = new Map<string, number>();
    let world: World | undefined;
    const storage = recordedStorage(new MemoryStorage(), (changes) => {
      for (const { key, value } of trace === undefined ? [] : changes) {
        const line = traced(trace ?? "", key, value?.object);
        if (world && line !== undefined) world.#note(line);
      }
      invariants.observe(changes);
      for (const { key, value } of changes) {
        const kind = kindOf(key);
        // Events are forgotten after an hour, of which there may have been many.
        if (value || kind !== "events") writes.set(kind, (writes.get(kind) ?? 0) + 1);
      }
    });
    const refused = new Set<string>();
    const cluster = await Cluster.start({
      log: logTo((message) => refused.add(message)),
      nodes: 3 + (seed % 5),
      clock: "virtual",
      seed,
      storage,
      freeze: false,
      faults: rates,
      through: noteRequests,
      profile: {
        zones: ["a", "b", "c"],
        machine: { cpus: 4 },
        // That a node lives is said rarely, so that more seeds can be looked at.
        leaseRenewal: "30s",
        statusCheck: "30s",
        start: "100ms..8s",
        pull: "0s..3s",
        containers: [
          { image: "job:*", exit: "5s..60s", stop: "0s..2s" },
          { image: "odd:*", selector: oddPods, exit: "5s..20s", exitCode: oddExitCode },
          ...["odd:*", "flaky:*"].map((image) => ({ image, exit: "5s..40s", stop: "0s..20s", failure: 0.2 })),
          { image: brokenImage, failure: 1 },
          ...[busyImage, "*"].map((image) => ({
            image,
            stop: "0s..20s",
            cpu: image === busyImage ? "15m" : "7m",
            ...(nodesFail ? { failure: 0.05 } : {}),
          })),
        ],
      },
    });
    started = cluster;
    world = new World(seed, part, { cluster, storage, invariants, refused, writes });
    return world;
  }

  async live(): Promise<void> {
    const { client } = this.#cluster;
    await client.create(Namespaces, { metadata: { name: namespace } });
    await this.#cluster.advance("2s");
    await this.#operations.prepare();
    for (let done = 0; done < operationsCount; done++) {
      await this.#operations.operate();
      await this.#cluster.advance(this.#operations.between(1, 60) * 1_000);
      this.#tell(await doubledIdentities(this.#cluster));
    }
    this.#note("the faults end");
    this.#cluster.faults.end();
    await this.#operations.repair();
    // What failed before is given up by then, and its volumes with it.
    await this.#cluster.advance("10m");
    await this.#operations.wipeVolumes();
    await this.#cluster.advance("20m");
    this.#tell(await notAsAskedFor(this.#cluster));
    this.#tell(this.#invariants.atRest());
    await this.#expectRest();
    this.#note("the faults begin again");
    this.#cluster.faults.rates = this.#rates;
    await this.#hurry();
    this.#note("delete everything");
    await client.delete(Namespaces, { name: namespace });
    await this.#hurry();
    this.#cluster.faults.end();
    await this.#operations.repair();
    await this.#cluster.advance("10m");
    this.#tell(await leftovers(this.#cluster));
  }

  async stop(): Promise<void> {
    await this.#cluster.stop();
  }

  outcome(): Outcome {
    return {
      digest: this.#storage.digest,
      writes: this.#storage.revision,
      problems: [...this.#invariants.broken, ...this.#problems, ...this.#refused],
      timeline: this.#timeline,
    };
  }

  /** Some more happens, without waiting for what comes of it. */
  async #hurry(): Promise<void> {
    for (let done = 0; done < 5; done++) {
      await this.#operations.operate();
      await this.#cluster.advance(this.#operations.between(0, 3) * 1_000);
    }
  }

  /** Where nothing is asked for nothing is written, but that the nodes are there. */
  async #expectRest(): Promise<void> {
    const { client } = this.#cluster;
    for (const { metadata } of (await client.list(CronJobs, { namespace })).items) {
      await client.patch(CronJobs, { namespace, name: metadata.name }, { spec: { suspend: true } });
    }
    await this.#cluster.advance("20m");
    this.#writes.clear();
    const minutes = 10;
    await this.#cluster.advance(`${minutes}m`);
    const nodes = this.#cluster.nodes.size;
    // A lease every half a minute, a status every five minutes; and what is still wrong is told now and then.
    const expected: Readonly<Record<string, number>> = {
      leases: nodes * minutes * 2,
      nodes: nodes * 3,
      events: 50,
    };
    for (const [plural, count] of this.#writes) {
      if (count > (expected[plural] ?? 0)) this.#tell([`no rest: ${count} writes of ${plural} while nothing happens`]);
    }
  }

  #tell(problems: Iterable<string>): void {
    for (const what of problems) {
      this.#problems.push(what);
      this.#note(`PROBLEM: ${what}`);
    }
  }

  #note(what: string): void {
    if (this.#timeline.length === this.#linesMax) this.#timeline.shift();
    this.#timeline.push(`${new Date(this.#cluster.clock.now()).toISOString().slice(11, 23)} ${what}`);
  }
}

function faultsOf(seed: number) {
  const set = faultSets[seed % faultSets.length];
  if (!set) throw new Error(`the seed ${seed} is no whole number from 0 on`);
  return set;
}

/** Notes what a component's role does not allow: each has to have all that its work takes. */
function logTo(note: (message: string) => void): Logger {
  const write = (_message: string, fields?: LogFields) => {
    const error = String(fields?.error ?? "");
    if (/is forbidden: User "/.test(error)) note(error);
  };
  const log: Logger = { debug: () => {}, info: () => {}, warn: write, error: write, child: () => log };
  return log;
}
