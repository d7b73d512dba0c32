/** A block of PEM (RFC 7468). */
export interface PemBlock {
  readonly type: string;
  /** Whether there are lines such as `Proc-Type: 4,ENCRYPTED` before the data. */
  readonly hasHeaders: boolean;
}

const block = /-----BEGIN ([^\n]*?)-----\s([^-]*)-----END \1-----/g;

/** The blocks of a text that the API carries in base64; none when it is something else. */
export function pemBlocks(base64: string): PemBlock[] {
  let text: string;
  try {
    text = atob(base64);
  } catch {
    // No base64: no blocks either.
    return [];
  }
  return [...text.matchAll(block)].map(([, type = "", body = ""]) => ({ type, hasHeaders: body.includes(":") }));
}

/** What the first block holds, when it is of that type; undefined when it is not or when its data is no base64. */
export function pemBytes(base64: string, type: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    const [, found, body = ""] = new RegExp(block, "").exec(atob(base64)) ?? [];
    return found === type ? Uint8Array.from(atob(body), (character) => character.charCodeAt(0)) : undefined;
  } catch {
    // One of both is no base64.
    return undefined;
  }
}
