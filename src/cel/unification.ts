// Whether a type may stand where another is expected, with type parameters filled in as they are found.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking
import {
  type CelType,
  dynType,
  isDyn,
  listType,
  mapType,
  opaqueType,
  parametersOf,
  type TypeParameter,
  typeParameter,
  typeType,
} from "./types.ts";

/** Some tenth of a second. The longest expressions, of a hundred thousand characters, need half of it and less. */
const stepsMax = 2_000_000;

/** Types of a few hundred characters can grow with the power of two: `cel.bind(b, {a: a}, cel.bind(c, {b: b}, …))`. */
export class TypesTooLargeError extends Error {
  override readonly name = "TypesTooLargeError";
}

export class Substitutions {
  readonly #found = new Map<string, CelType>();
  /** What was found before of the parameters that the assignment under way fills in. */
  readonly #before: [name: string, type: CelType | undefined][] = [];
  #count = 0;
  #steps = 0;

  fresh(): TypeParameter {
    return typeParameter(`_var${this.#count++}`);
  }

  /** Whether each type may stand where the other list expects one; what is learnt of parameters is kept only then. */
  assign(given: readonly CelType[], expected: readonly CelType[]): boolean {
    if (given.length !== expected.length) return false;
    this.#before.length = 0;
    if (given.every((type, index) => this.#isAssignable(type, expected[index] as CelType))) return true; // same length
    for (const [name, type] of this.#before.reverse()) {
      if (type) this.#found.set(name, type);
      else this.#found.delete(name);
    }
    return false;
  }

  /** The type with its parameters filled in; those that nothing is known of stay, or become dyn. */
  resolve(type: CelType, unknown: "keep" | "dyn" = "keep"): CelType {
    this.#step();
    if (type.kind === "parameter") {
      const found = this.#found.get(type.name);
      return found ? this.resolve(found, unknown) : unknown === "dyn" ? dynType : type;
    }
    return mapParameters(type, (parameter) => this.resolve(parameter, unknown));
  }

  /** Whether the first type says no more than the second, of two that fit together. */
  isLessSpecific(left: CelType, right: CelType): boolean {
    this.#step();
    if (left.kind === "dyn" || left.kind === "parameter") return true;
    if (right.kind === "dyn" || right.kind === "parameter") return false;
    if (right.kind === "null") return isNullable(left);
    return this.#isAlike(left, right, (a, b) => this.isLessSpecific(a, b));
  }

  #step(): void {
    if (++this.#steps > stepsMax) throw new TypesTooLargeError();
  }

  #find(name: string, type: CelType): void {
    this.#before.push([name, this.#found.get(name)]);
    this.#found.set(name, type);
  }

  #isSame(left: CelType, right: CelType): boolean {
    this.#step();
    return left === right || this.#isAlike(left, right, (a, b) => this.#isSame(a, b));
  }

  /** Whether the types are the same but for their parameters, and these fit. */
  #isAlike(left: CelType, right: CelType, fit: (left: CelType, right: CelType) => boolean): boolean {
    if (left.kind !== right.kind || left.name !== right.name) return false;
    const [a, b] = [parametersOf(left), parametersOf(right)];
    return a.length === b.length && a.every((type, index) => fit(type, b[index] as CelType)); // same length
  }

  #isAssignable(given: CelType, expected: CelType): boolean {
    this.#step();
    if (expected.kind === "parameter") {
      const { isValid, isKnown } = this.#substitute(given, expected);
      if (isValid || isKnown) return isValid;
    }
    if (given.kind === "parameter") return this.#substitute(expected, given).isValid;
    if (isDyn(given) || isDyn(expected)) return true;
    if (given.kind === "null") return isNullable(expected);
    if (expected.kind === "null") return isNullable(given);
    if (given.kind === "type" && expected.kind === "type") return true;
    return this.#isAlike(given, expected, (left, right) => this.#isAssignable(left, right));
  }

  #substitute(type: CelType, parameter: TypeParameter): { isValid: boolean; isKnown: boolean } {
    if (this.#isSame(type, parameter)) return { isValid: true, isKnown: true };
    const found = this.#found.get(parameter.name);
    if (found) {
      if (this.#isSame(type, found)) return { isValid: true, isKnown: true };
      if (!this.#isAssignable(type, found)) return { isValid: false, isKnown: true };
      const general = this.isLessSpecific(type, found) ? type : found;
      if (!this.#refersTo(general, parameter)) this.#find(parameter.name, general);
      return { isValid: true, isKnown: true };
    }
    if (this.#refersTo(type, parameter)) return { isValid: false, isKnown: false };
    this.#find(parameter.name, type);
    return { isValid: true, isKnown: false };
  }

  #refersTo(type: CelType, parameter: TypeParameter): boolean {
    this.#step();
    if (type.kind !== "parameter") return parametersOf(type).some((each) => this.#refersTo(each, parameter));
    if (type.name === parameter.name) return true;
    const found = this.#found.get(type.name);
    return found !== undefined && this.#refersTo(found, parameter);
  }
}

/** Types that null belongs to. */
function isNullable({ kind }: CelType): boolean {
  return kind === "null" || kind === "object" || kind === "opaque" || kind === "timestamp" || kind === "duration";
}

/** The type with other parameters; itself where none changes, so that what is declared of it stays. */
export function mapParameters(type: CelType, change: (parameter: CelType) => CelType): CelType {
  const before = parametersOf(type);
  if (before.length === 0) return type;
  const after = before.map(change);
  if (after.every((parameter, index) => parameter === before[index])) return type;
  const [first, second] = after as [CelType, CelType]; // as many as the kind has
  switch (type.kind) {
    case "list":
      return listType(first);
    case "map":
      return mapType(first, second);
    case "type":
      return typeType(first);
    default:
      return opaqueType(type.name, ...after);
  }
}
