import { builtInResources, type ResourceDefinition } from "../api/index.ts";

/** The kinds that are served. Custom resources come and go while the server runs. */
export class ResourceRegistry {
  readonly #definitions = new Map<string, ResourceDefinition>();
  readonly #listeners = new Set<() => void>();
  readonly #lifetimes = new Map<ResourceDefinition, AbortController>();
  #generation = 0;
  /** What was found last: each request asks several times, and looking at it needs no text to find it by. */
  #found: ResourceDefinition | undefined;

  constructor(definitions: readonly ResourceDefinition[] = builtInResources) {
    for (const definition of definitions) this.#definitions.set(pathOf(definition), definition);
  }

  /** Grows with every change; what is made of the whole set (discovery, OpenAPI) is kept under this number. */
  get generation(): number {
    return this.#generation;
  }

  find(group: string, version: string, plural: string): ResourceDefinition | undefined {
    const found = this.#found;
    if (found && found.plural === plural && found.group === group && found.version === version) return found;
    this.#found = this.#definitions.get(`${group}/${version}/${plural}`);
    return this.#found;
  }

  /** The kind by its name in objects; the first when several resources have it. */
  findKind(group: string, version: string, kind: string): ResourceDefinition | undefined {
    for (const each of this.#definitions.values())
      if (each.kind === kind && each.group === group && each.version === version) return each;
    return undefined;
  }

  /** Every definition, in the order in which they were added. */
  all(): readonly ResourceDefinition[] {
    return [...this.#definitions.values()];
  }

  /** Serves a kind; a definition of the same group, version and plural is replaced. */
  set(definition: ResourceDefinition): void {
    this.replace([], [definition]);
  }

  delete(group: string, version: string, plural: string): void {
    const definition = this.find(group, version, plural);
    if (definition) this.replace([definition], []);
  }

  /** Serves `next` and none of `old` any more, in one change. */
  replace(old: readonly ResourceDefinition[], next: readonly ResourceDefinition[]): void {
    const before = next.map((each) => this.find(each.group, each.version, each.plural)).filter((each) => !!each);
    for (const each of old) this.#definitions.delete(pathOf(each));
    for (const each of next) {
      this.#definitions.set(pathOf(each), each);
      this.#lifetimes.set(each, new AbortController());
    }
    for (const each of [...old, ...before]) {
      this.#lifetimes.get(each)?.abort();
      this.#lifetimes.delete(each);
    }
    this.#changed();
  }

  /** Aborted when this definition is served no more; undefined for the built-in ones, which stay. */
  lifetime(definition: ResourceDefinition): AbortSignal | undefined {
    return this.#lifetimes.get(definition)?.signal;
  }

  /** Calls `listener` after every change; what is returned stops that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #changed(): void {
    this.#found = undefined;
    this.#generation++;
    for (const listener of this.#listeners) listener();
  }
}

function pathOf(definition: ResourceDefinition): string {
  return `${definition.group}/${definition.version}/${definition.plural}`;
}
