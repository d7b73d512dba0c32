import { type MatchCondition, requestVariableTypes } from "../../../api/index.ts";
import {
  boolType,
  type CelType,
  CompileError,
  compile,
  Environment,
  type EnvironmentOptions,
  type Program,
} from "../../../cel/index.ts";

/** An expression as it is used; one that does not compile fails whenever it is asked. */
export interface CompiledExpression {
  readonly text: string;
  readonly program?: Program;
  readonly error?: string;
}

/** What all match conditions of one webhook may cost together (PerCallLimit and RuntimeCELCostBudgetMatchConditions). */
const matchConditionsCostMax = 2_500_000;

const environment = new Environment({ variables: requestVariableTypes });

/** `result` is what the expression must give; anything when left out. */
export function compileExpression(
  text: string,
  within: Environment,
  ...results: readonly CelType[]
): CompiledExpression {
  try {
    const program = compile(text, within);
    if (results.length === 0 || program.resultType.kind === "dyn" || results.some((each) => program.gives(each)))
      return { text, program };
    return { text, error: `must evaluate to ${results[0]?.name}` };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { text, error: `compilation error: compilation failed: ${error.message}` };
  }
}

export function environmentWith(options: EnvironmentOptions): Environment {
  return new Environment({ ...options, variables: { ...requestVariableTypes, ...options.variables } });
}

export function compileMatchConditions(
  conditions: readonly MatchCondition[] = [],
  within: Environment = environment,
): readonly CompiledExpression[] {
  return conditions.map(({ expression }) => compileExpression(expression, within, boolType));
}

export type MatchResult = "matches" | "differs" | { readonly error: string };

/**
 * Whether all conditions hold. One that is false decides, whatever others say; otherwise errors are for the failure
 * policy.
 */
export async function matchConditions(
  conditions: readonly CompiledExpression[],
  bindings: Readonly<Record<string, unknown>>,
): Promise<MatchResult> {
  const errors: string[] = [];
  let left = matchConditionsCostMax;
  for (const condition of conditions) {
    const { value, error, cost } = await evaluateExpression(condition, bindings, left);
    left -= cost;
    if (error !== undefined) errors.push(error);
    else if (value !== true) return "differs";
  }
  if (errors.length === 0) return "matches";
  return { error: errors.length === 1 ? (errors[0] ?? "") : `[${errors.join(", ")}]` };
}

/** The value, or what went wrong in Kubernetes' words. */
export async function evaluateExpression(
  { text, program, error }: CompiledExpression,
  bindings: Readonly<Record<string, unknown>>,
  costMax: number,
): Promise<{ readonly value?: unknown; readonly error?: string; readonly cost: number }> {
  if (!program) return { error: error ?? "", cost: 0 };
  const result = await program.evaluateWaiting(bindings, costMax);
  if (!("error" in result)) return result;
  return { error: `expression '${text}' resulted in error: ${result.error.message}`, cost: result.cost };
}
