// https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-semver-library
// https://semver.org/spec/v2.0.0.html
import { traversal } from "../cost.ts";
import { comparisons, type Definition, define, member } from "../functions.ts";
import { boolType, intType, opaqueType, stringType } from "../types.ts";
import { EvaluationError, Opaque } from "../values.ts";

export const semverType = opaqueType("kubernetes.Semver");

class Semver extends Opaque {
  readonly type = semverType;
  readonly numbers: readonly [bigint, bigint, bigint];
  readonly preRelease: readonly string[];
  constructor(numbers: readonly [bigint, bigint, bigint], preRelease: readonly string[]) {
    super();
    this.numbers = numbers;
    this.preRelease = preRelease;
  }
  equals(other: Opaque) {
    return other instanceof Semver && compare(this, other) === 0;
  }
}

const number = "0|[1-9]\\d*";
const identifier = "(?:0|[1-9]\\d*|\\d*[A-Za-z-][0-9A-Za-z-]*)";
const form = new RegExp(
  `^(${number})\\.(${number})\\.(${number})(?:-(${identifier}(?:\\.${identifier})*))?(?:\\+[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*)?$`,
);
const numberMax = 2n ** 64n - 1n;
/** Long numbers would make comparisons long. */
const textLengthMax = 1024;

function parse(text: string): Semver | undefined {
  const match = text.length > textLengthMax ? null : form.exec(text);
  if (!match) return undefined;
  const [major, minor, patch] = match.slice(1, 4).map(BigInt) as [bigint, bigint, bigint]; // the pattern has three
  if (major > numberMax || minor > numberMax || patch > numberMax) return undefined;
  return new Semver([major, minor, patch], match[4]?.split(".") ?? []);
}

/** Without a leading v and leading zeros, and with the parts that are missing. */
function normalize(text: string): string | undefined {
  const [major = "", minor, ...rest] = text.replace(/^v/, "").split(".");
  const parts = [major, minor, rest.length > 0 ? rest.join(".") : undefined].filter((part) => part !== undefined);
  const plain = parts.map((part) => (part.length > 1 ? part.replace(/^0+/, "").replace(/^(?!\d)/, "0") : part));
  if (plain.length < 3 && /[+-]/.test(plain.at(-1) ?? "")) return undefined;
  while (plain.length < 3) plain.push("0");
  return plain.join(".");
}

function readable(text: string, isNormalized: boolean): Semver | undefined {
  const plain = isNormalized ? normalize(text) : text;
  return plain === undefined ? undefined : parse(plain);
}

function read(text: string, isNormalized = false): Semver {
  const version = readable(text, isNormalized);
  if (!version) throw new EvaluationError(`invalid semantic version ${JSON.stringify(text)}`);
  return version;
}

function compare(left: Semver, right: Semver): number {
  for (const [index, each] of left.numbers.entries()) {
    const other = right.numbers[index] as bigint; // both have three
    if (each !== other) return each < other ? -1 : 1;
  }
  if (left.preRelease.length === 0 || right.preRelease.length === 0)
    return Math.sign(right.preRelease.length - left.preRelease.length);
  for (const [index, each] of left.preRelease.entries()) {
    const other = right.preRelease[index];
    if (other === undefined) return 1;
    const order = compareIdentifiers(each, other);
    if (order !== 0) return order;
  }
  return left.preRelease.length < right.preRelease.length ? -1 : 0;
}

/** Numbers come before texts. */
function compareIdentifiers(left: string, right: string): number {
  const [isLeftNumber, isRightNumber] = [left, right].map((each) => /^\d+$/.test(each));
  if (isLeftNumber !== isRightNumber) return isLeftNumber ? -1 : 1;
  const [a, b] = isLeftNumber ? [BigInt(left), BigInt(right)] : [left, right];
  return a < b ? -1 : a > b ? 1 : 0;
}

const part = (name: string, index: 0 | 1 | 2) =>
  member(name, `semver_${name}`, [semverType], intType, ({ numbers }: Semver) => BigInt.asIntN(64, numbers[index]));

export const semverFunctions: readonly Definition[] = [
  define("semver", "string_to_semver", [stringType], semverType, (text: string) => read(text), traversal()),
  define("semver", "string_bool_to_semver", [stringType, boolType], semverType, read, traversal()),
  define(
    "isSemver",
    "is_semver_string",
    [stringType],
    boolType,
    (text: string) => parse(text) !== undefined,
    traversal(),
  ),
  define(
    "isSemver",
    "is_semver_string_bool",
    [stringType, boolType],
    boolType,
    (text: string, isNormalized: boolean) => readable(text, isNormalized) !== undefined,
    traversal(),
  ),
  ...comparisons("semver", semverType, compare),
  part("major", 0),
  part("minor", 1),
  part("patch", 2),
];

/** What DRA gives expressions as versions. Throws EvaluationError. */
export function semverOf(text: string): Opaque {
  return read(text);
}
