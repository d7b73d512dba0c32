// What the expressions of an AuthenticationConfiguration may use: the claims of a token, and the user that is made of them.
import {
  type CelType,
  CompileError,
  compile,
  dynType,
  Environment,
  listType,
  mapType,
  objectType,
  type Program,
  stringType,
} from "../../cel/index.ts";

const claims = new Environment({ variables: { claims: mapType(stringType, dynType) } });

const user = new Environment({
  variables: {
    user: objectType("kubernetes.UserInfo", {
      username: stringType,
      uid: stringType,
      groups: listType(stringType),
      extra: mapType(stringType, listType(stringType)),
    }),
  },
});

/** Over `claims`. Throws an Error that says what is wrong with it, or that it does not give the type. */
export const compileOverClaims = (text: string, result?: CelType) => compileIn(claims, text, result);

/** Over `user`; the same. */
export const compileOverUser = (text: string, result?: CelType) => compileIn(user, text, result);

function compileIn(environment: Environment, text: string, result: CelType | undefined): Program {
  try {
    const program = compile(text, environment);
    if (result && !program.gives(result)) throw new Error(`must evaluate to ${result.name}`);
    return program;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    throw new Error(`compilation failed: ${error.message}`, { cause: error });
  }
}
