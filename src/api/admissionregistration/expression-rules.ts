// Expressions are compiled when they are written, so that nobody learns of a wrong one by requests that fail:
// validateCELCondition of k8s.io/kubernetes/pkg/apis/admissionregistration/validation.
import { type CelType, CompileError, compile, dynType, Environment, formatType, nullType } from "../../cel/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { requestVariableTypes } from "./expression-variables.ts";

/** What expressions may look at beside the request, by name. */
export type Declared = Readonly<Record<string, CelType>>;

const { authorizer: _, "authorizer.requestResource": __, ...withoutAuthorizer } = requestVariableTypes;

export interface ExpressionOptions {
  readonly makesPatches?: boolean;
  /** Messages may not ask what the user may do. */
  readonly authorizes?: boolean;
}

export function requestEnvironment(
  declared: Declared = {},
  { makesPatches = false, authorizes = true }: ExpressionOptions = {},
): Environment {
  return new Environment({
    variables: { ...(authorizes ? requestVariableTypes : withoutAuthorizer), ...declared },
    makesPatches,
  });
}

export interface CheckedExpression {
  readonly errors: FieldError[];
  /** What the expression gives; nothing is known of that of a wrong one. */
  readonly type: CelType;
}

/** What is wrong with an expression that has to give one of these, or anything; empty ones are for others to refuse. */
export function checkExpression(
  at: Path,
  expression: string,
  environment: Environment,
  ...results: readonly CelType[]
): CheckedExpression {
  if (expression.trim() === "") return { errors: [], type: dynType };
  try {
    const program = compile(expression, environment);
    const type = program.resultType;
    if (results.length === 0 || results.some((each) => program.gives(each))) return { errors: [], type };
    const names = results.map(typeText).join(" ");
    const rule = results.length === 1 ? `must evaluate to ${names}` : `must evaluate to one of [${names}]`;
    return { errors: [invalidValue(at, expression, rule)], type };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { errors: [invalidValue(at, expression, `compilation failed: ${error.message}`)], type: dynType };
  }
}

/** As Go's library names types here: that of null otherwise than where it speaks of arguments. */
function typeText(type: CelType): string {
  return type === nullType ? type.name : formatType(type);
}
