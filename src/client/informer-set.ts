import { controllerOf, type KubeObject, type ResourceReference } from "../api/index.ts";
import { deepEqual } from "../lib/index.ts";
import type { Cache, Key, Owner } from "./controller.ts";
import { Informer, type InformerEnvironment, type Selection } from "./informer.ts";

/** The index by the uid of the controller owner; made when `ownedBy` first asks. */
const controllerIndex = "metadata.controller";

/** The informers of one process: one for each resource, shared by all who read it. */
export class InformerSet implements Cache {
  readonly #environment: InformerEnvironment;
  readonly #informers = new Map<string, Informer>();

  constructor(environment: InformerEnvironment) {
    this.#environment = environment;
  }

  /**
   * The informer of `resource`, started when this is the first to ask. `selection` narrows what it keeps and must be
   * the same for all who ask; leaving it out takes what is there.
   */
  informer<T extends KubeObject>(resource: ResourceReference<T>, selection?: Selection): Informer<T> {
    const existing = this.existing(resource);
    if (existing) {
      if (selection && !deepEqual(selection, existing.selection)) {
        throw new Error(`the informer of ${nameOf(resource)} exists with another selection`);
      }
      return existing;
    }
    const informer = new Informer(resource, selection ?? {}, this.#environment);
    // The map forgets the object type; the resource that it is filed under gives it back.
    this.#informers.set(nameOf(resource), informer as unknown as Informer);
    return informer;
  }

  /** The informer of `resource` if anyone has asked for it. */
  existing<T extends KubeObject>(resource: ResourceReference<T>): Informer<T> | undefined {
    // As in `informer`.
    return this.#informers.get(nameOf(resource)) as unknown as Informer<T> | undefined;
  }

  /** Stops and forgets the informer of a kind that is not served any more. */
  drop(resource: ResourceReference): void {
    this.existing(resource)?.stop();
    this.#informers.delete(nameOf(resource));
  }

  get<T extends KubeObject>(resource: ResourceReference<T>, key: Key): T | undefined {
    return this.#known(resource).get(key);
  }

  list<T extends KubeObject>(resource: ResourceReference<T>, namespace?: string): readonly T[] {
    return this.#known(resource).list(namespace);
  }

  ownedBy<T extends KubeObject>(resource: ResourceReference<T>, owner: Owner): readonly T[] {
    const informer = this.#known(resource);
    informer.addIndex(controllerIndex, (object) => {
      const controller = controllerOf(object);
      return controller ? [controller.uid] : [];
    });
    return informer.byIndex(controllerIndex, owner.metadata.uid);
  }

  byIndex<T extends KubeObject>(resource: ResourceReference<T>, index: string, value: string): readonly T[] {
    return this.#known(resource).byIndex(index, value);
  }

  /** Resolves when every informer that exists now has its first list, or when they are stopped. */
  async synced(): Promise<void> {
    await Promise.all([...this.#informers.values()].map((informer) => informer.synced()));
  }

  #known<T extends KubeObject>(resource: ResourceReference<T>): Informer<T> {
    const informer = this.existing(resource);
    if (!informer) throw new Error(`nothing watches ${nameOf(resource)}: name it in the controller's watches`);
    return informer;
  }
}

function nameOf(resource: ResourceReference): string {
  return `${resource.group}/${resource.version}/${resource.plural}`;
}
