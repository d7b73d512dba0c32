// Checked expressions as closures: everything that does not depend on the values is decided once.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#evaluation
import { has, itemOf, optionalItem, optionalSelect, select } from "./access.ts";
import type { Checked } from "./checker.ts";
import type { Overload } from "./functions.ts";
import { FieldValues, toValue } from "./json-values.ts";
import { accumulator } from "./macros.ts";
import type { Call, Comprehension, CreateList, CreateMap, CreateObject, Expr, Select } from "./syntax.ts";
import { type CelType, type ObjectType, optionalOf } from "./types.ts";
import {
  ArrayList,
  CostExceededError,
  Duration,
  EntryMap,
  EvaluationError,
  List,
  MapValue,
  noSuchOverload,
  Opaque,
  Optional,
  StructValue,
  Timestamp,
  TypeValue,
  Uint,
  type Value,
} from "./values.ts";

/** One run of an expression. */
export class Run {
  cost = 0;
  readonly costLimit: number;
  readonly locals: Value[] = [];
  readonly #bindings: Readonly<Record<string, unknown>>;
  readonly #variables = new Map<string, Value>();

  constructor(bindings: Readonly<Record<string, unknown>>, costLimit: number) {
    this.#bindings = bindings;
    this.costLimit = costLimit;
  }

  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.costLimit) throw new CostExceededError();
  }

  variable(name: string, type: CelType): Value {
    const known = this.#variables.get(name);
    if (known !== undefined) return known;
    const bound = Object.hasOwn(this.#bindings, name) ? this.#bindings[name] : undefined;
    if (bound === undefined && !optionalOf(type)) throw new EvaluationError(`no such attribute(s): ${name}`);
    const value = toValue(bound, type);
    this.#variables.set(name, value);
    return value;
  }
}

export type Step = (run: Run) => Value;

/** The variables of macros, innermost first, by where they are kept in a run. */
interface Slots {
  readonly name: string;
  readonly index: number;
  readonly parent: Slots | undefined;
}

export function plan(checked: Checked): Step {
  return new Planner(checked).plan(checked.expr, undefined);
}

const listCost = 10;
const mapCost = 30;
const objectCost = 40;

class Planner {
  readonly #checked: Checked;
  readonly #steps = new Map<Expr, Step>();

  constructor(checked: Checked) {
    this.#checked = checked;
  }

  plan(expr: Expr, slots: Slots | undefined): Step {
    // What a macro uses twice stands under the same variables both times.
    const known = this.#steps.get(expr);
    if (known) return known;
    const step = this.#plan(expr, slots);
    this.#steps.set(expr, step);
    return step;
  }

  #plan(expr: Expr, slots: Slots | undefined): Step {
    switch (expr.kind) {
      case "literal": {
        const { value } = expr;
        return () => value;
      }
      case "ident":
      case "select":
        return this.#path(expr, slots);
      case "call":
        return this.#call(expr, slots);
      case "list":
        return this.#list(expr, slots);
      case "map":
        return this.#map(expr, slots);
      case "object":
        return this.#object(expr, slots);
      case "comprehension":
        return this.#comprehension(expr, slots);
    }
  }

  #path(expr: Expr & { kind: "ident" | "select" }, slots: Slots | undefined): Step {
    const reference = this.#checked.referenceOf(expr);
    if (reference?.kind === "variable") {
      const { name, type } = reference;
      return (run) => {
        run.charge(1);
        return run.variable(name, type);
      };
    }
    if (reference) {
      const value = new TypeValue(reference.name);
      return (run) => {
        run.charge(1);
        return value;
      };
    }
    if (expr.kind === "select") return this.#select(expr, slots);
    const slot = slotOf(expr.name, slots);
    if (slot === undefined) throw new EvaluationError(`undeclared reference to '${expr.name}'`);
    return (run) => {
      run.charge(1);
      return run.locals[slot] as Value; // set before what may use it is run
    };
  }

  #select({ operand, field, isTest }: Select, slots: Slots | undefined): Step {
    const target = this.plan(operand, slots);
    if (isTest)
      return (run) => {
        const value = target(run);
        return has(value, field);
      };
    return (run) => {
      const value = target(run);
      run.charge(1);
      return select(value, field);
    };
  }

  #call(call: Call, slots: Slots | undefined): Step {
    const args = (call.target && this.#isMethod(call) ? [call.target, ...call.args] : call.args).map((arg) =>
      this.plan(arg, slots),
    );
    const [first, second, third] = args as [Step, Step, Step]; // as many as the operator has
    switch (call.function) {
      case "_&&_":
        return (run) => either(run, first, second, false);
      case "_||_":
        return (run) => either(run, first, second, true);
      case "_?_:_":
        return (run) => {
          const condition = first(run);
          if (condition === true) return second(run);
          if (condition === false) return third(run);
          throw noSuchOverload();
        };
      case "@not_strictly_false":
        return (run) => {
          const value = first(run);
          run.charge(1);
          return value !== false;
        };
      // Which of lists and maps it is shows by the value, and numbers of all types are keys: no overload is looked for.
      case "_[_]":
        return (run) => {
          const value = first(run);
          const key = second(run);
          run.charge(1);
          return itemOf(value, key);
        };
      case "_[?_]":
        return (run) => {
          const value = first(run);
          const key = second(run);
          run.charge(1);
          return optionalItem(value, key);
        };
      case "_?._": {
        const name = call.args[1];
        const field = name?.kind === "literal" && typeof name.value === "string" ? name.value : "";
        return (run) => {
          const value = first(run);
          run.charge(1);
          return optionalSelect(value, field);
        };
      }
    }
    return this.#dispatch(call, args);
  }

  /** Whether the target is an argument, not the name of a namespace as in `optional.of(x)`. */
  #isMethod(call: Call): boolean {
    return this.#checked.overloadsOf(call).some(({ isMember }) => isMember);
  }

  #dispatch(call: Call, args: readonly Step[]): Step {
    const overloads = this.#checked.overloadsOf(call);
    const only = overloads.length === 1 ? (overloads[0] as RunnableOverload) : undefined;
    if (only && args.length === 2) {
      const { run: apply, cost } = only;
      const [first, second] = args as [Step, Step]; // just counted
      const [firstType, secondType] = only.args as [CelType, CelType]; // as many as the call has
      return (run) => {
        const left = first(run);
        const right = second(run);
        // A null may stand where the schema says nullable, and dyn may be anything.
        if (!accepts(firstType, left) || !accepts(secondType, right)) throw noSuchOverload();
        run.charge(cost ? cost.actual([left, right]) : 1);
        return apply(left, right);
      };
    }
    return (run) => {
      const values = args.map((arg) => arg(run));
      const overload = overloads.find(({ args: types }) => types.every((type, index) => accepts(type, values[index])));
      if (!overload) throw noSuchOverload();
      return invoke(run, overload, values);
    };
  }

  #list({ elements }: CreateList, slots: Slots | undefined): Step {
    const steps = elements.map(({ value, isOptional }) => ({ step: this.plan(value, slots), isOptional }));
    return (run) => {
      const items: Value[] = [];
      for (const { step, isOptional } of steps) {
        const value = step(run);
        if (!isOptional) items.push(value);
        else if (!(value instanceof Optional)) throw noSuchOverload();
        else if (value.value !== undefined) items.push(value.value);
      }
      run.charge(listCost);
      return new ArrayList(items);
    };
  }

  #map({ entries }: CreateMap, slots: Slots | undefined): Step {
    const steps = entries.map(({ key, value, isOptional }) => ({
      key: this.plan(key, slots),
      value: this.plan(value, slots),
      isOptional,
    }));
    return (run) => {
      const map = new EntryMap();
      for (const { key, value, isOptional } of steps) {
        const name = key(run);
        let item: Value | undefined = value(run);
        if (isOptional) {
          if (!(item instanceof Optional)) throw noSuchOverload();
          item = item.value;
        }
        if (item !== undefined && !map.add(name, item)) throw new EvaluationError(`Failed with repeated key`);
      }
      run.charge(mapCost);
      return map;
    };
  }

  #object(expr: CreateObject, slots: Slots | undefined): Step {
    const type = this.#checked.typeOf(expr) as ObjectType; // the checker lets nothing else pass
    const steps = expr.fields.map(({ name, value, isOptional }) => ({
      name,
      isOptional,
      step: this.plan(value, slots),
    }));
    return (run) => {
      const values = new Map<string, Value>();
      for (const { name, step, isOptional } of steps) {
        const value = step(run);
        if (!isOptional) values.set(name, value);
        else if (!(value instanceof Optional)) throw noSuchOverload();
        else if (value.value !== undefined) values.set(name, value.value);
      }
      run.charge(objectCost);
      return new FieldValues(type, values);
    };
  }

  #comprehension(expr: Comprehension, slots: Slots | undefined): Step {
    const range = this.plan(expr.range, slots);
    const base = slots ? slots.index + 1 : 0;
    const hasTwo = expr.secondVariable !== undefined;
    const withAccumulator: Slots = { name: expr.accumulator, index: base, parent: slots };
    let inner: Slots = { name: expr.variable, index: base + 1, parent: withAccumulator };
    if (expr.secondVariable !== undefined) inner = { name: expr.secondVariable, index: base + 2, parent: inner };
    const enter = (run: Run, first: Value, second: Value) => {
      run.locals[base + 1] = first;
      run.locals[base + 2] = second;
    };
    const quantified = quantifierOf(expr);
    if (quantified) {
      const { decisive } = quantified;
      const predicate = this.plan(quantified.predicate, inner);
      return (run) => {
        const over = range(run);
        let failure: unknown;
        for (const [first, second] of entriesOf(over, hasTwo)) {
          enter(run, first, second);
          run.charge(decisive ? existsCost : allCost);
          try {
            const value = predicate(run);
            if (value === decisive) return decisive;
            if (value !== !decisive) failure ??= noSuchOverload();
          } catch (error) {
            failure ??= absorbable(error);
          }
        }
        run.charge(1);
        if (failure !== undefined) throw failure;
        return !decisive;
      };
    }
    const init = this.plan(expr.init, slots);
    const condition = this.plan(expr.condition, inner);
    const step = this.#step(expr.step, inner);
    const result = this.plan(expr.result, withAccumulator);
    return (run) => {
      const over = range(run);
      run.locals[base] = init(run);
      for (const [first, second] of entriesOf(over, hasTwo)) {
        enter(run, first, second);
        if (condition(run) === false) break;
        run.locals[base] = step(run);
      }
      return result(run);
    };
  }

  /**
   * Appending to the accumulator changes it: it is a list that the macro made itself and that nothing else can see, and
   * copying it for each item would take time with the square of the length.
   */
  #step(expr: Expr, slots: Slots): Step {
    if (expr.kind !== "call") return this.plan(expr, slots);
    const [first, second, third] = expr.args;
    if (expr.function === "_?_:_" && first && second && third) {
      const [condition, yes, no] = [this.plan(first, slots), this.#step(second, slots), this.plan(third, slots)];
      return (run) => {
        const value = condition(run);
        if (value === true) return yes(run);
        if (value === false) return no(run);
        throw noSuchOverload();
      };
    }
    const isAppend = expr.function === "_+_" && first?.kind === "ident" && first.name === accumulator;
    if (!isAppend || second?.kind !== "list") return this.plan(expr, slots);
    const [list, item] = [this.plan(first, slots), this.plan(second, slots)];
    return (run) => {
      const into = list(run);
      const added = item(run);
      if (!(into instanceof ArrayList) || !(added instanceof List)) throw noSuchOverload();
      into.items.push(...added);
      run.charge(1);
      return into;
    };
  }
}

/** What the hidden parts of the macros cost for each item: looking at the accumulator twice, and the test of it. */
const allCost = 3;
const existsCost = 4;

/** all() and exists() as loops: the value that decides, and what is asked of each item. */
function quantifierOf({ condition, step }: Comprehension): { decisive: boolean; predicate: Expr } | undefined {
  if (condition.kind !== "call" || condition.function !== "@not_strictly_false" || step.kind !== "call")
    return undefined;
  return { decisive: step.function === "_||_", predicate: step.args[1] as Expr }; // as the macros make it
}

function* entriesOf(over: Value, hasTwo: boolean): Generator<readonly [Value, Value]> {
  if (over instanceof List) {
    let index = 0n;
    for (const item of over) yield hasTwo ? [index++, item] : [item, item];
  } else if (over instanceof MapValue) {
    for (const key of over.keys()) yield [key, hasTwo ? (over.get(key) ?? null) : null];
  } else throw noSuchOverload();
}

function slotOf(name: string, slots: Slots | undefined): number | undefined {
  for (let slot = slots; slot; slot = slot.parent) if (slot.name === name) return slot.index;
  return undefined;
}

/** The error, where it may be absorbed; what is a fault of ours or a matter of cost goes on. */
function absorbable(error: unknown): EvaluationError {
  if (error instanceof EvaluationError && !(error instanceof CostExceededError)) return error;
  throw error;
}

/** `&&` and `||`: the decisive value on either side decides, even where the other side fails. */
function either(run: Run, first: Step, second: Step, decisive: boolean): boolean {
  let failure: EvaluationError | undefined;
  try {
    const left = first(run);
    if (left === decisive) return decisive;
    if (left !== !decisive) failure = noSuchOverload();
  } catch (error) {
    failure = absorbable(error);
  }
  const right = second(run);
  if (right === decisive) return decisive;
  if (failure) throw failure;
  if (right !== !decisive) throw noSuchOverload();
  return right;
}

type RunnableOverload = Omit<Overload, "run"> & { readonly run: (...args: Value[]) => Value };

function invoke(run: Run, overload: Overload, values: readonly Value[]): Value {
  // The types of the arguments were compared with what the overload declares.
  const { run: apply, cost } = overload as RunnableOverload;
  run.charge(cost ? cost.actual(values) : 1);
  return apply(...values);
}

/** Whether the value may be given where the type is declared. */
function accepts(type: CelType, value: Value | undefined): boolean {
  if (value === undefined) return false;
  switch (type.kind) {
    case "dyn":
    case "parameter":
      return true;
    case "bool":
      return typeof value === "boolean";
    case "int":
      return typeof value === "bigint";
    case "uint":
      return value instanceof Uint;
    case "double":
      return typeof value === "number";
    case "string":
      return typeof value === "string";
    case "bytes":
      return value instanceof Uint8Array;
    case "null":
      return value === null;
    case "timestamp":
      return value instanceof Timestamp;
    case "duration":
      return value instanceof Duration;
    case "type":
      return value instanceof TypeValue;
    case "list":
      return value instanceof List;
    case "map":
      return value instanceof MapValue;
    case "object":
      return value instanceof StructValue && value.typeName === type.name;
    case "opaque":
      return value instanceof Optional
        ? optionalOf(type) !== undefined
        : value instanceof Opaque && value.type.name === type.name;
    case "error":
      return false;
  }
}
