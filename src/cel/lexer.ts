// The text of an expression as tokens.
// https://github.com/google/cel-spec/blob/master/doc/langdef.md#syntax
import { CompileError } from "./compile-error.ts";
import { Uint } from "./values.ts";

export interface Token {
  readonly kind: "identifier" | "operator" | "literal" | "end";
  /** The operator or identifier; for a literal as it is written. */
  readonly text: string;
  /** In code points. */
  readonly offset: number;
  readonly value?: Literal;
}

type Literal = null | boolean | bigint | number | string | Uint8Array | Uint;

const space = /(?:[\t\n\f\r ]|\/\/[^\n]*)+/y;
const identifier = /[A-Za-z_][A-Za-z0-9_]*/y;
const number = /(?:0x[0-9a-fA-F]+|\d+\.\d+(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+|\.\d+(?:[eE][+-]?\d+)?|\d+)/y;
const quoted =
  /([bBrR]{0,2})("""(?:[^\\]|\\[\s\S])*?"""|'''(?:[^\\]|\\[\s\S])*?'''|"(?:[^"\\\n\r]|\\[^\n\r])*"|'(?:[^'\\\n\r]|\\[^\n\r])*')/y;
const rawQuoted = /([bB]?[rR][bB]?)("""[\s\S]*?"""|'''[\s\S]*?'''|"[^"\n\r]*"|'[^'\n\r]*')/y;
const operator = /&&|\|\||==|!=|<=|>=|[-+*/%<>!?:.,()[\]{}]/y;
const words = new Map<string, Literal>([
  ["true", true],
  ["false", false],
  ["null", null],
]);

const maxInt = 2n ** 63n - 1n;
const maxUint = 2n ** 64n - 1n;

export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  let offset = 0;
  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at;
    return pattern.exec(text);
  };
  const push = (length: number, token: Omit<Token, "offset" | "text">) => {
    const taken = text.slice(at, at + length);
    tokens.push({ ...token, text: taken, offset });
    at += length;
    offset += [...taken].length;
  };
  while (at < text.length) {
    const blank = take(space);
    if (blank) {
      at += blank[0].length;
      offset += [...blank[0]].length;
      continue;
    }
    const fail = (message: string) => new CompileError(text, [{ offset, message }]);
    const string = take(rawQuoted) ?? take(quoted);
    if (string) {
      push(string[0].length, { kind: "literal", value: unquote(string, fail) });
      continue;
    }
    const digits = take(number);
    if (digits) {
      const isUint = /[uU]/.test(text[at + digits[0].length] ?? "") && /^(0x[0-9a-fA-F]+|\d+)$/.test(digits[0]);
      push(digits[0].length + (isUint ? 1 : 0), { kind: "literal", value: readNumber(digits[0], isUint, fail) });
      continue;
    }
    const word = take(identifier);
    if (word) {
      const value = words.get(word[0]);
      if (value !== undefined) push(word[0].length, { kind: "literal", value });
      else push(word[0].length, { kind: word[0] === "in" ? "operator" : "identifier" });
      continue;
    }
    const sign = take(operator);
    if (!sign)
      throw fail(`Syntax error: token recognition error at: '${String.fromCodePoint(text.codePointAt(at) ?? 0)}'`);
    push(sign[0].length, { kind: "operator" });
  }
  tokens.push({ kind: "end", text: "<EOF>", offset });
  return tokens;
}

type Fail = (message: string) => CompileError;

function readNumber(text: string, isUint: boolean, fail: Fail): Literal {
  const isHex = text.startsWith("0x");
  if (!isHex && /[.eE]/.test(text)) {
    const value = Number(text);
    if (!Number.isFinite(value)) throw fail("invalid double literal");
    return value;
  }
  const value = BigInt(text);
  if (isUint && value > maxUint) throw fail("invalid uint literal");
  // The smallest int has no positive counterpart; the parser refuses this one without a minus.
  if (!isUint && value > maxInt + 1n) throw fail("invalid int literal");
  return isUint ? new Uint(value) : value;
}

function unquote([, prefix = "", body = ""]: RegExpExecArray, fail: Fail): string | Uint8Array {
  const isBytes = /b/i.test(prefix);
  const isRaw = /r/i.test(prefix);
  const quote = body.startsWith('"""') || body.startsWith("'''") ? 3 : 1;
  // Line ends of all systems are one.
  const content = body.slice(quote, -quote).replace(/\r\n?/g, "\n");
  if (!isBytes) return isRaw ? content : unescapeText(content, fail);
  return isRaw ? new TextEncoder().encode(content) : unescapeBytes(content, fail);
}

const escapes =
  /\\(?:([abfnrtv\\'"`?])|x([0-9a-fA-F]{2})|X([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-3][0-7]{2})|([\s\S]?))/g;
const simpleEscapes: Readonly<Record<string, string>> = {
  a: "\x07",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  v: "\v",
};

function unescapeText(content: string, fail: Fail): string {
  return content.replace(escapes, (_, simple, hex, hexUpper, short, long, octal) => {
    if (simple !== undefined) return simpleEscapes[simple] ?? simple;
    const digits = hex ?? hexUpper ?? short ?? long;
    const code = digits === undefined ? Number.parseInt(octal ?? "", 8) : Number.parseInt(digits, 16);
    if (Number.isNaN(code)) throw fail("Syntax error: unable to unescape string");
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) throw fail("invalid unicode code point");
    return String.fromCodePoint(code);
  });
}

/** In bytes, `\x` and octal escapes stand for bytes, not for code points. */
function unescapeBytes(content: string, fail: Fail): Uint8Array {
  const bytes: number[] = [];
  const encoder = new TextEncoder();
  const add = (text: string) => {
    for (const byte of encoder.encode(text)) bytes.push(byte);
  };
  let at = 0;
  for (const match of content.matchAll(escapes)) {
    add(content.slice(at, match.index));
    at = match.index + match[0].length;
    const [, simple, hex, hexUpper, short, long, octal] = match;
    if (simple !== undefined) add(simpleEscapes[simple] ?? simple);
    else if (hex ?? hexUpper)
      bytes.push(Number.parseInt((hex ?? hexUpper) as string, 16)); // one of them is there
    else if (octal !== undefined) bytes.push(Number.parseInt(octal, 8));
    else throw fail((short ?? long) ? "unicode escapes are not allowed in bytes" : "unable to unescape bytes");
  }
  add(content.slice(at));
  return Uint8Array.from(bytes);
}
