// The formats of texts that Kubernetes checks in custom resources: k8s.io/kube-openapi/pkg/validation/strfmt.
import { canonicalTime, isDns1123Label, isDns1123Subdomain, isIpv4, isIpv6, parseCidr } from "../meta/index.ts";

type Format = (text: string) => boolean;

const matching =
  (pattern: RegExp): Format =>
  (text) =>
    pattern.test(text);

const uuid = (version: string) =>
  matching(new RegExp(`^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?[0-9a-f]{4}-?[0-9a-f]{12}$`, "i"));

const rgbPart = "(?:0|[1-9]\\d?|1\\d\\d|2[0-4]\\d|25[0-5])";

/** By their names without dashes, as `date-time` may be written `datetime`. */
const formats: Readonly<Record<string, Format>> = {
  bsonobjectid: matching(/^[0-9a-f]{24}$/i),
  byte: matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/),
  cidr: (text) => parseCidr(text) !== undefined,
  creditcard: (text) => /^\d[\d -]{11,22}\d$/.test(text) && isLuhn(text.replace(/[^0-9]/g, "")),
  date: (text) => /^\d{4}-\d{2}-\d{2}$/.test(text) && isTime(`${text}T00:00:00Z`),
  datetime: isTime,
  duration: matching(
    /^(?:-?(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h)|0)(?:(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))*$/,
  ),
  email: matching(/^[^\s@<>]+@[^\s@<>]+$/),
  hexcolor: matching(/^#?(?:[0-9a-f]{3}|[0-9a-f]{6})$/i),
  hostname: (text) =>
    text.length <= 255 && /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/i.test(text),
  ipv4: (text) => isIpv4(text).length === 0,
  ipv6: (text) => isIpv6(text).length === 0,
  isbn: (text) => isIsbn10(text) || isIsbn13(text),
  isbn10: isIsbn10,
  isbn13: isIsbn13,
  k8slongname: (text) => isDns1123Subdomain(text).length === 0,
  k8sshortname: (text) => isDns1123Label(text).length === 0,
  mac: matching(/^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i),
  rgbcolor: matching(new RegExp(`^rgb\\(\\s*${rgbPart}\\s*,\\s*${rgbPart}\\s*,\\s*${rgbPart}\\s*\\)$`)),
  ssn: matching(/^\d{3}[- ]?\d{2}[- ]?\d{4}$/),
  uri: (text) => /^[a-z][a-z0-9+.-]*:/i.test(text) || text.startsWith("/"),
  uuid: uuid("[0-9a-f]"),
  uuid3: uuid("3"),
  uuid4: uuid("4"),
  uuid5: uuid("5"),
};

/** Whether the text has the format; formats that the server does not know say nothing. */
export function hasFormat(text: string, format: string): boolean {
  const name = format.replaceAll("-", "");
  return !Object.hasOwn(formats, name) || formats[name]!(text);
}

function isTime(text: string): boolean {
  try {
    canonicalTime(text);
    return true;
  } catch {
    // It throws for nothing but a text that is no time.
    return false;
  }
}

function isLuhn(digits: string): boolean {
  let sum = 0;
  for (const [index, digit] of [...digits].reverse().entries()) {
    const value = Number(digit) * (index % 2 === 1 ? 2 : 1);
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0;
}

function isIsbn10(text: string): boolean {
  const digits = text.replace(/[\s-]/g, "");
  if (!/^\d{9}[\dX]$/.test(digits)) return false;
  const sum = [...digits].reduce(
    (total, digit, index) => total + (index + 1) * (digit === "X" ? 10 : Number(digit)),
    0,
  );
  return sum % 11 === 0;
}

function isIsbn13(text: string): boolean {
  const digits = text.replace(/[\s-]/g, "");
  if (!/^\d{13}$/.test(digits)) return false;
  return [...digits].reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 1 : 3), 0) % 10 === 0;
}
