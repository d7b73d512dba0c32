// The conditions under which a webhook is asked: expressions over the SubjectAccessReview that it would get.
import {
  boolType,
  CompileError,
  compile,
  Environment,
  formatType,
  listType,
  mapType,
  objectType,
  type Program,
  stringType,
} from "../../cel/index.ts";

const selector = (name: string) =>
  objectType(`kubernetes.${name}Attributes`, {
    rawSelector: stringType,
    requirements: listType(
      objectType(`kubernetes.${name}Requirement`, {
        key: stringType,
        operator: stringType,
        values: listType(stringType),
      }),
    ),
  });

const environment = new Environment({
  variables: {
    request: objectType("kubernetes.SubjectAccessReviewSpec", {
      resourceAttributes: objectType("kubernetes.ResourceAttributes", {
        namespace: stringType,
        verb: stringType,
        group: stringType,
        version: stringType,
        resource: stringType,
        subresource: stringType,
        name: stringType,
        fieldSelector: selector("FieldSelector"),
        labelSelector: selector("LabelSelector"),
      }),
      nonResourceAttributes: objectType("kubernetes.NonResourceAttributes", { path: stringType, verb: stringType }),
      user: stringType,
      groups: listType(stringType),
      extra: mapType(stringType, listType(stringType)),
      uid: stringType,
    }),
  },
});

/** Throws an Error that says what is wrong with the expression. */
export function compileMatchCondition(text: string): Program {
  try {
    const program = compile(text, environment);
    if (!program.gives(boolType)) throw new Error(`must evaluate to bool but got ${formatType(program.resultType)}`);
    return program;
  } catch (error) {
    if (!(error instanceof CompileError)) throw error;
    throw new Error(`compilation failed: ${error.message}`, { cause: error });
  }
}
