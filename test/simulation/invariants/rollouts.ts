// Deployments make one ReplicaSet for each template, none while they are paused, and give up no earlier than they may.
import { controllerOf, type Deployment, type ReplicaSet } from "roder";
import { deepEqual } from "../../../src/lib/index.ts";
import { controller } from "./asked.ts";
import type { Invariant, State, Write } from "./state.ts";

const revisionAnnotation = "deployment.kubernetes.io/revision";
const secondMs = 1_000;

export class Rollouts implements Invariant {
  readonly #state: State;
  /** By uid, since when they are paused. */
  readonly #pausedMs = new Map<string, number>();

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ kind, before, now, by, atMs }: Write): Iterable<string> {
    // The kind says what they are.
    if (kind === "deployments") {
      const uid = (now ?? before)?.metadata.uid ?? "";
      if (!(now as Deployment | undefined)?.spec.paused) this.#pausedMs.delete(uid);
      else this.#pausedMs.getOrInsert(uid, atMs);
      if (before && now) yield* this.#progress(before as Deployment, now as Deployment, atMs);
    }
    if (kind === "replicasets" && !before && now && by === controller("deployment-controller"))
      yield* this.#created(now as ReplicaSet, atMs);
  }

  *#created({ metadata, spec }: ReplicaSet, atMs: number): Iterable<string> {
    const uid = controllerOf({ metadata })?.uid ?? "";
    const pausedMs = this.#pausedMs.get(uid);
    if (pausedMs !== undefined && atMs - pausedMs > this.#state.keptMs) yield `${metadata.name} comes during a pause`;
    for (const other of this.#state.controlledBy<ReplicaSet>(uid, "replicasets")) {
      const isOther = other.metadata.uid !== metadata.uid && other.metadata.deletionTimestamp === undefined;
      if (isOther && deepEqual(templateOf(other), templateOf({ spec })))
        yield `${metadata.name} has the template of ${other.metadata.name}`;
    }
  }

  *#progress(before: Deployment, now: Deployment, atMs: number): Iterable<string> {
    const last = progressOf(before);
    if (progressOf(now)?.reason !== gaveUp || last?.reason === gaveUp) return;
    const deadlines = this.#state.lateSpecs(now, atMs).map(({ spec }) => spec.progressDeadlineSeconds ?? 600);
    const dueMs = Date.parse(last?.lastUpdateTime ?? "") + Math.min(...deadlines) * secondMs;
    // Times are written in whole seconds.
    if (!(atMs + secondMs >= dueMs)) yield `${now.metadata.name} gives up after ${last?.lastUpdateTime}`;
  }

  *atRest(): Iterable<string> {
    for (const { metadata } of this.#state.list<Deployment>("deployments")) {
      const sets = this.#state.controlledBy<ReplicaSet>(metadata.uid, "replicasets");
      const revisions = sets.map((set) => Number(set.metadata.annotations?.[revisionAnnotation]));
      if (new Set(revisions).size < revisions.length) yield `${metadata.name} has revisions ${revisions}`;
      const last = Number(metadata.annotations?.[revisionAnnotation]);
      if (last !== Math.max(...revisions)) yield `${metadata.name} is at ${last} of the revisions ${revisions}`;
    }
  }
}

const gaveUp = "ProgressDeadlineExceeded";
const progressOf = ({ status }: Deployment) => status.conditions?.find(({ type }) => type === "Progressing");

function templateOf({ spec }: Pick<ReplicaSet, "spec">) {
  const { "pod-template-hash": _, ...labels } = spec.template?.metadata?.labels ?? {};
  return { ...spec.template, metadata: { ...spec.template?.metadata, labels } };
}
