// Types of expressions, and what is wrong with them.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#gradual-type-checking
import type { Issue } from "./compile-error.ts";
import type { FunctionTable, Overload } from "./functions.ts";
import {
  type Call,
  type Comprehension,
  type CreateList,
  type CreateMap,
  type CreateObject,
  type Expr,
  type Ident,
  qualifiedName,
  type Select,
} from "./syntax.ts";
import {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  errorType,
  fieldOf,
  formatType,
  intType,
  isDyn,
  listType,
  mapType,
  nullType,
  optionalOf,
  optionalType,
  parametersOf,
  stringType,
  type TypeParameter,
  timestampType,
  typeType,
  uintType,
} from "./types.ts";
import { mapParameters, Substitutions, TypesTooLargeError } from "./unification.ts";
import { Uint, type Value } from "./values.ts";

/** What a name outside of the expression stands for. */
export type Reference =
  | { readonly kind: "variable"; readonly name: string; readonly type: CelType }
  | { readonly kind: "type"; readonly name: string; readonly type: CelType };

export interface Declarations {
  readonly variables: ReadonlyMap<string, CelType>;
  /** Types that expressions may name and objects that they may make. */
  readonly types: { get(name: string): CelType | undefined };
  readonly functions: FunctionTable;
}

/** An expression with what the checker found. */
export interface Checked {
  readonly expr: Expr;
  typeOf(expr: Expr): CelType;
  /** The overloads that a call may mean; which one shows when it runs where there are several. */
  overloadsOf(call: Call): readonly Overload[];
  /** What an identifier or a dotted path stands for; undefined where it is a variable of a macro. */
  referenceOf(expr: Expr): Reference | undefined;
  /** The names of the declared variables that the expression looks at. */
  readonly variables: ReadonlySet<string>;
}

/** What the checker found, or what is wrong. */
export function check(expr: Expr, declarations: Declarations): Checked | readonly Issue[] {
  const checker = new Checker(declarations);
  try {
    checker.check(expr);
    return checker.issues.length > 0 ? checker.issues : checker.result(expr);
  } catch (error) {
    if (!(error instanceof TypesTooLargeError)) throw error;
    return [{ offset: 0, message: "the types of the expression are too large" }];
  }
}

interface Scope {
  readonly name: string;
  readonly type: CelType;
  readonly parent: Scope | undefined;
}

class Checker {
  readonly issues: Issue[] = [];
  readonly #declarations: Declarations;
  readonly #substitutions = new Substitutions();
  readonly #types = new Map<Expr, CelType>();
  readonly #overloads = new Map<Call, readonly Overload[]>();
  readonly #references = new Map<Expr, Reference>();
  #scope: Scope | undefined;

  constructor(declarations: Declarations) {
    this.#declarations = declarations;
  }

  result(expr: Expr): Checked {
    const final = new Map<Expr, CelType>();
    for (const [each, type] of this.#types) final.set(each, this.#substitutions.resolve(type, "dyn"));
    return {
      expr,
      typeOf: (each) => final.get(each) ?? dynType,
      overloadsOf: (call) => this.#overloads.get(call) ?? [],
      referenceOf: (each) => this.#references.get(each),
      variables: new Set(
        [...this.#references.values()].flatMap(({ kind, name }) => (kind === "variable" ? [name] : [])),
      ),
    };
  }

  check(expr: Expr): CelType {
    // Macros use what they are called on twice, and chains of them would take time with the power of two.
    const known = this.#types.get(expr);
    if (known) return known;
    const type = this.#check(expr);
    this.#types.set(expr, type);
    return type;
  }

  #check(expr: Expr): CelType {
    switch (expr.kind) {
      case "literal":
        return typeOfLiteral(expr.value);
      case "ident":
        return this.#ident(expr);
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "object":
        return this.#object(expr);
      case "comprehension":
        return this.#comprehension(expr);
    }
  }

  #issue(at: { readonly offset: number }, message: string): CelType {
    this.issues.push({ offset: at.offset, message });
    return errorType;
  }

  #undeclared(at: { readonly offset: number }, name: string): CelType {
    return this.#issue(at, `undeclared reference to '${name}' (in container '')`);
  }

  #local(name: string): CelType | undefined {
    for (let scope = this.#scope; scope; scope = scope.parent) if (scope.name === name) return scope.type;
    return undefined;
  }

  #lookup(written: string): Reference | undefined {
    const name = written.replace(/^\./, "");
    const variable = this.#declarations.variables.get(name);
    if (variable) return { kind: "variable", name, type: variable };
    const type = this.#declarations.types.get(name);
    return type && { kind: "type", name, type: typeType(type) };
  }

  #ident(expr: Ident): CelType {
    const local = this.#local(expr.name);
    if (local) return local;
    const reference = this.#lookup(expr.name);
    if (!reference) return this.#undeclared(expr, expr.name);
    this.#references.set(expr, reference);
    return reference.type;
  }

  #select(expr: Select): CelType {
    const path = qualifiedName(expr);
    if (path !== undefined && this.#local(path.split(".")[0] as string) === undefined) {
      const reference = this.#lookup(path);
      if (reference) {
        this.#references.set(expr, reference);
        return reference.type;
      }
    }
    const target = this.#substitutions.resolve(this.check(expr.operand));
    const held = optionalOf(target);
    const field = this.#fieldType(expr, held ?? target, expr.field);
    if (expr.isTest) return boolType;
    return held && field.kind !== "error" ? optionalType(field) : field;
  }

  #fieldType(at: Expr, target: CelType, name: string): CelType {
    switch (target.kind) {
      case "dyn":
      case "error":
      case "parameter":
        return dynType;
      case "map":
        return target.value;
      case "object": {
        const field = fieldOf(target, name);
        return field ? field.type : this.#issue(at, `undefined field '${name}'`);
      }
      default:
        return this.#issue(
          at,
          `type '${formatType(this.#substitutions.resolve(target))}' does not support field selection`,
        );
    }
  }

  #call(call: Call): CelType {
    if (call.function === "_?._") return this.#optionalSelect(call);
    const argTypes = call.args.map((arg) => this.check(arg));
    if (!call.target) return this.#resolve(call, call.function.replace(/^\./, ""), argTypes, false);
    const path = qualifiedName(call.target);
    if (path !== undefined && this.#local(path.split(".")[0] as string) === undefined) {
      const name = `${path}.${call.function}`.replace(/^\./, "");
      // The target is the name of a namespace, as in `optional.of(x)`.
      if (this.#declarations.functions.has(name)) return this.#resolve(call, name, argTypes, false);
    }
    return this.#resolve(call, call.function, [this.check(call.target), ...argTypes], true);
  }

  #optionalSelect(call: Call): CelType {
    const [operand, name] = call.args as readonly [Expr, Expr]; // as the parser makes it
    const target = this.#substitutions.resolve(this.check(operand));
    this.check(name);
    const field = name.kind === "literal" && typeof name.value === "string" ? name.value : "";
    const type = this.#fieldType(call, optionalOf(target) ?? target, field);
    return optionalOf(type) ? type : optionalType(type);
  }

  #resolve(call: Call, name: string, argTypes: readonly CelType[], isMember: boolean): CelType {
    const declared = this.#declarations.functions.get(name);
    if (!declared) return this.#undeclared(call, name);
    const matching: Overload[] = [];
    let result: CelType | undefined;
    for (const overload of declared) {
      if (overload.isMember !== isMember || overload.args.length !== argTypes.length) continue;
      const [resultType, ...expected] = this.#instantiate([overload.result, ...overload.args]);
      if (!this.#substitutions.assign(argTypes, expected)) continue;
      matching.push(overload);
      const resolved = this.#substitutions.resolve(resultType as CelType); // the first of at least one
      // Where several are possible, the types must show when it runs.
      result = result === undefined || this.#isSame(result, resolved) ? resolved : dynType;
    }
    if (!result) {
      const types = argTypes.map((type) => formatType(this.#substitutions.resolve(type, "dyn")));
      const signature = isMember ? `${types[0]}.(${types.slice(1).join(", ")})` : `(${types.join(", ")})`;
      return this.#issue(call, `found no matching overload for '${name}' applied to '${signature}'`);
    }
    this.#overloads.set(call, matching);
    return result;
  }

  #isSame(left: CelType, right: CelType): boolean {
    return this.#substitutions.isLessSpecific(left, right) && this.#substitutions.isLessSpecific(right, left);
  }

  /** The types with fresh parameters. */
  #instantiate(types: readonly CelType[]): CelType[] {
    const fresh = new Map<string, TypeParameter>();
    const replace = (type: CelType): CelType => {
      if (type.kind !== "parameter") return parametersOf(type).length === 0 ? type : mapParameters(type, replace);
      const known = fresh.get(type.name);
      if (known) return known;
      const created = this.#substitutions.fresh();
      fresh.set(type.name, created);
      return created;
    };
    return types.map(replace);
  }

  #list(expr: CreateList): CelType {
    let element: CelType | undefined;
    for (const { value, isOptional } of expr.elements)
      element = this.#join(value, element, this.#entryType(value, isOptional));
    return listType(element ?? this.#substitutions.fresh());
  }

  #map(expr: CreateMap): CelType {
    let key: CelType | undefined;
    let value: CelType | undefined;
    for (const entry of expr.entries) {
      key = this.#join(entry.key, key, this.check(entry.key));
      value = this.#join(entry.value, value, this.#entryType(entry.value, entry.isOptional));
    }
    return mapType(key ?? this.#substitutions.fresh(), value ?? this.#substitutions.fresh());
  }

  /** The type of what an entry adds: for `?entry` what its optional holds. */
  #entryType(expr: Expr, isOptional: boolean): CelType {
    const type = this.check(expr);
    if (!isOptional) return type;
    const resolved = this.#substitutions.resolve(type);
    const held = optionalOf(resolved);
    if (held) return held;
    if (isDyn(resolved)) return dynType;
    return this.#issue(
      expr,
      `expected type 'optional_type(${formatType(resolved)})' but found '${formatType(resolved)}'`,
    );
  }

  /** Kubernetes wants the items of a list, the keys and the values of a map to be of one type. */
  #join(at: Expr, previous: CelType | undefined, type: CelType): CelType {
    if (!previous) return type;
    if (this.#substitutions.assign([previous], [type]))
      return this.#substitutions.isLessSpecific(previous, type) ? previous : type;
    const [expected, found] = [previous, type].map((each) => formatType(this.#substitutions.resolve(each, "dyn")));
    this.#issue(at, `expected type '${expected}' but found '${found}'`);
    return previous;
  }

  #object(expr: CreateObject): CelType {
    const type = this.#declarations.types.get(expr.typeName.replace(/^\./, ""));
    if (!type) {
      for (const { value } of expr.fields) this.check(value);
      return this.#undeclared(expr, expr.typeName);
    }
    if (type.kind !== "object") return this.#issue(expr, `'${expr.typeName}' is not a message type`);
    for (const field of expr.fields) {
      const given = this.#entryType(field.value, field.isOptional);
      const expected = fieldOf(type, field.name)?.type;
      if (!expected) this.#issue(field, `undefined field '${field.name}'`);
      else if (!this.#substitutions.assign([given], [expected]))
        this.#issue(
          field,
          `expected type of field '${field.name}' is '${formatType(expected)}' but provided type is '${formatType(this.#substitutions.resolve(given, "dyn"))}'`,
        );
    }
    return type;
  }

  #comprehension(expr: Comprehension): CelType {
    const range = this.#substitutions.resolve(this.check(expr.range));
    const init = this.check(expr.init);
    const [first, second] = this.#variableTypes(expr, range);
    const outer = this.#scope;
    const inner = this.#enter(outer, expr.accumulator, init);
    this.#scope = this.#enter(inner, expr.variable, first);
    if (expr.secondVariable !== undefined) this.#scope = this.#enter(this.#scope, expr.secondVariable, second);
    this.#expect(expr.condition, boolType);
    this.#expect(expr.step, init);
    this.#scope = inner;
    const result = this.check(expr.result);
    this.#scope = outer;
    return this.#substitutions.resolve(result);
  }

  #enter(parent: Scope | undefined, name: string, type: CelType): Scope {
    return { name, type, parent };
  }

  #variableTypes(expr: Comprehension, range: CelType): [CelType, CelType] {
    const hasTwo = expr.secondVariable !== undefined;
    switch (range.kind) {
      case "list":
        return hasTwo ? [intType, range.element] : [range.element, range.element];
      case "map":
        return [range.key, range.value];
      case "dyn":
      case "error":
      case "parameter":
        return [dynType, dynType];
      default:
        this.#issue(
          expr.range,
          `expression of type '${formatType(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
        );
        return [errorType, errorType];
    }
  }

  #expect(expr: Expr, expected: CelType): void {
    const type = this.check(expr);
    if (this.#substitutions.assign([expected], [type])) return;
    const [wanted, found] = [expected, type].map((each) => formatType(this.#substitutions.resolve(each, "dyn")));
    this.#issue(expr, `expected type '${wanted}' but found '${found}'`);
  }
}

function typeOfLiteral(value: Value): CelType {
  switch (typeof value) {
    case "boolean":
      return boolType;
    case "bigint":
      return intType;
    case "number":
      return doubleType;
    case "string":
      return stringType;
  }
  if (value instanceof Uint) return uintType;
  return value === null ? nullType : bytesType;
}

/** Types that every expression may name. */
export const namedTypes: ReadonlyMap<string, CelType> = new Map<string, CelType>([
  ...[boolType, intType, uintType, doubleType, stringType, bytesType, nullType].map(
    (type) => [type.name, type] as const,
  ),
  ["list", listType(dynType)],
  ["map", mapType(dynType, dynType)],
  ["type", typeType(dynType)],
  [timestampType.name, timestampType],
  [durationType.name, durationType],
  ["optional_type", optionalType(dynType)],
]);
