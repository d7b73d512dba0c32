// How tests put a definition to use without a server: in the order of a write's life, on whole or partial objects.
import { type Draft, deepCopy, deepFreeze } from "../lib/index.ts";
import { type FieldError, fieldErrorBody } from "./meta/api-error.ts";
import { rootPath } from "./meta/field-error.ts";
import type { KubeObject, ResourceDefinition } from "./resource.ts";

/** Writes as tests write objects: with the fields that matter to them. */
export type Partially<T> = T extends readonly (infer Item)[]
  ? readonly Partially<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]?: Partially<T[Key]> }
    : T;

/** Who writes in tests, and when. */
export const strategyContext = {
  nowMs: Date.UTC(2025, 0, 1),
  user: { name: "tester", uid: "uid-of-tester", groups: ["testers"] },
};

/** The object as it would be stored. */
export function created<T extends KubeObject>(definition: ResourceDefinition<T>, object: Partially<T>): T {
  // What is missing here is what defaults and preparation fill in.
  const draft = deepCopy(object) as Draft<T>;
  const metadata = { name: "one", uid: "uid-1", ...(definition.namespaced && { namespace: "default" }) };
  Object.assign(draft, { metadata: { ...metadata, ...object.metadata } });
  definition.defaults?.(draft);
  definition.prepareForCreate?.(draft, strategyContext);
  return deepFreeze(draft as T);
}

/** What is wrong with a new object: `spec.ports: Required value`. */
export function errorsOnCreate<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  object: Partially<T>,
): string[] {
  const complete = created(definition, object);
  return printed([
    ...(definition.validate?.(complete, rootPath) ?? []),
    ...(definition.validateCreate?.(complete, rootPath) ?? []),
  ]);
}

/** What is wrong with changing `old`, which is made complete first, by `change`. */
export function errorsOnUpdate<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  old: Partially<T>,
  change: (draft: Draft<T>) => void,
): string[] {
  const before = created(definition, old);
  const next = deepCopy(before);
  change(next);
  definition.defaults?.(next);
  definition.prepareForUpdate?.(next, before, strategyContext);
  const complete = deepFreeze(next as T);
  return printed([
    ...(definition.validate?.(complete, rootPath) ?? []),
    ...(definition.validateUpdate?.(complete, before, rootPath) ?? []),
  ]);
}

export function errorsOnStatusUpdate<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  old: Partially<T>,
  change: (draft: Draft<T>) => void,
): string[] {
  const before = created(definition, old);
  const next = deepCopy(before);
  change(next);
  definition.defaults?.(next);
  definition.prepareForStatusUpdate?.(next, before, strategyContext);
  return printed(definition.validateStatusUpdate?.(deepFreeze(next as T), before, rootPath) ?? []);
}

/** The cells of the object's row by the names of their columns. */
export function cells<T extends KubeObject>(
  definition: ResourceDefinition<T>,
  object: Partially<T>,
  nowMs = strategyContext.nowMs,
): Record<string, unknown> {
  const draft = deepCopy(object) as Draft<T>;
  definition.defaults?.(draft);
  return Object.fromEntries(definition.columns.map(({ name, of }) => [name, of(draft as T, nowMs)]));
}

function printed(errors: readonly FieldError[]): string[] {
  return errors.map((error) => `${error.field}: ${fieldErrorBody(error)}`);
}
