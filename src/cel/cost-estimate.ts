// The least and the most that an expression costs, by the sizes that schemas allow.
// Source: cel-go's checker/cost.go. Kubernetes decides by it which rules a CRD may have, so the numbers are part of the API.
import type { Checked } from "./checker.ts";
import { add, type CallEstimate, type EstimatedArg, fixed, multiply, type Range, union, unknownSize } from "./cost.ts";
import { accumulator } from "./macros.ts";
import type { Call, Comprehension, CreateList, CreateMap, Expr, Select } from "./syntax.ts";
import { type CelType, optionalOf } from "./types.ts";
import { codePointCount } from "./values.ts";

export function estimateCost(checked: Checked): Range {
  return new Estimator(checked).cost(checked.expr);
}

/** The sizes of what a list or a map holds. */
interface EntrySizes {
  readonly key: Range;
  readonly value: Range;
}

interface Local {
  /** What the declared type of a variable says of the values; undefined for what expressions make. */
  readonly origin: CelType | undefined;
  readonly size: Range | undefined;
  readonly entries: EntrySizes | undefined;
}

const one = fixed(1);
const nothing = fixed(0);

class Estimator {
  readonly #checked: Checked;
  readonly #costs = new Map<Expr, Range>();
  readonly #origins = new Map<Expr, CelType>();
  readonly #sizes = new Map<Expr, Range>();
  readonly #entries = new Map<Expr, EntrySizes>();
  readonly #locals = new Map<string, Local[]>();

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  cost(expr: Expr): Range {
    // What a macro uses twice is estimated once.
    const known = this.#costs.get(expr);
    if (known) return known;
    const cost = this.#cost(expr);
    this.#costs.set(expr, cost);
    return cost;
  }

  #cost(expr: Expr): Range {
    switch (expr.kind) {
      case "literal":
        return nothing;
      case "ident":
        this.#keepOrigin(expr, this.#local(expr.name)?.origin ?? this.#declared(expr));
        return one;
      case "select":
        return this.#select(expr);
      case "call":
        return this.#call(expr);
      case "list":
        return this.#list(expr);
      case "map":
        return this.#map(expr);
      case "object":
        return expr.fields.reduce((sum, { value }) => add(sum, this.cost(value)), fixed(40));
      case "comprehension":
        return expr.accumulator === accumulator ? this.#comprehension(expr) : this.#bind(expr);
    }
  }

  #local(name: string): Local | undefined {
    return this.#locals.get(name)?.at(-1);
  }

  #declared(expr: Expr): CelType | undefined {
    const reference = this.#checked.referenceOf(expr);
    return reference?.type;
  }

  #keepOrigin(expr: Expr, origin: CelType | undefined): void {
    if (origin) this.#origins.set(expr, origin);
  }

  #select(expr: Select): Range {
    const declared = this.#declared(expr);
    if (declared) {
      this.#keepOrigin(expr, declared);
      return one;
    }
    const operand = this.cost(expr.operand);
    // Kubernetes asks nothing for has() itself.
    if (expr.isTest) return operand;
    const origin = this.#origins.get(expr.operand);
    if (origin?.kind === "object") this.#keepOrigin(expr, origin.fields.get(expr.field)?.type);
    const { kind } = this.#checked.typeOf(expr.operand);
    return kind === "map" || kind === "object" ? add(operand, one) : operand;
  }

  #call(call: Call): Range {
    if (call.function === "dyn" && call.args[0]) {
      const cost = this.cost(call.args[0]);
      this.#copySizes(call, call.args[0]);
      return add(cost, one);
    }
    const overloads = this.#checked.overloadsOf(call);
    const isMethod = overloads.some(({ isMember }) => isMember);
    const args = call.target && isMethod ? [call.target, ...call.args] : call.args;
    const costs = args.map((arg) => this.cost(arg));
    const [first = nothing, second = nothing, third = nothing] = costs;
    switch (call.function) {
      case "_&&_":
      case "_||_":
        return { min: first.min, max: add(first, second).max };
      case "_?_:_":
        this.#conditionalSizes(call);
        return add(first, union(second, third));
    }
    const sum = costs.reduce(add, nothing);
    if (overloads.length === 0) return call.function === "_?._" ? add(sum, one) : sum;
    const estimates = overloads.map(
      ({ cost }): CallEstimate => (cost ? cost.estimate(args.map((arg) => this.#estimatedArg(arg))) : { cost: one }),
    );
    this.#keepResultSize(call, estimates);
    return add(sum, estimates.map(({ cost }) => cost).reduce(union));
  }

  #keepResultSize(call: Call, estimates: readonly CallEstimate[]): void {
    const [container, other] = call.args;
    if (call.function === "_[_]" && container) {
      const origin = this.#origins.get(container);
      this.#keepOrigin(
        call,
        origin?.kind === "list" ? origin.element : origin?.kind === "map" ? origin.value : undefined,
      );
      const size = this.#entrySizes(container)?.value ?? this.#size(call);
      if (size) this.#sizes.set(call, size);
      return;
    }
    const sizes = estimates.flatMap(({ size }) => size ?? []);
    if (sizes.length > 0) this.#sizes.set(call, sizes.reduce(union));
    if (call.function !== "_+_" || !container || !other) return;
    const [left, right] = [this.#entrySizes(container), this.#entrySizes(other)];
    if (left && right) this.#entries.set(call, joined(left, right));
  }

  #conditionalSizes(call: Call): void {
    const [, yes, no] = call.args as readonly [Expr, Expr, Expr]; // as the parser makes it
    this.#sizes.set(call, union(this.#sizeOrUnknown(yes), this.#sizeOrUnknown(no)));
    const [left, right] = [this.#entrySizes(yes), this.#entrySizes(no)];
    if (left && right) this.#entries.set(call, joined(left, right));
  }

  #estimatedArg(expr: Expr): EstimatedArg {
    const origin = this.#origins.get(expr);
    return {
      type: this.#checked.typeOf(expr),
      size: this.#sizeOrUnknown(expr),
      itemSize: (origin?.kind === "list" ? sizeOfDeclared(origin.element) : undefined) ?? unknownSize,
    };
  }

  #list(expr: CreateList): Range {
    let cost = fixed(10);
    const sizes: Range[] = [];
    for (const { value } of expr.elements) {
      cost = add(cost, this.cost(value));
      sizes.push(this.#sizeOrUnknown(value));
    }
    this.#entries.set(expr, { key: one, value: sizes.length === 0 ? nothing : sizes.reduce(union) });
    return cost;
  }

  #map(expr: CreateMap): Range {
    let cost = fixed(30);
    const keys: Range[] = [];
    const values: Range[] = [];
    for (const { key, value } of expr.entries) {
      cost = add(add(cost, this.cost(key)), this.cost(value));
      keys.push(this.#sizeOrUnknown(key));
      values.push(this.#sizeOrUnknown(value));
    }
    const none = keys.length === 0;
    this.#entries.set(expr, { key: none ? nothing : keys.reduce(union), value: none ? nothing : values.reduce(union) });
    return cost;
  }

  #comprehension(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    const loop = this.#within(expr.accumulator, this.#localOf(expr.init), () => {
      const each = this.#iterating(expr, () => add(this.cost(expr.condition), this.cost(expr.step)));
      return { each, result: this.cost(expr.result) };
    });
    const count = this.#sizeOrUnknown(expr.range);
    if (expr.init.kind === "literal") this.#copySize(expr, expr.init);
    else {
      this.#sizes.set(expr, count);
      const entries = this.#entrySizes(expr.step);
      if (entries) this.#entries.set(expr, entries);
    }
    return add(add(before, loop.result), multiply(count, loop.each));
  }

  /** cel.bind, optMap and optFlatMap: a name for a value. */
  #bind(expr: Comprehension): Range {
    const before = add(this.cost(expr.range), this.cost(expr.init));
    const result = this.#within(expr.accumulator, this.#localOf(expr.init), () => {
      const cost = this.cost(expr.result);
      this.#copySizes(expr, expr.result);
      return cost;
    });
    return add(before, result);
  }

  #iterating(expr: Comprehension, estimate: () => Range): Range {
    const { range, variable, secondVariable } = expr;
    const origin = this.#origins.get(range);
    const sizes = this.#entrySizes(range);
    const isList = this.#checked.typeOf(range).kind === "list";
    const [key, value] =
      origin?.kind === "list"
        ? [undefined, origin.element]
        : origin?.kind === "map"
          ? [origin.key, origin.value]
          : [undefined, undefined];
    const keyLocal: Local = { origin: key, size: sizes?.key, entries: undefined };
    const valueLocal: Local = { origin: value, size: sizes?.value, entries: undefined };
    if (secondVariable !== undefined)
      return this.#within(variable, keyLocal, () => this.#within(secondVariable, valueLocal, estimate));
    return this.#within(variable, isList ? valueLocal : keyLocal, estimate);
  }

  #localOf(expr: Expr): Local {
    return { origin: this.#origins.get(expr), size: this.#size(expr), entries: this.#entrySizes(expr) };
  }

  #within<T>(name: string, local: Local, estimate: () => T): T {
    const stack = this.#locals.get(name) ?? [];
    this.#locals.set(name, stack);
    stack.push(local);
    const result = estimate();
    stack.pop();
    return result;
  }

  #sizeOrUnknown(expr: Expr): Range {
    return this.#size(expr) ?? unknownSize;
  }

  #size(expr: Expr): Range | undefined {
    const known = this.#sizes.get(expr) ?? sizeOfLiteral(expr);
    if (known) return known;
    const origin = this.#origins.get(expr);
    if (origin) return sizeOfDeclared(origin);
    if (isScalar(this.#checked.typeOf(expr))) return one;
    return expr.kind === "ident" ? this.#local(expr.name)?.size : undefined;
  }

  #entrySizes(expr: Expr): EntrySizes | undefined {
    return this.#entries.get(expr) ?? (expr.kind === "ident" ? this.#local(expr.name)?.entries : undefined);
  }

  #copySize(to: Expr, from: Expr): void {
    const size = this.#size(from);
    if (size) this.#sizes.set(to, size);
  }

  #copySizes(to: Expr, from: Expr): void {
    this.#copySize(to, from);
    const entries = this.#entrySizes(from);
    if (entries) this.#entries.set(to, entries);
  }
}

function joined(left: EntrySizes, right: EntrySizes): EntrySizes {
  return { key: union(left.key, right.key), value: union(left.value, right.value) };
}

/** Of types without a bound, upstream's schemas say 0. */
function sizeOfDeclared(type: CelType): Range {
  return { min: 0, max: ("maxElements" in type ? type.maxElements : undefined) ?? 0 };
}

function sizeOfLiteral(expr: Expr): Range | undefined {
  switch (expr.kind) {
    case "literal":
      if (typeof expr.value === "string") return fixed(codePointCount(expr.value));
      return fixed(expr.value instanceof Uint8Array ? expr.value.length : 1);
    case "list":
      return fixed(expr.elements.length);
    case "map":
      return fixed(expr.entries.length);
    default:
      return undefined;
  }
}

const scalars = new Set(["bool", "double", "duration", "int", "timestamp", "uint"]);

function isScalar(type: CelType): boolean {
  const held = optionalOf(type);
  return held ? isScalar(held) : scalars.has(type.kind);
}
