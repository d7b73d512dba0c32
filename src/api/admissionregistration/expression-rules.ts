// Expressions are compiled when they are written, so that nobody learns of a wrong one by requests that fail:
// validateCELCondition of k8s.io/kubernetes/pkg/apis/admissionregistration/validation.
import { type CelType, CompileError, compile, dynType, Environment } from "../../cel/index.ts";
import type { FieldError } from "../meta/api-error.ts";
import { invalidValue, type Path } from "../meta/field-error.ts";
import { requestVariableTypes } from "./expression-variables.ts";

/** What expressions of policies may look at beside the request; of what is in them nothing is known here. */
export type PolicyVariable = "params" | "namespaceObject" | "variables";

const environments = new Map<string, Environment>();

function environmentWith(variables: readonly PolicyVariable[]): Environment {
  const key = variables.join();
  let environment = environments.get(key);
  if (!environment) {
    const more = Object.fromEntries(variables.map((name) => [name, dynType]));
    environment = new Environment({ variables: { ...requestVariableTypes, ...more } });
    environments.set(key, environment);
  }
  return environment;
}

/** What is wrong with an expression that may look at these variables and has to give this; empty ones are for others. */
export function validateExpression(
  at: Path,
  expression: string,
  variables: readonly PolicyVariable[],
  result?: CelType,
): FieldError[] {
  if (expression.trim() === "") return [];
  try {
    const program = compile(expression, environmentWith(variables));
    if (!result || program.resultType.kind === "dyn" || program.gives(result)) return [];
    return [invalidValue(at, expression, `must evaluate to ${result.name}`)];
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return [invalidValue(at, expression, `compilation failed: ${error.message}`)];
  }
}
