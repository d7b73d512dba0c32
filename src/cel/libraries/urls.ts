// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-url-library
import * as cost from "../cost.ts";
import { type Definition, define, member } from "../functions.ts";
import { boolType, listType, mapType, opaqueType, stringType } from "../types.ts";
import { ArrayList, countText, EntryMap, EvaluationError, Opaque } from "../values.ts";

export const urlType = opaqueType("kubernetes.URL");

class Url extends Opaque {
  readonly type = urlType;
  readonly scheme: string;
  /** With the port, where there is one. */
  readonly host: string;
  readonly path: string;
  readonly query: string;
  readonly text: string;
  constructor(text: string, { scheme, host, path, query }: UrlParts) {
    super();
    this.text = text;
    this.scheme = scheme;
    this.host = host;
    this.path = path;
    this.query = query;
  }
  equals(other: Opaque) {
    return other instanceof Url && other.text === this.text;
  }
}

interface UrlParts {
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
}

const form = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#.*)?$/s;
const hostForm = /^(?:\[[0-9A-Fa-f:.]+(?:%25[^\]]*)?\]|(?:[^\s:[\]<>"^`{|}\\%]|%[0-9A-Fa-f]{2})*)(?::\d*)?$/;
const userForm = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
const brokenEscape = /%(?![0-9A-Fa-f]{2})/;

/** As Go's ParseRequestURI takes them: absolute URLs and absolute paths. What is wrong with others comes as a text. */
export function urlParts(text: string): UrlParts | string {
  const fail = (why: string) => `parse ${JSON.stringify(text)}: ${why}`;
  if (text === "") return fail("empty url");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
  if (/[\x00-\x1f\x7f]/.test(text)) return fail("net/url: invalid control character in URL");
  const match = form.exec(text);
  if (text.startsWith(":")) return fail("missing protocol scheme");
  const [, scheme = "", authority, path = "", query = ""] = match ?? [];
  if (scheme === "" && !text.startsWith("/")) return fail("invalid URI for request");
  // A scheme with neither an authority nor a path from the root is taken as opaque, and such are no requests.
  if (authority === undefined && scheme !== "" && !path.startsWith("/")) return fail("invalid URI for request");
  const at = authority?.lastIndexOf("@") ?? -1;
  const host = authority?.slice(at + 1) ?? "";
  if (at >= 0 && !userForm.test(authority?.slice(0, at) ?? "")) return fail("net/url: invalid userinfo");
  if (!hostForm.test(host)) {
    const port = /:([^\]:]*)$/.exec(host);
    return fail(port ? `invalid port ${JSON.stringify(`:${port[1]}`)} after host` : "invalid character in host name");
  }
  const broken = brokenEscape.exec(path);
  if (broken) return fail(`invalid URL escape ${JSON.stringify(path.slice(broken.index, broken.index + 3))}`);
  return { scheme: scheme.toLowerCase(), host, path, query };
}

function read(text: string): Url {
  const parts = urlParts(text);
  if (typeof parts === "string") throw new EvaluationError(`URL parse error during conversion from string: ${parts}`);
  return new Url(text, parts);
}

const portOf = (host: string) => /:(\d*)$/.exec(host)?.[1] ?? "";

function hostnameOf(host: string): string {
  const bracketed = /^\[(.*)\]/.exec(host);
  return bracketed ? (bracketed[1] ?? "") : host.replace(/:\d*$/, "");
}

/** What is escaped stays as it was; what must be escaped is. */
function escapedPath(path: string): string {
  countText(path);
  return path.replace(/[^A-Za-z0-9\-._~!$&'()*+,;=:@/%]/gu, (char) => encodeURIComponent(char));
}

function queryOf(query: string): EntryMap {
  countText(query);
  const lists = new Map<string, ArrayList>();
  for (const pair of query.split("&")) {
    if (pair === "" || pair.includes(";")) continue;
    const [name = "", ...rest] = pair.split("=");
    const [key, value] = [unescaped(name), unescaped(rest.join("="))];
    if (key === undefined || value === undefined) continue;
    const list = lists.get(key) ?? new ArrayList([]);
    lists.set(key, list);
    list.items.push(value);
  }
  const map = new EntryMap();
  for (const [key, list] of lists) map.add(key, list);
  return map;
}

function unescaped(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    // Go leaves out pairs that are escaped in a wrong way.
    return undefined;
  }
}

const part = (name: string, id: string, of: (url: Url) => string) => member(name, id, [urlType], stringType, of);

export const urlFunctions: readonly Definition[] = [
  define(
    "url",
    "string_to_url",
    [stringType],
    urlType,
    read,
    cost.traversal(1, (size) => size),
  ),
  define("isURL", "is_url_string", [stringType], boolType, (text: string) => {
    countText(text);
    return typeof urlParts(text) !== "string";
  }),
  part("getScheme", "url_get_scheme", ({ scheme }) => scheme),
  part("getHost", "url_get_host", ({ host }) => host),
  part("getHostname", "url_get_hostname", ({ host }) => hostnameOf(host)),
  part("getPort", "url_get_port", ({ host }) => portOf(host)),
  part("getEscapedPath", "url_get_escaped_path", ({ path }) => escapedPath(path)),
  member("getQuery", "url_get_query", [urlType], mapType(stringType, listType(stringType)), ({ query }: Url) =>
    queryOf(query),
  ),
];
