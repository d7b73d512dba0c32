// CEL as Kubernetes uses it: expressions are compiled against declared variables, then evaluated over JSON at a bounded cost.
// https://kubernetes.io/docs/reference/using-api/cel/
export { CompileError } from "./compile-error.ts";
export { Environment, type EnvironmentOptions } from "./environment.ts";
export { lazyObject, toJson, toValue } from "./json-values.ts";
export {
  type AuthorizationCheck,
  type AuthorizationDecision,
  authorizerType,
  authorizerValue,
  requestResourceValue,
  resourceCheckType,
} from "./libraries/authorizer.ts";
export { patchObject } from "./libraries/json-patch.ts";
export { quantityOf, quantityType } from "./libraries/quantity.ts";
export { semverOf } from "./libraries/semver.ts";
export { evaluateMessage } from "./message.ts";
export {
  compile,
  costLimitPerCall,
  type Evaluation,
  type Program,
} from "./program.ts";
export { matches as matchesPattern } from "./regular-expressions.ts";
export { schemaType, type TypeSchema, valuesMax } from "./schema-types.ts";
export {
  boolType,
  type CelType,
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
} from "./types.ts";
export { CostExceededError, EvaluationError, MapValue, Optional, type Value } from "./values.ts";
