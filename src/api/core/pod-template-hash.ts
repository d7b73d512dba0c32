import { formatJson } from "../../lib/index.ts";
import type { PodTemplateSpec } from "../types.generated.ts";

/** Letters and digits that make no words: what Kubernetes writes generated names and hashes with. */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";

/**
 * The value of the label pod-template-hash: equal for equal templates, whatever the order of their keys. The collision
 * count makes another hash of the same template when another one has taken its name.
 */
export function podTemplateHash(template: PodTemplateSpec, collisionCount?: number): string {
  let hash = fnv1a(canonical(template));
  if (collisionCount !== undefined) hash = fnv1a(`${hash}/${collisionCount}`);
  return safeEncode(String(hash));
}

/** The text with each character replaced by one that is allowed in names and forms no words. */
function safeEncode(text: string): string {
  return [...text].map((character) => alphabet[character.charCodeAt(0) % alphabet.length]).join("");
}

function canonical(value: unknown): string {
  if (typeof value !== "object" || value === null) return formatJson(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonical).join(",")}]`;
  const entries = Object.entries(value).filter(([, each]) => each !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([key, each]) => `${JSON.stringify(key)}:${canonical(each)}`).join(",")}}`;
}

/** The 32-bit FNV-1a hash of the text's UTF-16 units. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >> 8), 0x01000193);
  }
  return hash >>> 0;
}
