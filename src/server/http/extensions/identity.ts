import type { OutgoingHttpHeaders } from "node:http";
import type { User } from "../../../api/index.ts";

const prefix = "x-remote-";

/**
 * The headers by which a server behind this one learns who asks, as it believes of the front proxy's certificate. What
 * the client itself said under their names is dropped.
 */
export function withIdentity(passed: OutgoingHttpHeaders, user: User): OutgoingHttpHeaders {
  const headers: OutgoingHttpHeaders = {};
  for (const [name, value] of Object.entries(passed)) if (!name.startsWith(prefix)) headers[name] = value;
  headers["X-Remote-User"] = inBytes(user.name);
  if (user.uid) headers["X-Remote-Uid"] = inBytes(user.uid);
  if (user.groups.length > 0) headers["X-Remote-Group"] = user.groups.map(inBytes);
  for (const [key, values] of Object.entries(user.extra ?? {}))
    headers[`X-Remote-Extra-${headerName(key)}`] = values.map(inBytes);
  return headers;
}

/** What Node writes as Latin-1 arrives as UTF-8, which Go's servers read. */
function inBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A key of `extra` as a part of a header's name: what may not stand there is percent-encoded (client-go, headerKeyEscape). */
function headerName(key: string): string {
  return [...Buffer.from(key, "utf8")]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9!#$&'*+.^_`|~-]/.test(character)
        ? character
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`;
    })
    .join("");
}
