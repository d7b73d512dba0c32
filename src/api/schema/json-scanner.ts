// A second, slow reading of JSON for what JSON.parse does not tell: which fields stand twice, and what is wrong with a
// text in the words of Go's encoding/json, which is how Kubernetes answers.

export class JsonSyntaxError extends Error {}

export interface ScanResult {
  /** Where a field stands a second time, as `spec.containers[0].name`; each place once. */
  readonly duplicates: readonly string[];
  /** These and the fields that were looked for, where each stands first, in the order of the text. */
  readonly found: readonly FoundField[];
}

interface FoundField {
  readonly field: string;
  readonly isDuplicate: boolean;
}

/** Duplicates that are reported; Kubernetes stops at as many strict errors. */
const duplicatesMax = 100;

/** Reads the whole text. Throws a JsonSyntaxError when it is no JSON. */
export function scanJson(text: string, wanted: ReadonlySet<string> = new Set()): ScanResult {
  return new Scanner(text, wanted).scan();
}

type Container =
  | { readonly type: "object"; readonly keys: Set<string>; key: string }
  | { readonly type: "array"; index: number };

class Scanner {
  readonly #text: string;
  #at = 0;
  readonly #stack: Container[] = [];
  readonly #duplicates = new Set<string>();
  readonly #wanted: Set<string>;
  readonly #found: FoundField[] = [];

  constructor(text: string, wanted: ReadonlySet<string>) {
    this.#text = text;
    this.#wanted = new Set(wanted);
  }

  scan(): ScanResult {
    this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#fail("after top-level value");
    return { duplicates: [...this.#duplicates], found: this.#found };
  }

  /** Reads one value; containers are kept on a stack of our own, so that depth costs no stack of the machine. */
  #value(): void {
    let open = this.#beginValue();
    while (this.#stack.length > 0) {
      // After an opening bracket comes an element; after an element, a comma or the end.
      const top = this.#stack.at(-1)!;
      this.#space();
      const close = top.type === "object" ? "}" : "]";
      const char = this.#text[this.#at];
      if (char === close) {
        this.#at++;
        this.#stack.pop();
        open = false;
        continue;
      }
      if (!open) {
        if (char !== ",") this.#fail(top.type === "object" ? "after object key:value pair" : "after array element");
        this.#at++;
        this.#space();
        if (top.type === "array") top.index++;
      }
      if (top.type === "object") this.#key(top);
      open = this.#beginValue();
    }
  }

  /** Reads a scalar whole, of a container only the bracket; true when a container was opened. */
  #beginValue(): boolean {
    this.#space();
    const char = this.#text[this.#at];
    if (char === "{" || char === "[") {
      this.#at++;
      this.#stack.push(char === "{" ? { type: "object", keys: new Set(), key: "" } : { type: "array", index: 0 });
      return true;
    }
    if (char === '"') this.#string();
    else if (char === "t") this.#literal("true");
    else if (char === "f") this.#literal("false");
    else if (char === "n") this.#literal("null");
    else if (char === "-" || isDigit(char)) this.#number();
    else this.#fail("looking for beginning of value");
    return false;
  }

  #key(object: Extract<Container, { type: "object" }>): void {
    if (this.#text[this.#at] !== '"') this.#fail("looking for beginning of object key string");
    const key = this.#string();
    this.#space();
    if (this.#text[this.#at] !== ":") this.#fail("after object key");
    this.#at++;
    object.key = key;
    if (object.keys.has(key) && this.#duplicates.size < duplicatesMax) this.#noteDuplicate(this.#path());
    else if (this.#wanted.size > 0) this.#noteWanted(this.#path());
    object.keys.add(key);
  }

  #noteDuplicate(field: string): void {
    if (!this.#duplicates.has(field)) this.#found.push({ field, isDuplicate: true });
    this.#duplicates.add(field);
  }

  #noteWanted(field: string): void {
    if (this.#wanted.delete(field)) this.#found.push({ field, isDuplicate: false });
  }

  #path(): string {
    let path = "";
    for (const each of this.#stack)
      if (each.type === "array") path += `[${each.index}]`;
      else path += path === "" ? each.key : `.${each.key}`;
    return path;
  }

  #string(): string {
    const start = this.#at++;
    for (;;) {
      const char = this.#text[this.#at];
      if (char === undefined) this.#fail("");
      if (char === '"') break;
      if (char < " ") this.#fail("in string literal");
      this.#at++;
      if (char === "\\") this.#escape();
    }
    this.#at++;
    return JSON.parse(this.#text.slice(start, this.#at));
  }

  #escape(): void {
    const char = this.#text[this.#at];
    if (char === undefined || !'"\\/bfnrtu'.includes(char)) this.#fail("in string escape code");
    this.#at++;
    if (char !== "u") return;
    for (let i = 0; i < 4; i++, this.#at++)
      if (!/[0-9a-fA-F]/.test(this.#text[this.#at] ?? "")) this.#fail("in \\u hexadecimal character escape");
  }

  #literal(word: string): void {
    for (const [index, expected] of [...word].entries()) {
      if (this.#text[this.#at] !== expected)
        this.#fail(index === 0 ? "looking for beginning of value" : `in literal ${word} (expecting '${expected}')`);
      this.#at++;
    }
  }

  #number(): void {
    if (this.#text[this.#at] === "-") {
      this.#at++;
      if (!isDigit(this.#text[this.#at])) this.#fail("in numeric literal");
    }
    if (this.#text[this.#at] === "0") this.#at++;
    else this.#digits("in numeric literal");
    if (this.#text[this.#at] === ".") {
      this.#at++;
      this.#digits("after decimal point in numeric literal");
    }
    if (this.#text[this.#at] === "e" || this.#text[this.#at] === "E") {
      this.#at++;
      if (this.#text[this.#at] === "+" || this.#text[this.#at] === "-") this.#at++;
      this.#digits("in exponent of numeric literal");
    }
  }

  #digits(context: string): void {
    if (!isDigit(this.#text[this.#at])) this.#fail(context);
    while (isDigit(this.#text[this.#at])) this.#at++;
  }

  #space(): void {
    while (" \t\r\n".includes(this.#text[this.#at] ?? "x")) this.#at++;
  }

  #fail(context: string): never {
    const char = this.#text[this.#at];
    if (char === undefined) throw new JsonSyntaxError("unexpected end of JSON input");
    throw new JsonSyntaxError(`invalid character ${quoteCharacter(char)} ${context}`);
  }
}

function isDigit(char: string | undefined): boolean {
  return char !== undefined && char >= "0" && char <= "9";
}

/** As Go's strconv.Quote, which has letters for some control characters only. */
function quoteCharacter(char: string): string {
  if (char === "'") return "'\\''";
  if (char === '"') return "'\"'";
  if (char === "\v") return "'\\v'";
  if (char === "\x07") return "'\\a'";
  const quoted = JSON.stringify(char).slice(1, -1);
  if (char === "\x7f" || quoted.startsWith("\\u00")) return `'\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}'`;
  return `'${quoted}'`;
}
