// What is wrong with an expression, and where.

/** One thing that is wrong with an expression. */
export interface Issue {
  /** In code points from the start of the text. */
  readonly offset: number;
  readonly message: string;
}

/** Why an expression does not compile. Its message has the form that Kubernetes' own compiler gives. */
export class CompileError extends Error {
  override readonly name = "CompileError";
  readonly issues: readonly Issue[];

  constructor(text: string, issues: readonly Issue[]) {
    const sorted = issues.toSorted((left, right) => left.offset - right.offset);
    super(sorted.map((issue) => formatIssue(text, issue)).join("\n"));
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
  return `${head}\n | ${snippet.replaceAll("\t", " ")}\n | ${".".repeat(column)}^`;
}
