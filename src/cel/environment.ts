// What expressions of one place may use.
import { type Declarations, namedTypes } from "./checker.ts";
import { type Definition, type FunctionTable, functionTable } from "./functions.ts";
import { addressFunctions, cidrType, ipType } from "./libraries/addresses.ts";
import { authorizerFunctions } from "./libraries/authorizer.ts";
import { formatFunctions } from "./libraries/formats.ts";
import { jsonPatchFunctions, jsonPatchType, patchObjectType } from "./libraries/json-patch.ts";
import { listFunctions, setFunctions } from "./libraries/lists.ts";
import { optionalFunctions } from "./libraries/optionals.ts";
import { quantityFunctions, quantityType } from "./libraries/quantity.ts";
import { regexFunctions } from "./libraries/regular-expressions.ts";
import { semverFunctions, semverType } from "./libraries/semver.ts";
import { stringFunctions } from "./libraries/strings.ts";
import { urlFunctions, urlType } from "./libraries/urls.ts";
import { standardFunctions } from "./standard-functions.ts";
import type { CelType } from "./types.ts";

export interface EnvironmentOptions {
  /** By name; a name may have dots, as `authorizer.requestResource`. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** Whether expressions may make `Object{…}` and `JSONPatch{…}`, as those of MutatingAdmissionPolicies. */
  readonly makesPatches?: boolean;
  /** Whether expressions may use `cel.bind(name, value, expression)`, as those that select devices. */
  readonly bindsNames?: boolean;
}

/** What expressions of one place may use: make it once and compile many expressions in it. */
export class Environment {
  readonly declarations: Declarations;
  readonly bindsNames: boolean;

  constructor({ variables, makesPatches = false, bindsNames = false }: EnvironmentOptions) {
    this.bindsNames = bindsNames;
    this.declarations = {
      variables: new Map(Object.entries(variables)),
      types: {
        get: (name) => types.get(name) ?? (makesPatches ? patchTypeNamed(name) : undefined),
      },
      functions: functions(makesPatches),
    };
  }
}

const types: ReadonlyMap<string, CelType> = new Map([
  ...namedTypes,
  ...[ipType, cidrType, quantityType, urlType, semverType].map((type) => [type.name, type] as const),
]);

function patchTypeNamed(name: string): CelType | undefined {
  return name === jsonPatchType.name ? jsonPatchType : patchObjectType(name);
}

const libraries: readonly (readonly Definition[])[] = [
  standardFunctions,
  optionalFunctions,
  stringFunctions,
  listFunctions,
  setFunctions,
  regexFunctions,
  urlFunctions,
  quantityFunctions,
  addressFunctions,
  formatFunctions,
  semverFunctions,
  authorizerFunctions,
];

let base: FunctionTable | undefined;
let withPatches: FunctionTable | undefined;

/** Built when the first expression needs them: a server without any does not. */
function functions(makesPatches: boolean): FunctionTable {
  if (makesPatches) {
    withPatches ??= functionTable(...libraries, jsonPatchFunctions);
    return withPatches;
  }
  base ??= functionTable(...libraries);
  return base;
}
