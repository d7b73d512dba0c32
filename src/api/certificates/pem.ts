/** A block of PEM (RFC 7468). */
export interface PemBlock {
  readonly type: string;
  /** Whether there are lines such as `Proc-Type: 4,ENCRYPTED` before the data. */
  readonly hasHeaders: boolean;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const block = /(?:^|\n)-----BEGIN ([^\n]*?)-----[ \t\r]*\n((?:[^\n]*\n)*?)-----END \1-----/g;
const headers = /^(?:[^\n]*:[^\n]*\n)+/;

/** The blocks of a text that the API carries in base64; none when it is something else. */
export function pemBlocks(base64: string): PemBlock[] {
  const text = decodedText(base64) ?? "";
  return [...text.matchAll(block)].flatMap(([, type = "", body = ""]) => {
    const data = body.replace(headers, "");
    const bytes = decodedText(data);
    // What is no base64 is no block: pem.Decode of Go goes on after it.
    if (bytes === undefined) return [];
    return [{ type, hasHeaders: data !== body, bytes: Uint8Array.from(bytes, (character) => character.charCodeAt(0)) }];
  });
}

/** What the first block holds, when it is of that type. */
export function pemBytes(base64: string, type: string): Uint8Array<ArrayBuffer> | undefined {
  const [first] = pemBlocks(base64);
  return first?.type === type ? first.bytes : undefined;
}

/** Undefined when it is no base64. */
function decodedText(base64: string): string | undefined {
  try {
    return atob(base64);
  } catch {
    return undefined;
  }
}
