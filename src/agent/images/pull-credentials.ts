// Which of a pod's pull secrets may open a registry, as the kubelet's credentialprovider chooses them.
import { dockerConfigJsonSecretType, dockerConfigSecretType, type Secret } from "../../api/index.ts";
import type { PullCredentials } from "../engine/index.ts";
import { parseImage } from "./image-reference.ts";

/** Credentials, and whose they are. */
export interface TrackedCredentials {
  readonly credentials: PullCredentials;
  readonly secret: Secret;
}

interface Entry extends TrackedCredentials {
  /** host[:port][/path], the host may hold `*`. */
  readonly pattern: string;
}

/** How old tools wrote the default registry. */
const defaultRegistryAliases = ["index.docker.io", "registry-1.docker.io", "docker.io"];

/** The credentials to try for `image`, the most specific first. Secrets of other types and broken ones are passed over. */
export function credentialsFor(image: string, secrets: readonly Secret[]): TrackedCredentials[] {
  const reference = parseImage(image);
  if (!reference) return [];
  const target = `${reference.registry}/${reference.repository}`;
  return secrets
    .flatMap(entriesOf)
    .filter(({ pattern }) => matches(pattern, target))
    .sort((a, b) => (a.pattern < b.pattern ? 1 : a.pattern > b.pattern ? -1 : 0))
    .map(({ credentials, secret }) => ({ credentials, secret }));
}

function entriesOf(secret: Secret): Entry[] {
  const key =
    secret.type === dockerConfigJsonSecretType
      ? ".dockerconfigjson"
      : secret.type === dockerConfigSecretType
        ? ".dockercfg"
        : "";
  const encoded = secret.data?.[key];
  if (encoded === undefined) return [];
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(Uint8Array.fromBase64(encoded)));
  } catch {
    // A pod may name several secrets; one that cannot be read leaves the others, and the registry says what is missing.
    return [];
  }
  const auths = secret.type === dockerConfigJsonSecretType ? recordOf(recordOf(parsed).auths) : recordOf(parsed);
  return Object.entries(auths).map(([server, value]) => ({
    pattern: patternOf(server),
    credentials: credentialsOf(recordOf(value)),
    secret,
  }));
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  // An object literal of JSON is a record.
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function credentialsOf(entry: Readonly<Record<string, unknown>>): PullCredentials {
  const text = (key: string) => (typeof entry[key] === "string" ? entry[key] : undefined);
  const auth = text("auth");
  const decoded = auth === undefined ? "" : decodeAuth(auth);
  const colon = decoded.indexOf(":");
  const username = text("username") ?? (colon < 0 ? undefined : decoded.slice(0, colon));
  const password = text("password") ?? (colon < 0 ? undefined : decoded.slice(colon + 1));
  const identityToken = text("identitytoken");
  const registryToken = text("registrytoken");
  return {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(identityToken === undefined ? {} : { identityToken }),
    ...(registryToken === undefined ? {} : { registryToken }),
  };
}

function decodeAuth(auth: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(auth));
  } catch {
    // Not base64: as if it were left out.
    return "";
  }
}

/** A server as configurations name it, without scheme and API version. */
function patternOf(server: string): string {
  const bare = server.replace(/^https?:\/\//, "").replace(/\/(v[12]\/?)?$/, "");
  const [host = "", ...path] = bare.split("/");
  const registry = defaultRegistryAliases.includes(host) ? "docker.io" : host;
  return [registry, ...path].join("/");
}

/** Whether the pattern's host matches part by part, its port is the same and its path begins the target's. */
function matches(pattern: string, target: string): boolean {
  const [patternHost = "", ...patternPath] = pattern.split("/");
  const [targetHost = "", ...targetPath] = target.split("/");
  const [patternName = "", patternPort = ""] = patternHost.split(/:(?=\d+$)/);
  const [targetName = "", targetPort = ""] = targetHost.split(/:(?=\d+$)/);
  if (patternPort !== targetPort) return false;
  const patternParts = patternName.split(".");
  const targetParts = targetName.split(".");
  if (patternParts.length !== targetParts.length) return false;
  if (!patternParts.every((part, index) => globMatches(part, targetParts[index]!))) return false;
  return targetPath.join("/").startsWith(patternPath.join("/"));
}

/**
 * Whether all of `text` is what `glob` says, `*` for any characters and `?` for one. A secret can hold a glob on which a
 * regular expression would be at work for years.
 */
function globMatches(glob: string, text: string): boolean {
  let at = 0;
  /** Where the last star is, and up to where it reaches. */
  let star = -1;
  let reach = 0;
  for (let read = 0; read < text.length; ) {
    if (glob[at] === "*") {
      star = at++;
      reach = read;
    } else if (at < glob.length && (glob[at] === "?" || glob[at] === text[read])) {
      at++;
      read++;
    } else if (star >= 0) {
      at = star + 1;
      read = ++reach;
    } else {
      return false;
    }
  }
  return /^\**$/.test(glob.slice(at));
}
