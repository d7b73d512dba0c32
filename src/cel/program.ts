// Texts of expressions as programs.
import { type Checked, check } from "./checker.ts";
import { CompileError } from "./compile-error.ts";
import { estimateCost } from "./cost-estimate.ts";
import type { Environment } from "./environment.ts";
import { plan, Run, type Step } from "./evaluator.ts";
import { invalidLiterals } from "./literal-rules.ts";
import { parse } from "./parser.ts";
import { PendingError } from "./pending.ts";
import { type CelType, sameType } from "./types.ts";
import { boundParts, EvaluationError, type Value } from "./values.ts";

/** What Kubernetes lets one evaluation cost; some tenth of a second. */
export const costLimitPerCall = 1_000_000;

/** Some tenth of a second, too. */
const partsMax = 2_000_000;

export interface Evaluation {
  readonly value: Value;
  /** In cel-go's units. */
  readonly cost: number;
}

export interface EvaluationFailure {
  readonly error: EvaluationError;
  readonly cost: number;
}

/** An expression that can be evaluated; compiled once, used for every request. */
export class Program {
  readonly text: string;
  /** What the expression gives, as far as it is known; dyn where it shows only when it runs. */
  readonly resultType: CelType;
  readonly #checked: Checked;
  readonly #step: Step;

  constructor(text: string, checked: Checked) {
    this.text = text;
    this.resultType = checked.typeOf(checked.expr);
    this.#checked = checked;
    this.#step = plan(checked);
  }

  /**
   * The bindings are JSON, or values of this folder; those that the expression does not look at cost nothing.
   * Fails when the expression does, or costs more than the limit. Throws PendingError where a binding must be waited for.
   */
  evaluate(
    bindings: Readonly<Record<string, unknown>>,
    costLimit: number = costLimitPerCall,
  ): Evaluation | EvaluationFailure {
    const run = new Run(bindings, costLimit);
    boundParts(partsMax);
    try {
      return { value: this.#step(run), cost: run.cost };
    } catch (error) {
      if (error instanceof EvaluationError) return { error, cost: run.cost };
      // Values can be nested deeper than the stack reaches; nothing else in an evaluation throws this.
      if (error instanceof RangeError)
        return { error: new EvaluationError("the values are too large", { cause: error }), cost: run.cost };
      throw error;
    }
  }

  /** As evaluate, where bindings ask what must be waited for, as an authorizer does. */
  async evaluateWaiting(
    bindings: Readonly<Record<string, unknown>>,
    costLimit: number = costLimitPerCall,
  ): Promise<Evaluation | EvaluationFailure> {
    // Each round finds one more answer there, and what a question costs lets an expression have two.
    for (;;) {
      try {
        return this.evaluate(bindings, costLimit);
      } catch (error) {
        if (!(error instanceof PendingError)) throw error;
        await error.answer;
      }
    }
  }

  /** Whether what it gives is certainly of the type. */
  gives(type: CelType): boolean {
    return sameType(this.resultType, type);
  }

  /** Whether the expression looks at a variable: one that looks at `oldSelf` is a transition rule. */
  uses(variable: string): boolean {
    return this.#checked.variables.has(variable);
  }

  /** The most that an evaluation can cost with values as large as their types allow. */
  get maxCost(): number {
    return estimateCost(this.#checked).max;
  }
}

/** Throws CompileError, which says what is wrong and where. */
export function compile(text: string, environment: Environment): Program {
  const expr = parse(text, environment);
  const checked = check(expr, environment.declarations);
  if (!("expr" in checked)) throw new CompileError(text, checked);
  const wrong = invalidLiterals(checked);
  if (wrong.length > 0) throw new CompileError(text, wrong);
  return new Program(text, checked);
}
