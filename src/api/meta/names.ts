// What Kubernetes allows as names. Every function answers the list of what is wrong, empty when nothing is; the
// messages are those of k8s.io/apimachinery/pkg/util/validation and pkg/api/validate/content, for clients match on them.
import { exceedsBytes, type Int64 } from "../../lib/index.ts";

function maxLengthMessage(bytesMax: number): string {
  return `must be no more than ${bytesMax} bytes`;
}

export function inclusiveRangeMessage(low: number, high: number): string {
  return `must be between ${low} and ${high}, inclusive`;
}

/** A message that names the pattern and, with commas as Kubernetes sets them, examples that match it. */
export function patternMessage(message: string, pattern: string, ...examples: readonly string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${pattern}')`;
  const list = examples.map((each) => `'${each}', `).join(" or ");
  return `${message} (e.g. ${list}regex used for validation is '${pattern}')`;
}

interface Rule {
  readonly bytesMax: number;
  readonly pattern: RegExp;
  readonly message: string;
}

function rule(bytesMax: number, pattern: string, message: string, ...examples: readonly string[]): Rule {
  return {
    bytesMax,
    pattern: new RegExp(`^(?:${pattern})$`),
    message: patternMessage(message, pattern, ...examples),
  };
}

function check(value: string, { bytesMax, pattern, message }: Rule): string[] {
  const messages: string[] = [];
  if (exceedsBytes(bytesMax, value)) messages.push(maxLengthMessage(bytesMax));
  if (!pattern.test(value)) messages.push(message);
  return messages;
}

const labelPattern = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
const subdomainPattern = `${labelPattern}(\\.${labelPattern})*`;
const alphanumericPattern = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]";
const labelKeyWords =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

const dns1123Label = rule(
  63,
  labelPattern,
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character",
  "my-name",
  "123-abc",
);
const dns1123Subdomain = rule(
  253,
  subdomainPattern,
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character",
  "example.com",
);
const dns1123SubdomainWithUnderscore = rule(
  253,
  "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?(\\._?[a-z0-9]([-_a-z0-9]*[a-z0-9])?)*",
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character",
  "example.com",
);
const dns1035Label = rule(
  63,
  "[a-z]([-a-z0-9]*[a-z0-9])?",
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character",
  "my-name",
  "abc-123",
);
const wildcardDns1123Subdomain = rule(
  253,
  `\\*\\.${subdomainPattern}`,
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character",
  "*.example.com",
);
const labelValue = rule(
  63,
  `(${alphanumericPattern})?`,
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
  "MyValue",
  "my_value",
  "12345",
);
const configMapKey = rule(
  253,
  "[-._a-zA-Z0-9]+",
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
  "key.name",
  "KEY_NAME",
  "key-name",
);
const cIdentifier = rule(
  Number.POSITIVE_INFINITY,
  "[A-Za-z_][A-Za-z0-9_]*",
  "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric characters or '_'",
  "my_name",
  "MY_NAME",
  "MyName",
);
const percent = rule(
  Number.POSITIVE_INFINITY,
  "[0-9]+%",
  "a valid percent string must be a numeric string followed by an ending '%'",
  "1%",
  "93%",
);
const httpHeaderName = rule(
  Number.POSITIVE_INFINITY,
  "[-A-Za-z0-9]+",
  "a valid HTTP header must consist of alphanumeric characters or '-'",
  "X-Header-Name",
);

/** A lowercase RFC 1123 subdomain: what most objects are named. */
export function isDns1123Subdomain(value: string): string[] {
  return check(value, dns1123Subdomain);
}

export function isDns1123SubdomainWithUnderscore(value: string): string[] {
  return check(value, dns1123SubdomainWithUnderscore);
}

/** A lowercase RFC 1123 label: namespaces, containers, volumes. */
export function isDns1123Label(value: string): string[] {
  const messages = check(value, dns1123Label);
  // What is a subdomain but no label has dots, and that is said more plainly.
  if (messages.at(-1) === dns1123Label.message && dns1123Subdomain.pattern.test(value))
    messages[messages.length - 1] = "must not contain dots";
  return messages;
}

/** An RFC 1035 label: services. */
export function isDns1035Label(value: string): string[] {
  return check(value, dns1035Label);
}

export function isWildcardDns1123Subdomain(value: string): string[] {
  return check(value, wildcardDns1123Subdomain);
}

/** `[prefix/]name`, the form of label keys, annotation keys, finalizers, resource names and condition types. */
export function isQualifiedName(value: string): string[] {
  const parts = value.split("/");
  if (parts.length > 2)
    return [
      `a valid label key ${labelKeyMessage} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  const messages: string[] = [];
  const name = parts.at(-1) ?? "";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") messages.push("prefix part must be non-empty");
    else for (const message of isDns1123Subdomain(prefix)) messages.push(`prefix part ${message}`);
  }
  if (name === "") messages.push("name part must be non-empty");
  else if (exceedsBytes(63, name)) messages.push(`name part ${maxLengthMessage(63)}`);
  if (!qualifiedNamePart.test(name)) messages.push(`name part ${labelKeyMessage}`);
  return messages;
}

const labelKeyMessage = patternMessage(labelKeyWords, alphanumericPattern, "MyName", "my.name", "123-abc");
const qualifiedNamePart = new RegExp(`^${alphanumericPattern}$`);

export function isLabelValue(value: string): string[] {
  return check(value, labelValue);
}

/** The keys of ConfigMaps and Secrets: fit to be file names. */
export function isConfigMapKey(value: string): string[] {
  return [...check(value, configMapKey), ...parentDirectoryMessages(value)];
}

function parentDirectoryMessages(value: string): string[] {
  if (value === ".") return ["must not be '.'"];
  if (value === "..") return ["must not be '..'"];
  if (value.startsWith("..")) return ["must not start with '..'"];
  return [];
}

/** Environment variables as v1.34 and later allow them: any printable ASCII but '='. */
export function isEnvVarName(value: string): string[] {
  if (value === "") return ["environment variable name must be non-empty"];
  if (/^[ -<>-~]*$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

export function isCIdentifier(value: string): string[] {
  return check(value, cIdentifier);
}

export function isPercent(value: string): string[] {
  return check(value, percent);
}

export function isHttpHeaderName(value: string): string[] {
  return check(value, httpHeaderName);
}

/** The name of a port: RFC 6335 in lower case, at most 15 characters with a letter among them. */
export function isPortName(value: string): string[] {
  const messages: string[] = [];
  if (exceedsBytes(15, value)) messages.push(maxLengthMessage(15));
  if (!/^[-a-z0-9]+$/.test(value))
    messages.push("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)");
  if (!/[a-z]/.test(value)) messages.push("must contain at least one letter (a-z)");
  if (value.includes("--")) messages.push("must not contain consecutive hyphens");
  if (value.startsWith("-") || value.endsWith("-")) messages.push("must not begin or end with a hyphen");
  return messages;
}

export function isPortNumber(value: number): string[] {
  return isInRange(value, 1, 65535);
}

export function isInRange(value: Int64, low: number, high: number): string[] {
  return value >= low && value <= high ? [] : [inclusiveRangeMessage(low, high)];
}

export function isUserId(value: Int64): string[] {
  return isInRange(value, 0, 0xffffffff);
}

export function isGroupId(value: Int64): string[] {
  return isInRange(value, 0, 0xffffffff);
}

/** What can be one segment of a URL's path: names of RBAC objects, CRD-like kinds and everything else at least. */
export function isPathSegmentName(value: string): string[] {
  if (value === "." || value === "..") return [`may not be '${value}'`];
  return isPathSegmentPrefix(value);
}

function isPathSegmentPrefix(value: string): string[] {
  const messages: string[] = [];
  for (const forbidden of ["/", "%"]) if (value.includes(forbidden)) messages.push(`may not contain '${forbidden}'`);
  return messages;
}

// Names of objects. `prefix` says that the value is a generateName, whose suffix is still to come.

export type NameRule = (name: string, prefix: boolean) => string[];

/** A generated suffix may follow a dash, so a prefix that ends in one is checked without it; as Kubernetes does it. */
function withoutTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith("-") ? `${name.slice(0, -2)}a` : name;
}

export const nameIsDnsSubdomain: NameRule = (name, prefix) =>
  isDns1123Subdomain(prefix ? withoutTrailingDash(name) : name);

export const nameIsDnsLabel: NameRule = (name, prefix) => isDns1123Label(prefix ? withoutTrailingDash(name) : name);

export const nameIsDns1035Label: NameRule = (name, prefix) => isDns1035Label(prefix ? withoutTrailingDash(name) : name);

export const nameIsPathSegment: NameRule = (name, prefix) =>
  prefix ? isPathSegmentPrefix(name) : isPathSegmentName(name);
