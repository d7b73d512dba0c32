// How functions are declared: the libraries are tables of these.
import type { CostRule } from "./cost.ts";
import { boolType, type CelType, intType } from "./types.ts";
import type { Value } from "./values.ts";

export interface Overload {
  readonly id: string;
  /** Whether it is called as `target.function(…)`; its first argument is then the target. */
  readonly isMember: boolean;
  readonly args: readonly CelType[];
  readonly result: CelType;
  /** Throws EvaluationError. The arguments are of the declared types. */
  readonly run: (...args: never[]) => Value;
  /** What a call costs; 1 where nothing is said. */
  readonly cost?: CostRule;
}

/** By the function's name. */
export type FunctionTable = ReadonlyMap<string, readonly Overload[]>;

type Run = Overload["run"];

/** A function `name(args)`. */
export function define(name: string, id: string, args: readonly CelType[], result: CelType, run: Run, cost?: CostRule) {
  return [name, { id, isMember: false, args, result, run, ...(cost && { cost }) }] as const;
}

/** A function `target.name(args)`; the first of the arguments is the target. */
export function member(name: string, id: string, args: readonly CelType[], result: CelType, run: Run, cost?: CostRule) {
  return [name, { id, isMember: true, args, result, run, ...(cost && { cost }) }] as const;
}

export type Definition = readonly [string, Overload];

/** The methods by which Kubernetes has values of a type with an order compared. */
export function comparisons<T>(
  idPrefix: string,
  type: CelType,
  compare: (left: T, right: T) => number,
): readonly Definition[] {
  const pair = [type, type];
  const method = (name: string, id: string, result: CelType, run: (order: number) => Value) =>
    member(name, `${idPrefix}_${id}`, pair, result, (left: T, right: T) => run(compare(left, right)));
  return [
    method("isGreaterThan", "is_greater_than", boolType, (order) => order > 0),
    method("isLessThan", "is_less_than", boolType, (order) => order < 0),
    method("compareTo", "compare_to", intType, (order) => BigInt(order)),
  ];
}

export function functionTable(...libraries: readonly (readonly Definition[])[]): FunctionTable {
  const table = new Map<string, Overload[]>();
  for (const [name, overload] of libraries.flat()) {
    const overloads = table.get(name);
    if (overloads) overloads.push(overload);
    else table.set(name, [overload]);
  }
  return table;
}
