// The garbage collector deletes nothing whose owner lives, and an owner that waits for its dependents goes after them.
import type { KubeObject } from "roder";
import { controller } from "./asked.ts";
import type { Invariant, State, Write } from "./state.ts";

const collector = controller("generic-garbage-collector");
const foreground = "foregroundDeletion";

export class Ownership implements Invariant {
  readonly #state: State;

  constructor(state: State) {
    this.#state = state;
  }

  *problems({ before, now, by, atMs }: Write): Iterable<string> {
    if (!before) return;
    const isGoing = ({ metadata }: KubeObject) => metadata.deletionTimestamp !== undefined;
    if (by === collector && !isGoing(before) && (!now || isGoing(now))) yield* this.#collected(before);
    // Who deletes it again in the background takes it out of its turn.
    if (by === collector && !now && before.metadata.finalizers?.includes(foreground)) yield* this.#last(before, atMs);
  }

  *#collected({ metadata }: KubeObject): Iterable<string> {
    for (const { uid, kind, name } of metadata.ownerReferences ?? []) {
      const owner = this.#state.anyOf(uid)?.metadata;
      const isOver = owner?.deletionTimestamp !== undefined && owner.finalizers?.includes(foreground);
      if (owner && !isOver) yield `${metadata.name} is collected while its owner, the ${kind} ${name}, is there`;
    }
  }

  *#last({ metadata }: KubeObject, atMs: number): Iterable<string> {
    for (const dependent of this.#state.allControlledBy(metadata.uid)) {
      const { name, creationTimestamp, ownerReferences = [] } = dependent.metadata;
      const blocks = ownerReferences.some(({ uid, blockOwnerDeletion }) => uid === metadata.uid && blockOwnerDeletion);
      // What has just come may not have been known.
      if (!blocks || atMs - Date.parse(creationTimestamp) <= this.#state.keptMs) continue;
      yield `${metadata.name} goes before ${name}, for which it waits`;
    }
  }
}
