// Regular expressions as RE2 has them: their time grows with the text, whatever the pattern.
// JavaScript's own take exponential time for some, and whoever writes an expression or a value could stop the server.
import { RE2JS } from "re2js";
import { EvaluationError } from "./values.ts";

/** Compiled patterns, oldest first; an expression mostly has its patterns written in it. */
const compiled = new Map<string, RE2JS>();
const compiledMax = 500;
/** Longer than anybody writes; compiling takes time and memory with the length. */
const lengthMax = 20_000;

/** Throws EvaluationError for what is no pattern. */
export function pattern(source: string): RE2JS {
  const known = compiled.get(source);
  if (known) return known;
  const fresh = compilePattern(source);
  if (compiled.size >= compiledMax) compiled.delete(compiled.keys().next().value as string); // not empty
  compiled.set(source, fresh);
  return fresh;
}

function compilePattern(source: string): RE2JS {
  if (source.length > lengthMax) throw new EvaluationError(`a pattern of ${source.length} characters is too long`);
  try {
    return RE2JS.compile(source);
  } catch (cause) {
    // It throws for nothing but the syntax of the pattern.
    throw new EvaluationError((cause as Error).message, { cause });
  }
}

/** Whether the pattern is found anywhere in the text. */
export function matches(text: string, source: string): boolean {
  return pattern(source).test(text);
}

/** What the pattern finds, from left to right, at most so many. */
export function findAll(text: string, source: string, countMax: number): string[] {
  const found: string[] = [];
  const matcher = pattern(source).matcher(text);
  while (found.length < countMax && matcher.find()) found.push(matcher.group() ?? "");
  return found;
}
