import type { KubeObject, ResourceDefinition } from "../api/index.ts";
import type { ResourceRegistry } from "./registry.ts";

/** The resources in which the same stored objects are served, and objects as each of them shows them. */
export class ResourceVersions {
  readonly #registry: ResourceRegistry;
  /** The resources by what they are stored as, for one generation of the registry. */
  #byStored = new Map<string, ResourceDefinition[]>();
  #generation = -1;

  constructor(registry: ResourceRegistry) {
    this.#registry = registry;
  }

  /** The others beside this one. */
  others(definition: ResourceDefinition): readonly ResourceDefinition[] {
    this.#refresh();
    const all = this.#byStored.get(storedAs(definition)) ?? [];
    return all.filter((each) => !isSame(each, definition));
  }

  /** A kind by the name that objects give it, in whatever resource. */
  ofKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
    return this.#registry.findKind(group, version, kind);
  }

  /** Throws ApiError when a webhook is asked for the conversion and fails. */
  async convert(object: KubeObject, from: ResourceDefinition, to: ResourceDefinition): Promise<KubeObject> {
    if (isSame(from, to)) return object;
    return this.shown(from.stored ? await (from.stored.remote ?? from.stored).toStored(object) : object, to);
  }

  /** A stored object as a resource shows it. Throws ApiError as `convert`. */
  async shown(stored: KubeObject, to: ResourceDefinition): Promise<KubeObject> {
    if (!to.stored) return stored;
    const { remote } = to.stored;
    if (!remote || remote.isLocal(stored)) return to.stored.fromStored(stored);
    const [converted] = await remote.fromStored([stored]);
    return converted ?? stored;
  }

  #refresh(): void {
    if (this.#generation === this.#registry.generation) return;
    this.#generation = this.#registry.generation;
    this.#byStored = new Map();
    for (const each of this.#registry.all()) {
      const key = storedAs(each);
      const known = this.#byStored.get(key);
      if (known) known.push(each);
      else this.#byStored.set(key, [each]);
    }
  }
}

function isSame(a: ResourceDefinition, b: ResourceDefinition): boolean {
  return a.group === b.group && a.version === b.version && a.plural === b.plural;
}

function storedAs(definition: ResourceDefinition): string {
  const { group, plural } = definition.stored?.definition() ?? definition;
  return `${plural}.${group}`;
}
