// The syntax tree of an expression, macros already expanded.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
import type { Value } from "./values.ts";

interface Node {
  /** Where the node's operator stands in the text, in code points. */
  readonly offset: number;
}

export interface Literal extends Node {
  readonly kind: "literal";
  readonly value: Value;
}

export interface Ident extends Node {
  readonly kind: "ident";
  readonly name: string;
}

export interface Select extends Node {
  readonly kind: "select";
  readonly operand: Expr;
  readonly field: string;
  /** Whether it is the argument of has(). */
  readonly isTest: boolean;
}

export interface Call extends Node {
  readonly kind: "call";
  readonly function: string;
  readonly target?: Expr;
  readonly args: readonly Expr[];
}

export interface CreateList extends Node {
  readonly kind: "list";
  readonly elements: readonly { readonly value: Expr; readonly isOptional: boolean }[];
}

export interface CreateMap extends Node {
  readonly kind: "map";
  readonly entries: readonly { readonly key: Expr; readonly value: Expr; readonly isOptional: boolean }[];
}

export interface CreateObject extends Node {
  readonly kind: "object";
  readonly typeName: string;
  readonly fields: readonly ObjectField[];
}

export interface ObjectField extends Node {
  readonly name: string;
  readonly value: Expr;
  readonly isOptional: boolean;
}

/** What the macros that walk lists and maps become: a fold of the range into the accumulator. */
export interface Comprehension extends Node {
  readonly kind: "comprehension";
  readonly range: Expr;
  /** The item of a list or the key of a map; with a second variable the index of a list. */
  readonly variable: string;
  /** The item of a list or the value of a map. */
  readonly secondVariable?: string;
  readonly accumulator: string;
  readonly init: Expr;
  /** The loop ends when it is false. */
  readonly condition: Expr;
  readonly step: Expr;
  readonly result: Expr;
}

export type Expr = Literal | Ident | Select | Call | CreateList | CreateMap | CreateObject | Comprehension;

/** The name of a dotted path (`a.b.c`), or undefined where the expression is something else. */
export function qualifiedName(expr: Expr): string | undefined {
  if (expr.kind === "ident") return expr.name;
  if (expr.kind !== "select" || expr.isTest) return undefined;
  const operand = qualifiedName(expr.operand);
  return operand === undefined ? undefined : `${operand}.${expr.field}`;
}

/** The expressions directly below one. */
export function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case "literal":
    case "ident":
      return [];
    case "select":
      return [expr.operand];
    case "call":
      return expr.target ? [expr.target, ...expr.args] : expr.args;
    case "list":
      return expr.elements.map(({ value }) => value);
    case "map":
      return expr.entries.flatMap(({ key, value }) => [key, value]);
    case "object":
      return expr.fields.map(({ value }) => value);
    case "comprehension":
      return [expr.range, expr.init, expr.condition, expr.step, expr.result];
  }
}
