// The rules of a schema as programs: k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel/compilation.go.
import {
  boolType,
  type CelType,
  CompileError,
  compile,
  Environment,
  optionalType,
  type Program,
  schemaType,
  stringType,
} from "../../cel/index.ts";
import type { JSONSchemaProps, ValidationRule } from "../types.generated.ts";

export interface CompiledRule {
  readonly rule: ValidationRule;
  /** Absent where the rule is empty or wrong. */
  readonly program?: Program;
  /** Why there is no program. */
  readonly error?: string;
  readonly messageProgram?: Program;
  readonly messageError?: string;
  readonly usesOldSelf: boolean;
}

export interface CompiledRules {
  readonly selfType: CelType;
  readonly rules: readonly CompiledRule[];
}

/** The rules that stand on a schema; undefined where there are none, or nothing is known of the values. */
export function compileRules(schema: JSONSchemaProps, isResourceRoot: boolean): CompiledRules | undefined {
  const rules = schema["x-kubernetes-validations"] ?? [];
  if (rules.length === 0) return undefined;
  const selfType = schemaType(schema, "selfType", isResourceRoot);
  if (!selfType) return undefined;
  const environment = new Environment({ variables: { self: selfType, oldSelf: selfType } });
  const optional = new Environment({ variables: { self: selfType, oldSelf: optionalType(selfType) } });
  return {
    selfType,
    rules: rules.map((rule) => compileRule(rule, rule.optionalOldSelf ? optional : environment)),
  };
}

function compileRule(rule: ValidationRule, environment: Environment): CompiledRule {
  if ((rule.rule ?? "").trim() === "") return { rule, usesOldSelf: false };
  const compiled = programOf(rule.rule, environment, boolType, "");
  const message = rule.messageExpression?.trim()
    ? programOf(rule.messageExpression, environment, stringType, "messageExpression ")
    : {};
  return {
    rule,
    ...compiled,
    ...(message.program ? { messageProgram: message.program } : {}),
    ...(message.error === undefined ? {} : { messageError: message.error }),
    usesOldSelf: compiled.program?.uses("oldSelf") ?? false,
  };
}

function programOf(
  text: string,
  environment: Environment,
  result: CelType,
  what: string,
): { readonly program?: Program; readonly error?: string } {
  try {
    const program = compile(text, environment);
    if (program.gives(result)) return { program };
    const must = result === boolType ? "cel expression must evaluate to a bool" : `${what}must evaluate to a string`;
    return { error: must };
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    return { error: `${what}compilation failed: ${error.message}` };
  }
}
