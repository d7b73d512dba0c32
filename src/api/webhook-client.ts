// How the server reaches a webhook: k8s.io/apiserver/pkg/util/webhook/validation.go.
import type { FieldError } from "./meta/api-error.ts";
import { invalidValue, type Path, required } from "./meta/field-error.ts";
import { isDns1035Label, isDns1123Subdomain, isPortNumber } from "./meta/names.ts";

interface WebhookService {
  readonly name?: string;
  readonly namespace?: string;
  readonly path?: string;
  readonly port?: number;
}

export interface WebhookClient {
  readonly url?: string;
  readonly service?: WebhookService;
}

/** `at` is the path of the client's configuration; exactly one of the two ways must be there. */
export function validateWebhookClient(at: Path, { url, service }: WebhookClient): FieldError[] {
  if (url !== undefined && !service) return validateUrl(at.child("url"), url);
  if (service && url === undefined) return validateService(at.child("service"), service);
  return [required(at, "exactly one of url or service is required")];
}

const desired = "; desired format: https://host[/path]";
const controlCharacter = /\p{Cc}/u;
/** Scheme, authority, path, query and fragment as Go's net/url finds them: RFC 3986, appendix B. */
const parts = /^(?:([a-zA-Z][a-zA-Z0-9+.-]*):)?(?:\/\/([^/?#]*))?[^?#]*(?:\?([^#]*))?(?:#(.*))?$/s;

function validateUrl(at: Path, url: string): FieldError[] {
  const unreadable = (why: string) => [
    required(at, `url must be a valid URL: parse ${JSON.stringify(url)}: ${why}${desired}`),
  ];
  if (controlCharacter.test(url)) return unreadable("net/url: invalid control character in URL");
  if (url.startsWith(":")) return unreadable("missing protocol scheme");
  const [, scheme = "", authority = "", query = "", fragment = ""] = parts.exec(url) ?? [];
  const user = authority.includes("@") ? authority.slice(0, authority.lastIndexOf("@")) : undefined;
  const host = authority.slice(authority.lastIndexOf("@") + 1);
  const errors: FieldError[] = [];
  const bad = (value: string, detail: string) => errors.push(invalidValue(at, value, detail));
  if (scheme.toLowerCase() !== "https") bad(scheme.toLowerCase(), `'https' is the only allowed URL scheme${desired}`);
  if (host === "") bad(host, `host must be provided${desired}`);
  if (user !== undefined) bad(user, "user information is not permitted in the URL");
  if (fragment !== "") bad(fragment, "fragments are not permitted in the URL");
  if (query !== "") bad(query, "query parameters are not permitted in the URL");
  return errors;
}

function validateService(at: Path, { name = "", namespace = "", path = "", port = 0 }: WebhookService): FieldError[] {
  const errors: FieldError[] = [];
  if (name === "") errors.push(required(at.child("name"), "service name is required"));
  if (namespace === "") errors.push(required(at.child("namespace"), "service namespace is required"));
  const wrong = isPortNumber(port);
  if (wrong.length > 0) errors.push(invalidValue(at.child("port"), port, `port is not valid: ${wrong.join(", ")}`));
  return [...errors, ...validatePath(at.child("path"), path)];
}

function validatePath(at: Path, path: string): FieldError[] {
  if (path === "" || path === "/") return [];
  if (path === "//") return [invalidValue(at, path, "segment[0] may not be empty")];
  const errors = path.startsWith("/") ? [] : [invalidValue(at, path, "must start with a '/'")];
  for (const [index, segment] of path.slice(1).replace(/\/$/, "").split("/").entries())
    if (segment === "") errors.push(invalidValue(at, path, `segment[${index}] may not be empty`));
    else
      for (const message of isDns1123Subdomain(segment))
        errors.push(invalidValue(at, path, `segment[${index}]: ${message}`));
  return errors;
}

const spokenVersions = ["v1", "v1beta1"];

/** The versions of reviews that a webhook understands, of which the server must speak one. */
export function validateReviewVersions(at: Path, versions: readonly string[] = [], missing = ""): FieldError[] {
  if (versions.length === 0) return [required(at, missing)];
  const errors = versions.flatMap((version, index) => {
    const place = at.index(index);
    if (versions.indexOf(version) < index) return [invalidValue(place, version, "duplicate version")];
    return isDns1035Label(version).map((message) => invalidValue(place, version, message));
  });
  if (!versions.some((version) => spokenVersions.includes(version)))
    errors.push(invalidValue(at, versions, `must include at least one of ${spokenVersions.join(", ")}`));
  return errors;
}
