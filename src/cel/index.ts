// CEL as Kubernetes uses it: expressions are compiled against declared variables, then evaluated over JSON at a bounded cost.
// https://kubernetes.io/docs/reference/using-api/cel/
export { CompileError, type Issue } from "./compile-error.ts";
export { Environment, type EnvironmentOptions } from "./environment.ts";
export { lazyObject, toJson, toValue } from "./json-values.ts";
export {
  type AuthorizationCheck,
  type AuthorizationDecision,
  type Authorize,
  authorizerType,
  authorizerValue,
  requestResourceValue,
  resourceCheckType,
} from "./libraries/authorizer.ts";
export { patchObject } from "./libraries/json-patch.ts";
export { quantityOf, quantityType } from "./libraries/quantity.ts";
export { semverOf, semverType } from "./libraries/semver.ts";
export { evaluateMessage } from "./message.ts";
export {
  compile,
  costBudget,
  costLimitPerCall,
  type Evaluation,
  type EvaluationFailure,
  matchConditionsCostBudget,
  type Program,
} from "./program.ts";
export { matches as matchesPattern } from "./regular-expressions.ts";
export { escapeFieldName, schemaType, type TypeSchema, valuesMax } from "./schema-types.ts";
export {
  boolType,
  bytesType,
  type CelType,
  doubleType,
  durationType,
  dynType,
  formatType,
  intType,
  listType,
  mapType,
  nullType,
  type ObjectType,
  objectType,
  optionalType,
  stringType,
  timestampType,
  uintType,
} from "./types.ts";
export { CostExceededError, EvaluationError, MapValue, Optional, type Value } from "./values.ts";
