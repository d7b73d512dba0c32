// Fields of JSON objects whatever their names: objects of JavaScript inherit some, and "__proto__" is not like others.
import type { JsonObject } from "../schema/index.ts";

/** The value of a field; undefined when the object has none of that name. JSON holds no functions: what is one is inherited. */
export function fieldOf(object: JsonObject, name: string): unknown {
  const value = object[name];
  if (typeof value !== "function" && name !== "__proto__") return value;
  return Object.hasOwn(object, name) ? Object.getOwnPropertyDescriptor(object, name)?.value : undefined;
}

/** Assigning "__proto__" would set the prototype instead of a property. */
export function setField(object: Record<string, unknown>, name: string, value: unknown): void {
  if (name === "__proto__")
    Object.defineProperty(object, name, { value, enumerable: true, writable: true, configurable: true });
  else object[name] = value;
}
