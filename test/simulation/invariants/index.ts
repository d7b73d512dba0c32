// What must hold after every single write, whatever goes wrong.
import type { KubeObject } from "roder";
import type { Change } from "../../../src/storage/index.ts";
import { type Asked, asked } from "./asked.ts";
import { Availability } from "./availability.ts";
import { Budgets } from "./budgets.ts";
import { Claims } from "./claims.ts";
import { countProblems } from "./counts.ts";
import { Evictions } from "./evictions.ts";
import { JobRules } from "./jobs.ts";
import { OnDelete } from "./on-delete.ts";
import { Ordinals } from "./ordinals.ts";
import { Ownership } from "./ownership.ts";
import { Placements } from "./placements.ts";
import { Readiness } from "./readiness.ts";
import { Rollouts } from "./rollouts.ts";
import { Scaling } from "./scaling.ts";
import { type Invariant, kindOf, kinds, State, type Write } from "./state.ts";
import { Surges } from "./surges.ts";
import { Tolerations } from "./tolerations.ts";

export { asked, noteRequests } from "./asked.ts";
export { claimTemplate, ordinalOf, setOf } from "./claims.ts";
export { kindOf } from "./state.ts";

const invariantsOver = (state: State, readiness: Readiness, requestsFail: boolean): readonly Invariant[] => [
  { problems: (write) => countProblems(write, state) },
  new JobRules(state),
  new Availability(state, readiness),
  new Budgets(state, readiness),
  new Rollouts(state),
  new Ordinals(state, readiness),
  new Surges(state),
  new Claims(state),
  new Ownership(state),
  new Placements(state, requestsFail),
  new Tolerations(state),
  new OnDelete(state),
  new Scaling(state, requestsFail),
];

export interface InvariantOptions extends Pick<State, "keptMs" | "lateMs"> {
  readonly nowMs: () => number;
  /** Whether requests fail at times, and with them what somebody took for granted or remembered. */
  readonly requestsFail?: boolean;
}

export class Invariants {
  /** What did not hold, each once. */
  readonly broken = new Set<string>();
  onBroken: (what: string) => void = () => {};
  readonly #nowMs: () => number;
  readonly #state: State;
  readonly #readiness: Readiness;
  readonly #evictions: Evictions;
  readonly #all: readonly Invariant[];

  constructor(options: InvariantOptions) {
    this.#nowMs = options.nowMs;
    this.#state = new State(options);
    this.#readiness = new Readiness(this.#state);
    this.#evictions = new Evictions(this.#state);
    this.#all = [...invariantsOver(this.#state, this.#readiness, options.requestsFail ?? false), this.#evictions];
  }

  /** To be told of every commit, while who asked for it is `asked`. */
  readonly observe = (changes: readonly Change[]): void => {
    const request = asked();
    for (const { key, value } of changes) this.#look(key, value?.object, request);
  };

  /** An object was created, and who created it does not know. */
  overlooked(object: KubeObject): void {
    this.#state.noteOverlooked(object, this.#nowMs());
  }

  /** The controllers begin again, and remember nothing. */
  crashed(): void {
    this.#evictions.restarted(this.#nowMs());
  }

  /** What must hold besides when all has come to rest. */
  *atRest(): Iterable<string> {
    for (const invariant of this.#all) yield* invariant.atRest?.() ?? [];
  }

  #look(key: string, now: KubeObject | undefined, request: Asked | undefined): void {
    const kind = kindOf(key);
    if (!kinds.has(kind)) return;
    const atMs = this.#nowMs();
    const before = this.#state.set(kind, key, now, atMs);
    const asWritten: Write = { kind, before, now, by: request?.by, subresource: request?.subresource, atMs };
    const write = { ...asWritten, departure: this.#readiness.note(asWritten) };
    for (const invariant of this.#all) this.#tell(invariant.problems(write));
  }

  #tell(problems: Iterable<string>): void {
    for (const what of problems) {
      if (this.broken.has(what)) continue;
      this.broken.add(what);
      this.onBroken(what);
    }
  }
}
