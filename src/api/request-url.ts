import { apiVersionOf } from "./resource.ts";

/** What a URL below /api or /apis is about. */
export interface ResourcePlace {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly namespace?: string | undefined;
  readonly name?: string | undefined;
  readonly subresource?: string | undefined;
}

/** The path of a resource, an object or a subresource: `/apis/apps/v1/namespaces/default/deployments/web/scale`. */
export function resourcePath(place: ResourcePlace): string {
  const { group, plural, namespace, name, subresource } = place;
  const segments = [group === "" ? "/api" : "/apis", apiVersionOf(place)];
  if (namespace !== undefined) segments.push("namespaces", encodeURIComponent(namespace));
  segments.push(plural);
  if (name !== undefined) segments.push(encodeURIComponent(name));
  if (subresource !== undefined) segments.push(subresource);
  return segments.join("/");
}

/** `?a=1&b=2` of what is set, or nothing. */
export function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
