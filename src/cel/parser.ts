// Expressions as trees.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
import { CompileError, type Issue } from "./compile-error.ts";
import { type Token, tokenize } from "./lexer.ts";
import { expandBind, expandMacro, MacroError } from "./macros.ts";
import type { Call, CreateList, CreateMap, CreateObject, Expr, Literal, ObjectField } from "./syntax.ts";

/** As cel-go bounds them. */
const depthMax = 250;
const codePointsMax = 100_000;

const reserved = new Set([
  ...["as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"],
  ...["namespace", "return", "var", "void", "while"],
]);

/** `bindsNames` is whether the text may use cel.bind(). Throws CompileError. */
export function parse(text: string, { bindsNames = false }: { readonly bindsNames?: boolean } = {}): Expr {
  const size = [...text].length;
  if (size > codePointsMax)
    throw new CompileError(text, [
      { offset: 0, message: `expression code point size exceeds limit: size: ${size}, limit ${codePointsMax}` },
    ]);
  return new Parser(text, bindsNames).parse();
}

const relations: Readonly<Record<string, string>> = {
  "<": "_<_",
  "<=": "_<=_",
  ">": "_>_",
  ">=": "_>=_",
  "==": "_==_",
  "!=": "_!=_",
  in: "@in",
};
const sums: Readonly<Record<string, string>> = { "+": "_+_", "-": "_-_" };
const products: Readonly<Record<string, string>> = { "*": "_*_", "/": "_/_", "%": "_%_" };
/** From the weakest to the strongest. */
const binaryOperators = [{ "||": "_||_" }, { "&&": "_&&_" }, relations, sums, products] as const;

class Parser {
  readonly #text: string;
  readonly #tokens: readonly Token[];
  readonly #bindsNames: boolean;
  readonly #issues: Issue[] = [];
  #at = 0;
  #depth = 0;

  constructor(text: string, bindsNames: boolean) {
    this.#text = text;
    this.#bindsNames = bindsNames;
    this.#tokens = tokenize(text);
  }

  parse(): Expr {
    const expr = this.#expression();
    if (this.#token.kind !== "end") throw this.#unexpected("<EOF>");
    if (this.#issues.length > 0) throw new CompileError(this.#text, this.#issues);
    return expr;
  }

  get #token(): Token {
    return this.#tokens[this.#at] as Token; // the last one is "end", which nobody passes
  }

  #next(): Token {
    const token = this.#token;
    if (token.kind !== "end") this.#at++;
    return token;
  }

  #is(operator: string): boolean {
    return this.#token.kind === "operator" && this.#token.text === operator;
  }

  #take(operator: string): Token | undefined {
    return this.#is(operator) ? this.#next() : undefined;
  }

  #expect(operator: string): Token {
    const token = this.#take(operator);
    if (!token) throw this.#unexpected(`'${operator}'`);
    return token;
  }

  #unexpected(expected: string): CompileError {
    const { text, offset } = this.#token;
    return this.#fail(offset, `Syntax error: mismatched input '${text}' expecting ${expected}`);
  }

  #fail(offset: number, message: string): CompileError {
    return new CompileError(this.#text, [...this.#issues, { offset, message }]);
  }

  #deeper<T>(parse: () => T): T {
    if (++this.#depth > depthMax) throw this.#fail(0, `expression recursion limit exceeded: ${depthMax}`);
    const result = parse();
    this.#depth--;
    return result;
  }

  #expression(): Expr {
    return this.#deeper(() => {
      const condition = this.#binary(0);
      const question = this.#take("?");
      if (!question) return condition;
      const yes = this.#binary(0);
      this.#expect(":");
      return call(question.offset, "_?_:_", [condition, yes, this.#expression()]);
    });
  }

  #binary(level: number): Expr {
    const operators: Readonly<Record<string, string>> | undefined = binaryOperators[level];
    if (!operators) return this.#unary();
    const terms = [this.#binary(level + 1)];
    const signs: { readonly name: string; readonly offset: number }[] = [];
    for (;;) {
      const { kind, text, offset } = this.#token;
      const name = kind === "operator" ? operators[text] : undefined;
      if (name === undefined) break;
      this.#next();
      signs.push({ name, offset });
      terms.push(this.#binary(level + 1));
    }
    // Long chains of && and || are common, and in which order they are taken makes no difference.
    if (level < 2) return balanced(terms, signs);
    this.#boundChain(signs.length);
    return terms.reduce((left, right, index) => {
      const sign = signs[index - 1] as { name: string; offset: number }; // there is one before every term but the first
      return call(sign.offset, sign.name, [left, right]);
    });
  }

  /** Chains nest to the left, and what walks trees does so by recursion. */
  #boundChain(length: number): void {
    if (length > depthMax) throw this.#fail(0, `expression recursion limit exceeded: ${depthMax}`);
  }

  #unary(): Expr {
    const { kind, text, offset } = this.#token;
    if (kind !== "operator" || (text !== "!" && text !== "-")) return this.#member();
    let count = 0;
    while (this.#take(text)) count++;
    const following = this.#token;
    // A minus before a number belongs to the number, as the smallest int needs it.
    if (text === "-" && following.kind === "literal" && typeof following.value === "bigint" && count === 1) {
      this.#next();
      return this.#members({ kind: "literal", offset, value: -following.value });
    }
    if (text === "-" && following.kind === "literal" && typeof following.value === "number" && count === 1) {
      this.#next();
      return this.#members({ kind: "literal", offset, value: -following.value });
    }
    const operand = this.#member();
    return count % 2 === 0 ? operand : call(offset, text === "!" ? "!_" : "-_", [operand]);
  }

  #member(): Expr {
    return this.#members(this.#primary());
  }

  #members(start: Expr): Expr {
    let operand = start;
    for (let length = 0; ; length++) {
      this.#boundChain(length);
      const dot = this.#take(".");
      if (dot) {
        operand = this.#selection(operand, dot);
        continue;
      }
      const bracket = this.#take("[");
      if (!bracket) return operand;
      const isOptional = this.#take("?") !== undefined;
      const index = this.#expression();
      this.#expect("]");
      operand = call(bracket.offset, isOptional ? "_[?_]" : "_[_]", [operand, index]);
    }
  }

  #selection(operand: Expr, dot: Token): Expr {
    const isOptional = this.#take("?") !== undefined;
    const name = this.#next();
    // A field may have the name of a reserved word, but not of a literal.
    if (name.kind !== "identifier") {
      this.#at--;
      throw this.#unexpected("IDENTIFIER");
    }
    if (isOptional)
      return call(dot.offset, "_?._", [operand, { kind: "literal", offset: name.offset, value: name.text }]);
    const open = this.#take("(");
    if (!open) return { kind: "select", offset: dot.offset, operand, field: name.text, isTest: false };
    return this.#call({
      kind: "call",
      offset: open.offset,
      function: name.text,
      target: operand,
      args: this.#arguments(),
    });
  }

  #arguments(): Expr[] {
    const args: Expr[] = [];
    if (this.#take(")")) return args;
    do args.push(this.#expression());
    while (this.#take(","));
    this.#expect(")");
    return args;
  }

  #call(written: Call): Expr {
    try {
      return (this.#bindsNames ? expandBind(written) : undefined) ?? expandMacro(written) ?? written;
    } catch (error) {
      if (!(error instanceof MacroError)) throw error;
      this.#issues.push({ offset: error.offset, message: error.message });
      return written;
    }
  }

  #primary(): Expr {
    const token = this.#token;
    if (token.kind === "literal") return this.#literal();
    if (this.#take("(")) {
      const inner = this.#expression();
      this.#expect(")");
      return inner;
    }
    if (this.#is("[")) return this.#list();
    if (this.#is("{")) return this.#map();
    const leadingDot = this.#take(".");
    const name = this.#token;
    if (name.kind !== "identifier")
      throw this.#unexpected(
        "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}",
      );
    this.#next();
    const path = `${leadingDot ? "." : ""}${name.text}`;
    const object = this.#object(path);
    if (object) return object;
    const open = this.#take("(");
    if (open) return this.#call({ kind: "call", offset: open.offset, function: path, args: this.#arguments() });
    if (reserved.has(name.text))
      this.#issues.push({ offset: name.offset, message: `reserved identifier: ${name.text}` });
    return { kind: "ident", offset: leadingDot?.offset ?? name.offset, name: path };
  }

  #literal(): Literal {
    const { value = null, offset } = this.#next();
    if (value === 2n ** 63n) throw this.#fail(offset, "invalid int literal");
    return { kind: "literal", offset, value };
  }

  #list(): CreateList {
    const open = this.#expect("[");
    const elements: { value: Expr; isOptional: boolean }[] = [];
    while (!this.#is("]")) {
      const isOptional = this.#take("?") !== undefined;
      elements.push({ value: this.#expression(), isOptional });
      if (!this.#take(",")) break;
    }
    this.#expect("]");
    return { kind: "list", offset: open.offset, elements };
  }

  #map(): CreateMap {
    const open = this.#expect("{");
    const entries: { key: Expr; value: Expr; isOptional: boolean }[] = [];
    while (!this.#is("}")) {
      const isOptional = this.#take("?") !== undefined;
      const key = this.#expression();
      this.#expect(":");
      entries.push({ key, value: this.#expression(), isOptional });
      if (!this.#take(",")) break;
    }
    this.#expect("}");
    return { kind: "map", offset: open.offset, entries };
  }

  /** `Some.Type{field: value}`: what it is shows only at the brace behind the dotted name. */
  #object(start: string): CreateObject | undefined {
    let end = this.#at;
    let typeName = start;
    while (this.#tokens[end]?.text === "." && this.#tokens[end + 1]?.kind === "identifier") {
      typeName += `.${this.#tokens[end + 1]?.text}`;
      end += 2;
    }
    const brace = this.#tokens[end];
    if (brace?.kind !== "operator" || brace.text !== "{") return undefined;
    this.#at = end + 1;
    const fields: ObjectField[] = [];
    while (!this.#is("}")) {
      const isOptional = this.#take("?") !== undefined;
      const name = this.#next();
      if (name.kind !== "identifier") {
        this.#at--;
        throw this.#unexpected("IDENTIFIER");
      }
      const colon = this.#expect(":");
      fields.push({ name: name.text, value: this.#expression(), isOptional, offset: colon.offset });
      if (!this.#take(",")) break;
    }
    this.#expect("}");
    return { kind: "object", offset: brace.offset, typeName, fields };
  }
}

function call(offset: number, name: string, args: readonly Expr[]): Call {
  return { kind: "call", offset, function: name, args };
}

function balanced(terms: readonly Expr[], signs: readonly { readonly name: string; readonly offset: number }[]): Expr {
  const middle = (terms.length - 1) >> 1;
  const sign = signs[middle];
  if (!sign) return terms[0] as Expr; // one term has no sign
  const left = balanced(terms.slice(0, middle + 1), signs.slice(0, middle));
  return call(sign.offset, sign.name, [left, balanced(terms.slice(middle + 1), signs.slice(middle + 1))]);
}
