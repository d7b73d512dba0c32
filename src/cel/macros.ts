// Calls that stand for larger expressions.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#macros
// https://pkg.go.dev/github.com/google/cel-go/ext#TwoVarComprehensions
import type { Call, Comprehension, Expr } from "./syntax.ts";
import type { Value } from "./values.ts";

export class MacroError extends Error {
  readonly offset: number;
  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/** The accumulator of every comprehension: no expression can name it. */
export const accumulator = "@result";

/** What the call stands for; undefined where it is a call. Throws MacroError. */
export function expandMacro(call: Call): Expr | undefined {
  const { target, args, offset } = call;
  if (!target) return call.function === "has" && args.length === 1 ? expandHas(args[0] as Expr, offset) : undefined;
  const variants = target && macros[call.function];
  return variants?.[args.length]?.(new Builder(offset, target), args);
}

function expandHas(arg: Expr, offset: number): Expr {
  if (arg.kind !== "select" || arg.isTest) throw new MacroError(arg.offset, "invalid argument to has() macro");
  return { ...arg, isTest: true, offset };
}

/** `cel.bind(name, value, expression)`: the expression with a name for the value. */
export function expandBind({ function: name, target, args, offset }: Call): Expr | undefined {
  const [variable, value, result] = args;
  if (name !== "bind" || target?.kind !== "ident" || target.name !== "cel" || args.length !== 3) return undefined;
  if (variable?.kind !== "ident")
    throw new MacroError((variable as Expr).offset, "cel.bind() variable names must be simple identifiers");
  return new Builder(offset, target).bind(variable.name, value as Expr, result as Expr);
}

type Expand = (build: Builder, args: readonly Expr[]) => Expr;

const all: Expand = (build, args) => {
  const { variables, rest } = build.variables(args, 1);
  return build.fold(variables, build.literal(true), {
    condition: build.call("@not_strictly_false", build.accumulator),
    step: build.call("_&&_", build.accumulator, rest[0] as Expr),
  });
};

const exists: Expand = (build, args) => {
  const { variables, rest } = build.variables(args, 1);
  return build.fold(variables, build.literal(false), {
    condition: build.call("@not_strictly_false", build.call("!_", build.accumulator)),
    step: build.call("_||_", build.accumulator, rest[0] as Expr),
  });
};

const existsOne: Expand = (build, args) => {
  const { variables, rest } = build.variables(args, 1);
  const counted = build.call("_+_", build.accumulator, build.literal(1n));
  return build.fold(variables, build.literal(0n), {
    step: build.call("_?_:_", rest[0] as Expr, counted, build.accumulator),
    result: build.call("_==_", build.accumulator, build.literal(1n)),
  });
};

/** Folds what each item gives; where a filter stands before it, only for items that pass. */
const collect =
  (init: (build: Builder) => Expr, add: (build: Builder, args: readonly Expr[], names: Variables) => Expr): Expand =>
  (build, args) => {
    const { variables, rest } = build.variables(args, build.expected);
    const filter = rest.length === 2 ? rest[0] : undefined;
    const step = add(build, rest.slice(-1), variables);
    return build.fold(variables, init(build), {
      step: filter ? build.call("_?_:_", filter, step, build.accumulator) : step,
    });
  };

const emptyList = (build: Builder): Expr => ({ kind: "list", offset: build.offset, elements: [] });
const emptyMap = (build: Builder): Expr => ({ kind: "map", offset: build.offset, entries: [] });
const append = (build: Builder, [item]: readonly Expr[]) =>
  build.call("_+_", build.accumulator, build.listOf(item as Expr));

const filter: Expand = (build, args) => {
  const { variables, rest } = build.variables(args, 1);
  const kept = build.call("_+_", build.accumulator, build.listOf(args[0] as Expr));
  return build.fold(variables, emptyList(build), {
    step: build.call("_?_:_", rest[0] as Expr, kept, build.accumulator),
  });
};

const mapList = collect(emptyList, append);
const transformMap = collect(emptyMap, (build, [value], { first, firstAt }) =>
  build.call("cel.@mapInsert", build.accumulator, { kind: "ident", offset: firstAt, name: first }, value as Expr),
);
const transformMapEntry = collect(emptyMap, (build, [entry]) =>
  build.call("cel.@mapInsert", build.accumulator, entry as Expr),
);

/** `target.optMap(name, expression)`: what the expression gives for the value, where there is one. */
const optional =
  (wrap: (build: Builder, result: Expr) => Expr): Expand =>
  (build, [variable, result]) => {
    const name = nameOf(variable as Expr);
    const bound = build.bind(name, build.method("value", build.range), result as Expr);
    const none: Expr = {
      kind: "call",
      offset: build.offset,
      function: "none",
      target: { kind: "ident", offset: build.offset, name: "optional" },
      args: [],
    };
    return build.call("_?_:_", build.method("hasValue", build.range), wrap(build, bound), none);
  };

const optionalOf = (build: Builder, value: Expr): Expr => ({
  kind: "call",
  offset: build.offset,
  function: "of",
  target: { kind: "ident", offset: build.offset, name: "optional" },
  args: [value],
});

/** By name and then by the number of arguments. */
const macros: Readonly<Record<string, Readonly<Record<number, Expand>>>> = Object.assign(Object.create(null), {
  all: { 2: all, 3: all },
  exists: { 2: exists, 3: exists },
  exists_one: { 2: existsOne, 3: existsOne },
  existsOne: { 2: existsOne, 3: existsOne },
  filter: { 2: filter },
  map: { 2: expecting(1, mapList), 3: expecting(2, mapList) },
  transformList: { 3: expecting(1, mapList), 4: expecting(2, mapList) },
  transformMap: { 3: expecting(1, transformMap), 4: expecting(2, transformMap) },
  transformMapEntry: { 3: expecting(1, transformMapEntry), 4: expecting(2, transformMapEntry) },
  optMap: { 2: optional(optionalOf) },
  optFlatMap: { 2: optional((_, value) => value) },
});

/** How many of the arguments are expressions; the others are variables. */
function expecting(count: number, expand: Expand): Expand {
  return (build, args) => {
    build.expected = count;
    return expand(build, args);
  };
}

interface Variables {
  readonly first: string;
  readonly firstAt: number;
  readonly second?: string;
}

class Builder {
  readonly offset: number;
  readonly range: Expr;
  expected = 1;

  constructor(offset: number, range: Expr) {
    this.offset = offset;
    this.range = range;
  }

  get accumulator(): Expr {
    return { kind: "ident", offset: this.offset, name: accumulator };
  }

  literal(value: Value): Expr {
    return { kind: "literal", offset: this.offset, value };
  }

  call(name: string, ...args: Expr[]): Expr {
    return { kind: "call", offset: this.offset, function: name, args };
  }

  method(name: string, target: Expr): Expr {
    return { kind: "call", offset: this.offset, function: name, target, args: [] };
  }

  listOf(value: Expr): Expr {
    return { kind: "list", offset: this.offset, elements: [{ value, isOptional: false }] };
  }

  /** The names in front of the given number of expressions. */
  variables(args: readonly Expr[], expressions: number): { variables: Variables; rest: readonly Expr[] } {
    const names = args.slice(0, args.length - expressions);
    const [first, second] = names.map(nameOf);
    if (second !== undefined && first === second)
      throw new MacroError((names[1] as Expr).offset, `duplicate variable name: ${second}`);
    const variables: Variables = {
      first: first as string, // every macro has one
      firstAt: (names[0] as Expr).offset,
      ...(second !== undefined && { second }),
    };
    return { variables, rest: args.slice(names.length) };
  }

  /** A fold of nothing, whose accumulator is the name. */
  bind(name: string, value: Expr, result: Expr): Comprehension {
    return {
      kind: "comprehension",
      offset: this.offset,
      range: emptyList(this),
      variable: "#unused",
      accumulator: name,
      init: value,
      condition: this.literal(false),
      step: { kind: "ident", offset: this.offset, name },
      result,
    };
  }

  fold({ first, second }: Variables, init: Expr, loop: { condition?: Expr; step: Expr; result?: Expr }): Comprehension {
    return {
      kind: "comprehension",
      offset: this.offset,
      range: this.range,
      variable: first,
      ...(second !== undefined && { secondVariable: second }),
      accumulator,
      init,
      condition: loop.condition ?? this.literal(true),
      step: loop.step,
      result: loop.result ?? this.accumulator,
    };
  }
}

function nameOf(expr: Expr): string {
  if (expr.kind !== "ident" || expr.name.startsWith("."))
    throw new MacroError(expr.offset, "argument must be a simple name");
  return expr.name;
}
