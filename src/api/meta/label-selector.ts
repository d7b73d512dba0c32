// Label selectors: the text form of query parameters (k8s.io/apimachinery/pkg/labels) and the LabelSelector of specs.
import { append } from "../../lib/index.ts";
import type { LabelSelector } from "../types.generated.ts";
import { badRequest, type FieldError, fieldErrorBody } from "./api-error.ts";
import { forbiddenField, invalidValue, type Path, required, rootPath } from "./field-error.ts";
import { isLabelValue, isQualifiedName } from "./names.ts";

export type Labels = Readonly<Record<string, string>>;

export type LabelOperator = "in" | "notin" | "=" | "==" | "!=" | "exists" | "!" | "gt" | "lt";

/** One condition of a selector; a selector is the conjunction of its requirements. */
export interface LabelRequirement {
  readonly key: string;
  readonly operator: LabelOperator;
  /** Sorted, each once. */
  readonly values: readonly string[];
}

/** Requirements that a text selector may have; each object of a list is matched against all of them. */
const requirementsMax = 1000;

interface Token {
  readonly type: "identifier" | "symbol" | "end";
  readonly text: string;
}

/**
 * Reads the text form, as in `app=web,tier in (a,b),!canary`; the empty text selects everything.
 * Throws a 400 with the words of Kubernetes' parser.
 */
export function parseLabelSelector(text: string): LabelRequirement[] {
  const parser = new SelectorParser(tokensOf(text));
  const requirements = parser.parse();
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Looked for at one place: a text of other white space would be searched to its end from each of its characters. */
const identifier = /[^=!(),><\s]+/y;
const symbols = ["==", "!=", "=", "!", "(", ")", ",", ">", "<"];

function tokensOf(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at]!;
    if (/[ \t\r\n]/.test(char)) at++;
    else {
      const symbol = symbols.find((each) => text.startsWith(each, at));
      identifier.lastIndex = at;
      if (symbol) tokens.push({ type: "symbol", text: symbol });
      else tokens.push({ type: "identifier", text: identifier.exec(text)?.[0] ?? char });
      at += tokens.at(-1)!.text.length;
    }
  }
  tokens.push({ type: "end", text: "" });
  return tokens;
}

const binaryOperators: Readonly<Record<string, LabelOperator>> = {
  in: "in",
  notin: "notin",
  "=": "=",
  "==": "==",
  "!=": "!=",
  ">": "gt",
  "<": "lt",
};

class SelectorParser {
  readonly #tokens: readonly Token[];
  #at = 0;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  parse(): LabelRequirement[] {
    const requirements: LabelRequirement[] = [];
    for (;;) {
      const next = this.#peek();
      if (next.type === "end") return requirements;
      if (!startsRequirement(next))
        throw badRequest(`found '${next.text}', expected: !, identifier, or 'end of string'`);
      requirements.push(this.#requirement());
      if (requirements.length > requirementsMax)
        throw badRequest(`unable to parse requirement: more than ${requirementsMax} requirements`);
      const after = this.#take();
      if (after.type === "end") return requirements;
      if (after.text !== ",") throw badRequest(`found '${after.text}', expected: ',' or 'end of string'`);
      const following = this.#peek();
      if (!startsRequirement(following)) throw badRequest(`found '${following.text}', expected: identifier after ','`);
    }
  }

  #peek(): Token {
    return this.#tokens[this.#at] ?? endToken;
  }

  #take(): Token {
    const token = this.#peek();
    this.#at++;
    return token;
  }

  #requirement(): LabelRequirement {
    let first = this.#take();
    const negated = first.text === "!" && first.type === "symbol";
    if (negated) first = this.#take();
    if (first.type !== "identifier") throw unparsed(`found '${first.text}', expected: identifier`);
    const key = first.text;
    const wrongKey = isQualifiedName(key);
    // The parser of Kubernetes has no path here, and prints that.
    if (wrongKey.length > 0) throw unparsed(`<nil>: Invalid value: ${JSON.stringify(key)}: ${wrongKey.join("; ")}`);
    if (negated) return { key, operator: "!", values: [] };
    const next = this.#peek();
    if (next.type === "end" || next.text === ",") return { key, operator: "exists", values: [] };
    const operator = Object.hasOwn(binaryOperators, next.text) ? binaryOperators[next.text] : undefined;
    this.#at++;
    if (!operator) throw unparsed(`found '${next.text}', expected: in, notin, =, ==, !=, gt, lt`);
    const values = operator === "in" || operator === "notin" ? this.#list() : [this.#exactValue()];
    const requirement = { key, operator, values: [...new Set(values)].sort() };
    const errors = validateRequirement(requirement, rootPath);
    if (errors.length > 0) throw unparsed(aggregate(errors));
    return requirement;
  }

  #exactValue(): string {
    const next = this.#peek();
    if (next.type === "end" || next.text === ",") return "";
    this.#at++;
    if (next.type !== "identifier") throw unparsed(`found '${next.text}', expected: identifier`);
    return next.text;
  }

  /** `(a, b)`; a missing value between commas or parentheses is the empty one. */
  #list(): string[] {
    const open = this.#take();
    if (open.text !== "(") throw unparsed(`found '${open.text}' expected: '('`);
    const values: string[] = [];
    let missing = true;
    for (;;) {
      const token = this.#take();
      if (token.type === "identifier" && missing) {
        values.push(token.text);
        missing = false;
      } else if (token.text === "," || token.text === ")") {
        if (missing) values.push("");
        if (token.text === ")") return values;
        missing = true;
      } else throw unparsed(`found '${token.text}', expected: ${missing ? "',', or identifier" : "',' or ')'"}`);
    }
  }
}

const endToken: Token = { type: "end", text: "" };

function startsRequirement(token: Token): boolean {
  return token.type === "identifier" || (token.type === "symbol" && token.text === "!");
}

function unparsed(message: string): Error {
  return badRequest(`unable to parse requirement: ${message}`);
}

function aggregate(errors: readonly FieldError[]): string {
  const texts = errors.map((each) => `${each.field}: ${fieldErrorBody(each)}`);
  return texts.length === 1 ? texts[0]! : `[${texts.join(", ")}]`;
}

function validateRequirement({ key, operator, values }: LabelRequirement, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const list = at.child("values");
  if (operator === "gt" || operator === "lt")
    for (const [index, value] of values.entries())
      if (!isInteger(value))
        errors.push(invalidValue(list.index(index), value, "for 'Gt', 'Lt' operators, the value must be an integer"));
  for (const [index, value] of values.entries()) {
    const messages = isLabelValue(value);
    if (messages.length > 0) errors.push(invalidValue(list.index(index).key(key), value, messages.join("; ")));
  }
  return errors;
}

function isInteger(text: string): boolean {
  return /^[+-]?[0-9]{1,19}$/.test(text);
}

/** Whether labels meet every requirement. */
export function matchesLabels(requirements: readonly LabelRequirement[], labels: Labels | undefined): boolean {
  for (const requirement of requirements) if (!meets(requirement, labels)) return false;
  return true;
}

function meets({ key, operator, values }: LabelRequirement, labels: Labels | undefined): boolean {
  const value = labels && Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "in":
    case "=":
    case "==":
      return value !== undefined && values.includes(value);
    case "notin":
    case "!=":
      return value === undefined || !values.includes(value);
    case "exists":
      return value !== undefined;
    case "!":
      return value === undefined;
    case "gt":
    case "lt": {
      if (value === undefined || !isInteger(value) || !isInteger(values[0] ?? "")) return false;
      const difference = BigInt(value) - BigInt(values[0]!);
      return operator === "gt" ? difference > 0n : difference < 0n;
    }
  }
}

/** The text form of requirements, in their order. */
export function formatLabelRequirements(requirements: readonly LabelRequirement[]): string {
  return requirements.map(formatRequirement).join(",");
}

function formatRequirement({ key, operator, values }: LabelRequirement): string {
  switch (operator) {
    case "exists":
      return key;
    case "!":
      return `!${key}`;
    case "in":
    case "notin":
      return `${key} ${operator} (${values.join(",")})`;
    case "gt":
      return `${key}>${values[0]}`;
    case "lt":
      return `${key}<${values[0]}`;
    default:
      return `${key}${operator}${values[0]}`;
  }
}

const specOperators: Readonly<Record<string, LabelOperator>> = {
  In: "in",
  NotIn: "notin",
  Exists: "exists",
  DoesNotExist: "!",
  // Node selectors have these two as well.
  Gt: "gt",
  Lt: "lt",
};

/** The requirements of a LabelSelector, sorted by key; undefined where it selects nothing because it is absent. */
export function labelSelectorRequirements(selector: LabelSelector | undefined): LabelRequirement[] | undefined {
  if (!selector) return undefined;
  const requirements: LabelRequirement[] = [];
  for (const [key, value] of Object.entries(selector.matchLabels ?? {}))
    requirements.push({ key, operator: "=", values: [value] });
  for (const { key, operator, values } of selector.matchExpressions ?? []) {
    const found = Object.hasOwn(specOperators, operator) ? specOperators[operator] : undefined;
    if (!found) throw new Error(`${JSON.stringify(operator)} is not a valid label selector operator`);
    requirements.push({ key, operator: found, values: [...new Set(values ?? [])].sort() });
  }
  return requirements.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** Whether a LabelSelector selects the labels: an absent one selects nothing, an empty one everything. */
export function matchesLabelSelector(selector: LabelSelector | undefined, labels: Labels | undefined): boolean {
  if (!selector) return false;
  const { matchLabels, matchExpressions } = selector;
  if (matchLabels && !containsLabels(labels, matchLabels)) return false;
  for (const { key, operator, values } of matchExpressions ?? []) {
    const found = Object.hasOwn(specOperators, operator) ? specOperators[operator] : undefined;
    if (!found || !meets({ key, operator: found, values: values ?? [] }, labels)) return false;
  }
  return true;
}

/** Whether labels have every pair of `wanted`; the selector form of Services and node selectors. */
export function containsLabels(labels: Labels | undefined, wanted: Labels): boolean {
  for (const key of Object.keys(wanted))
    if (!labels || !Object.hasOwn(labels, key) || labels[key] !== wanted[key]) return false;
  return true;
}

/** The text form of a LabelSelector, as the scale subresource and list requests carry it. */
export function formatLabelSelector(selector: LabelSelector | undefined): string {
  return formatLabelRequirements(labelSelectorRequirements(selector) ?? []);
}

export function isEmptyLabelSelector(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}

// Validation as in k8s.io/apimachinery/pkg/apis/meta/v1/validation.

export function validateLabelName(at: Path, name: string): FieldError[] {
  return isQualifiedName(name).map((message) => invalidValue(at, name, message));
}

export function validateLabels(at: Path, labels: Labels | undefined): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels ?? {})) {
    append(errors, validateLabelName(at, key));
    for (const message of isLabelValue(value)) errors.push(invalidValue(at, value, message));
  }
  return errors;
}

export function validateLabelSelector(at: Path, selector: LabelSelector | undefined): FieldError[] {
  const errors = validateLabels(at.child("matchLabels"), selector?.matchLabels);
  for (const [index, { key = "", operator = "", values = [] }] of (selector?.matchExpressions ?? []).entries()) {
    const place = at.child("matchExpressions").index(index);
    if (operator === "In" || operator === "NotIn") {
      if (values.length === 0)
        errors.push(required(place.child("values"), "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === "Exists" || operator === "DoesNotExist") {
      if (values.length > 0)
        errors.push(
          forbiddenField(place.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
        );
    } else errors.push(invalidValue(place.child("operator"), operator, "not a valid selector operator"));
    append(errors, validateLabelName(place.child("key"), key));
    for (const [valueIndex, value] of values.entries())
      for (const message of isLabelValue(value))
        errors.push(invalidValue(place.child("values").index(valueIndex), value, message));
  }
  return errors;
}
