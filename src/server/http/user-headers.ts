/** A user as headers name one. */
export interface NamedUser {
  /** Empty when there is no such header, as the uid. */
  readonly name: string;
  readonly uid: string;
  readonly groups: readonly string[];
  readonly extra: Readonly<Record<string, readonly string[]>>;
}

/**
 * The user whom headers with this prefix name: `…User`, `…Uid`, `…Group` and `…Extra-KEY`, of which the last two may come
 * again. Keys are percent-encoded, for names of headers cannot say everything.
 */
export function userInHeaders(rawHeaders: readonly string[], prefix: "impersonate-" | "x-remote-"): NamedUser {
  let name: string | undefined;
  let uid: string | undefined;
  const groups: string[] = [];
  const extra = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    // Names and values come in turn.
    const header = (rawHeaders[at] as string).toLowerCase();
    if (!header.startsWith(prefix)) continue;
    const field = header.slice(prefix.length);
    // Node reads Latin-1 where clients and proxies send UTF-8.
    const value = Buffer.from(rawHeaders[at + 1] as string, "latin1").toString("utf8");
    if (field === "user") name ??= value;
    else if (field === "uid") uid ??= value;
    else if (field === "group") groups.push(value);
    else if (field.startsWith("extra-")) extra.getOrInsertComputed(decodedKey(field.slice(6)), () => []).push(value);
  }
  return { name: name ?? "", uid: uid ?? "", groups, extra: Object.fromEntries(extra) };
}

/** What does not decode is taken as it stands, as upstream does. */
function decodedKey(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text; // badly escaped: see above
  }
}
