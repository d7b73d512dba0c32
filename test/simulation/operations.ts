// What the people of a simulated cluster ask for: one of the actors at a time, drawn by weight.
import { ResourceQuotas } from "roder";
import { actors, nodeActors, wipeVolumes } from "./actors/index.ts";
import { type Actor, namespace, Scene, type SceneOptions } from "./scene.ts";

const repairsMax = 20;

export class Operations {
  readonly #scene: Scene;
  readonly #actors: readonly Actor[];
  /** Each as often as it is drawn. */
  readonly #drawn: readonly Actor[];

  /** With some actors only, when there are any in `only`. */
  constructor(options: SceneOptions, only: readonly string[]) {
    this.#scene = new Scene(options);
    const all = Object.entries(options.nodesFail ? { ...actors, ...nodeActors } : actors);
    this.#actors = all.filter(([name]) => only.length === 0 || only.includes(name)).map(([, actor]) => actor);
    // Every seed has its own mixture, without some of them: what meets often in one hardly meets in the other.
    const often = (actor: Actor) => (actor.weight ?? 1) * this.#scene.between(0, 2);
    const drawn = this.#actors.flatMap((actor) => Array.from({ length: often(actor) }, () => actor));
    this.#drawn = drawn.length > 0 ? drawn : this.#actors;
  }

  /** Somebody does something. */
  async operate(): Promise<void> {
    await wipeVolumes(this.#scene);
    await this.#scene.unlessRefused(() => this.#scene.oneOf(this.#drawn)?.act(this.#scene));
  }

  async prepare(): Promise<void> {
    for (const actor of this.#actors) await actor.prepare?.(this.#scene);
    await this.#scene.create(ResourceQuotas, { name: "pods" }, { hard: { pods: String(this.between(20, 60)) } });
  }

  between(from: number, to: number): number {
    return this.#scene.between(from, to);
  }

  /** Everything that was broken is whole again, and nobody limits what is there. */
  async repair(): Promise<void> {
    await this.#scene.unlessRefused(() => this.#scene.client.delete(ResourceQuotas, { namespace, name: "pods" }));
    for (const actor of this.#actors) {
      // What is refused, as controllers change the same at the same time, is asked for again.
      const isDone = () => this.#scene.unlessRefused(() => actor.repair?.(this.#scene));
      for (let tries = 0; tries < repairsMax && !(await isDone()); tries++);
    }
  }

  wipeVolumes(): Promise<void> {
    return wipeVolumes(this.#scene);
  }
}
