// Texts in an expression that can be judged before it runs: durations, timestamps and patterns.
import type { Checked } from "./checker.ts";
import type { Issue } from "./compile-error.ts";
import { pattern } from "./regular-expressions.ts";
import { childrenOf, type Expr } from "./syntax.ts";
import { parseDuration, parseTimestamp } from "./time.ts";
import { EvaluationError } from "./values.ts";

const readers: ReadonlyMap<string, (text: string) => unknown> = new Map<string, (text: string) => unknown>([
  ["duration", parseDuration],
  ["timestamp", parseTimestamp],
  ["matches", pattern],
]);

export function invalidLiterals({ expr }: Checked): Issue[] {
  const issues: Issue[] = [];
  const visited = new Set<Expr>();
  const visit = (each: Expr) => {
    if (visited.has(each)) return;
    visited.add(each);
    for (const child of childrenOf(each)) visit(child);
    const reader = each.kind === "call" ? readers.get(each.function) : undefined;
    const text = each.kind === "call" ? each.args.at(-1) : undefined;
    if (!reader || text?.kind !== "literal" || typeof text.value !== "string") return;
    try {
      reader(text.value);
    } catch (error) {
      if (!(error instanceof EvaluationError)) throw error;
      issues.push({ offset: text.offset, message: `invalid ${(each as { function: string }).function} argument` });
    }
  };
  visit(expr);
  return issues;
}
