// The messages that rules compute for what they refuse.
import { utf8Length } from "../lib/index.ts";
import type { Program } from "./program.ts";

/** As Kubernetes bounds the messages of admission policies. */
const messageBytesMax = 5 * 1024;

export interface Message {
  /** undefined where the expression gave none that can be shown; the rule's fixed message is used then. */
  readonly message: string | undefined;
  readonly cost: number;
}

/**
 * Evaluates a messageExpression. An error, an empty text, one of several lines and one that is too long are no message:
 * what is refused stays refused.
 */
export function evaluateMessage(
  program: Program,
  bindings: Readonly<Record<string, unknown>>,
  costLimit?: number,
): Message {
  const result = program.evaluate(bindings, costLimit);
  if ("error" in result || typeof result.value !== "string") return { message: undefined, cost: result.cost };
  const message = result.value.trim();
  const isShown = message !== "" && !/[\n\r]/.test(message) && utf8Length(message) <= messageBytesMax;
  return { message: isShown ? message : undefined, cost: result.cost };
}
