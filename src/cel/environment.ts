// What expressions of one place may use.
import { type Declarations, namedTypes } from "./checker.ts";
import { type Definition, type FunctionTable, functionTable } from "./functions.ts";
import { optionalFunctions } from "./libraries/optionals.ts";
import { standardFunctions } from "./standard-functions.ts";
import type { CelType } from "./types.ts";

export interface EnvironmentOptions {
  /** By name; a name may have dots, as `authorizer.requestResource`. */
  readonly variables: Readonly<Record<string, CelType>>;
  /** Types of objects that expressions may make, by name. */
  readonly types?: Readonly<Record<string, CelType>>;
}

/** What expressions of one place may use: make it once and compile many expressions in it. */
export class Environment {
  readonly declarations: Declarations;

  constructor({ variables, types = {} }: EnvironmentOptions) {
    this.declarations = {
      variables: new Map(Object.entries(variables)),
      types: new Map([...namedTypes, ...Object.entries(types)]),
      functions: allFunctions(),
    };
  }
}

const libraries: readonly (readonly Definition[])[] = [standardFunctions, optionalFunctions];

let known: FunctionTable | undefined;

function allFunctions(): FunctionTable {
  known ??= functionTable(...libraries);
  return known;
}
