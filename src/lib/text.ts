const encoder = new TextEncoder();

/** How many bytes the text has in UTF-8. */
export function utf8Length(text: string): number {
  // A text without characters beyond ASCII is as long as its bytes; most are, and counting costs less than encoding.
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return encoder.encode(text).length;
  return text.length;
}

/** A UTF-16 unit is at most so many bytes in UTF-8. */
const bytesPerUnitMax = 3;

/** Whether a text, or some together, have more than `bytesMax` bytes in UTF-8; they are only counted where they may. */
export function exceedsBytes(bytesMax: number, text: string | readonly string[]): boolean {
  if (typeof text === "string")
    return text.length * bytesPerUnitMax > bytesMax && (text.length > bytesMax || utf8Length(text) > bytesMax);
  let units = 0;
  for (const each of text) units += each.length;
  if (units * bytesPerUnitMax <= bytesMax) return false;
  let bytes = 0;
  for (const each of text) bytes += utf8Length(each);
  return bytes > bytesMax;
}

/** The text whose characters, U+0000 to U+00FF, are the bytes. */
export function latin1Text(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** The order of texts for a sort: by UTF-16 units, whatever the language. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
