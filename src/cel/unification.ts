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
  sameType,
  type TypeParameter,
  typeParameter,
  typeType,
} from "./types.ts";

export class Substitutions {
  #found = new Map<string, CelType>();
  #count = 0;

  fresh(): TypeParameter {
    return typeParameter(`_var${this.#count++}`);
  }

  /** Whether each type may stand where the other list expects one; what is learnt of parameters is kept only then. */
  assign(given: readonly CelType[], expected: readonly CelType[]): boolean {
    if (given.length !== expected.length) return false;
    const before = new Map(this.#found);
    if (given.every((type, index) => this.#isAssignable(type, expected[index] as CelType))) return true; // same length
    this.#found = before;
    return false;
  }

  /** The type with its parameters filled in; those that nothing is known of stay, or become dyn. */
  resolve(type: CelType, unknown: "keep" | "dyn" = "keep"): CelType {
    if (type.kind === "parameter") {
      const found = this.#found.get(type.name);
      return found ? this.resolve(found, unknown) : unknown === "dyn" ? dynType : type;
    }
    return mapParameters(type, (parameter) => this.resolve(parameter, unknown));
  }

  #isAssignable(given: CelType, expected: CelType): boolean {
    if (expected.kind === "parameter") {
      const { isValid, isKnown } = this.#substitute(given, expected);
      if (isValid || isKnown) return isValid;
    }
    if (given.kind === "parameter") return this.#substitute(expected, given).isValid;
    if (isDyn(given) || isDyn(expected)) return true;
    if (given.kind === "null") return isNullable(expected);
    if (expected.kind === "null") return isNullable(given);
    if (given.kind !== expected.kind) return false;
    if (given.kind === "type") return true;
    if (given.name !== expected.name) return false;
    const [left, right] = [parametersOf(given), parametersOf(expected)];
    return (
      left.length === right.length && left.every((type, index) => this.#isAssignable(type, right[index] as CelType))
    ); // same length
  }

  #substitute(type: CelType, parameter: TypeParameter): { isValid: boolean; isKnown: boolean } {
    if (sameType(type, parameter)) return { isValid: true, isKnown: true };
    const found = this.#found.get(parameter.name);
    if (found) {
      if (sameType(type, found)) return { isValid: true, isKnown: true };
      if (!this.#isAssignable(type, found)) return { isValid: false, isKnown: true };
      const general = isLessSpecific(type, found) ? type : found;
      if (!this.#refersTo(general, parameter)) this.#found.set(parameter.name, general);
      return { isValid: true, isKnown: true };
    }
    if (this.#refersTo(type, parameter)) return { isValid: false, isKnown: false };
    this.#found.set(parameter.name, type);
    return { isValid: true, isKnown: false };
  }

  #refersTo(type: CelType, parameter: TypeParameter): boolean {
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

/** Whether the first type says no more than the second, of two that fit together. */
export function isLessSpecific(left: CelType, right: CelType): boolean {
  if (left.kind === "dyn" || left.kind === "parameter") return true;
  if (right.kind === "dyn" || right.kind === "parameter") return false;
  if (right.kind === "null") return isNullable(left);
  if (left.kind !== right.kind || left.name !== right.name) return false;
  const [a, b] = [parametersOf(left), parametersOf(right)];
  return a.length === b.length && a.every((type, index) => isLessSpecific(type, b[index] as CelType)); // same length
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
