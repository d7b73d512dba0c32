import type { KubeObject, ResourceDefinition } from "../../api/index.ts";
import type { Lookup } from "../lookup.ts";

/** What is made of the objects of some kinds, made anew when one of them has changed. */
export class Compiled<T> {
  readonly #revision: () => number;
  readonly #make: () => T;
  #known: { readonly revision: number; readonly value: T } | undefined;

  // biome-ignore lint/suspicious/noExplicitAny: definitions of every kind; only their names are read
  constructor(lookup: Lookup, kinds: readonly ResourceDefinition<any>[], make: () => T) {
    this.#revision = () => Math.max(...kinds.map((kind) => lookup.lastChange<KubeObject>(kind)));
    this.#make = make;
  }

  get(): T {
    const revision = this.#revision();
    if (this.#known?.revision !== revision) this.#known = { revision, value: this.#make() };
    return this.#known.value;
  }
}
