const encoder = new TextEncoder();

/** How many bytes the text has in UTF-8. */
export function utf8Length(text: string): number {
  // A text without characters beyond ASCII is as long as its bytes; most are, and counting costs less than encoding.
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 127) return encoder.encode(text).length;
  return text.length;
}
