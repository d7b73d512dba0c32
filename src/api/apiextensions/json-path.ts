// Paths into objects, as printer columns name them: https://kubernetes.io/docs/reference/kubectl/jsonpath/ without
// `range` and `end`, which make templates of them.
import { deepEqual, type Int64 } from "../../lib/index.ts";
import { isObject } from "../schema/json-value.ts";

/** What a path leads to, in order; nothing where the object has no such field. */
export type JsonPath = (object: unknown) => readonly unknown[];

type Step = (value: unknown) => readonly unknown[];

/** Reads `.spec.list[?(@.name=="a")].value`; throws an Error that says what is wrong with it. */
export function parseJsonPath(text: string): JsonPath {
  const parser = new Parser(text);
  const path = parser.path();
  parser.expectEnd();
  return path;
}

const nameCharacters = /(?:\\.|[^.[\]\\\s()=<>!{},|])+/y;
const spaces = /\s*/y;
const quoted = /'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/y;
const integer = /-?\d+/y;
const numeral = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const word = /true|false|null/y;
const comparison = /==|!=|<=|>=|<|>/y;

class Parser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  expectEnd(): void {
    this.#take(spaces);
    if (this.#at < this.#text.length) throw this.#unexpected();
  }

  path(): JsonPath {
    if (this.#next("$") || this.#next("@")) this.#at++;
    const steps: Step[] = [];
    for (let step = this.#step(); step; step = this.#step()) steps.push(step);
    return (object) => steps.reduce<readonly unknown[]>(follow, [object]);
  }

  #step(): Step | undefined {
    if (this.#skip("..")) {
      const name = this.#take(nameCharacters)?.[0];
      if (name === undefined) throw this.#unexpected();
      const step = name === "*" ? children : field(unescaped(name));
      return (value) => withDescendants(value).flatMap(step);
    }
    if (this.#skip(".")) {
      if (this.#next("[")) return this.#brackets();
      const name = this.#take(nameCharacters)?.[0];
      // A lone point means the object itself.
      if (name === undefined) return (value) => [value];
      return name === "*" ? children : field(unescaped(name));
    }
    return this.#next("[") ? this.#brackets() : undefined;
  }

  #brackets(): Step {
    this.#at++;
    if (this.#skip("?(")) {
      const test = this.#filter();
      if (!this.#skip(")")) throw this.#unexpected();
      this.#close();
      return (value) => children(value).filter(test);
    }
    const parts: Step[] = [];
    do parts.push(this.#part());
    while (this.#skip(","));
    this.#close();
    return (value) => parts.flatMap((part) => part(value));
  }

  #close(): void {
    this.#take(spaces);
    if (!this.#skip("]")) throw this.#unexpected();
  }

  #part(): Step {
    this.#take(spaces);
    if (this.#skip("*")) return children;
    const name = this.#quoted();
    if (name !== undefined) return field(name);
    const from = this.#integer();
    if (!this.#skip(":")) {
      if (from === undefined) throw this.#unexpected();
      return (value) => (Array.isArray(value) ? value.slice(from).slice(0, from === -1 ? undefined : 1) : []);
    }
    const to = this.#integer();
    const by = this.#skip(":") ? (this.#integer() ?? 1) : 1;
    if (by <= 0) throw new Error("step must be > 0");
    return (value) => (Array.isArray(value) ? value.slice(from, to).filter((_each, index) => index % by === 0) : []);
  }

  #filter(): (item: unknown) => boolean {
    const left = this.#operand();
    this.#take(spaces);
    const operator = this.#take(comparison)?.[0];
    if (operator === undefined) return (item) => left(item).length > 0;
    const right = this.#operand();
    return (item) => {
      const [a] = left(item);
      const [b] = right(item);
      return a !== undefined && b !== undefined && compares(a, b, operator);
    };
  }

  #operand(): JsonPath {
    this.#take(spaces);
    if (this.#next("@") || this.#next("$") || this.#next(".")) return this.path();
    const text = this.#quoted();
    if (text !== undefined) return () => [text];
    const literal = this.#take(numeral)?.[0] ?? this.#take(word)?.[0];
    if (literal === undefined) throw this.#unexpected();
    const value: unknown = JSON.parse(literal);
    return () => [value];
  }

  #quoted(): string | undefined {
    const match = this.#take(quoted);
    return match && unescaped(match[1] ?? match[2] ?? "");
  }

  #integer(): number | undefined {
    const match = this.#take(integer);
    return match && Number(match[0]);
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text) ?? undefined;
    if (match) this.#at = pattern.lastIndex;
    return match;
  }

  #next(text: string): boolean {
    return this.#text.startsWith(text, this.#at);
  }

  #skip(text: string): boolean {
    const isNext = this.#next(text);
    if (isNext) this.#at += text.length;
    return isNext;
  }

  #unexpected(): Error {
    const rest = this.#text.slice(this.#at);
    return new Error(rest === "" ? "unterminated path" : `unrecognized ${JSON.stringify(rest)} in path`);
  }
}

/** More results than this, and more of what is below a value, are not looked at: nobody can show them in a cell. */
const resultsMax = 1_000;
const descendantsMax = 10_000;

function follow(found: readonly unknown[], step: Step): readonly unknown[] {
  const results: unknown[] = [];
  for (const each of found)
    for (const result of step(each)) {
      if (results.length === resultsMax) return results;
      results.push(result);
    }
  return results;
}

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, "$1");
}

function field(name: string): Step {
  return (value) => (isObject(value) && Object.hasOwn(value, name) ? [value[name]] : []);
}

const children: Step = (value) => (Array.isArray(value) ? value : isObject(value) ? Object.values(value) : []);

/** The value and all below it, each before what is in it. */
function withDescendants(value: unknown): unknown[] {
  const found: unknown[] = [];
  const waiting = [value];
  while (waiting.length > 0 && found.length < descendantsMax) {
    const next = waiting.pop();
    found.push(next);
    const below = children(next);
    for (let at = below.length - 1; at >= 0; at--) waiting.push(below[at]);
  }
  return found;
}

function isNumber(value: unknown): value is Int64 {
  return typeof value === "number" || typeof value === "bigint";
}

function compares(a: unknown, b: unknown, operator: string): boolean {
  if (operator === "==") return deepEqual(a, b);
  if (operator === "!=") return !deepEqual(a, b);
  const isOrdered = (isNumber(a) && isNumber(b)) || (typeof a === "string" && typeof b === "string");
  if (!isOrdered) return false;
  switch (operator) {
    case "<":
      return a < b;
    case "<=":
      return a <= b;
    case ">":
      return a > b;
    default:
      return a >= b;
  }
}
