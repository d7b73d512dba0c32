// What is wrong with an expression, and where.
import { utf8Length } from "../lib/index.ts";

/** One thing that is wrong with an expression. */
export interface Issue {
  /** In code points from the start of the text. */
  readonly offset: number;
  readonly message: string;
}

/** How many of them are told, and the longest line that is shown with them; as cel-go. */
const toldMax = 100;
const snippetMax = 16_384;

/** Why an expression does not compile. Its message has the form that Kubernetes' own compiler gives. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly issues: readonly Issue[];

  constructor(text: string, issues: readonly Issue[]) {
    const sorted = issues.toSorted((left, right) => left.offset - right.offset);
    const lines = sorted.slice(0, toldMax).map((issue) => formatIssue(text, issue));
    if (sorted.length > toldMax) lines.push(`${sorted.length - toldMax} more errors were truncated`);
    super(lines.join("\n"));
    this.issues = sorted;
  }
}

/** The line with the error, and below it a caret under the place. */
function formatIssue(text: string, { offset, message }: Issue): string {
  const before = [...text].slice(0, offset).join("");
  const line = before.split("\n").length;
  const lineStart = before.lastIndexOf("\n") + 1;
  const column = [...before.slice(lineStart)].length;
  const snippet = text.split("\n")[line - 1] ?? "";
  const head = `ERROR: <input>:${line}:${column + 1}: ${message}`;
  if (utf8Length(snippet) > snippetMax) return head;
  return `${head}\n | ${snippet.replaceAll("\t", " ")}\n | ${".".repeat(column)}^`;
}
