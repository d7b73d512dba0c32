import { apiVersionOf, type ResourceReference } from "../../api/index.ts";
import type { ObjectKey } from "../index.ts";

/** The path of a resource, an object or a subresource: `/apis/apps/v1/namespaces/default/deployments/web/scale`. */
export function resourcePath(resource: ResourceReference, key: Partial<ObjectKey>, subresource?: string): string {
  const root = resource.group === "" ? "/api" : "/apis";
  const segments = [apiVersionOf(resource)];
  if (key.namespace !== undefined && resource.namespaced)
    segments.push("namespaces", encodeURIComponent(key.namespace));
  segments.push(resource.plural);
  if (key.name !== undefined) segments.push(encodeURIComponent(key.name));
  if (subresource !== undefined) segments.push(subresource);
  return `${root}/${segments.join("/")}`;
}

/** `?a=1&b=2` of what is set, or nothing. */
export function queryOf(parameters: Readonly<Record<string, string | number | boolean | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}
