import {
  ApiError,
  badRequest,
  type FieldSelectorAttributes,
  type FieldSelectorRequirement,
  invalid,
  type KubeObject,
  type LabelSelectorAttributes,
  type LabelSelectorRequirement,
  type LocalSubjectAccessReview,
  LocalSubjectAccessReviews,
  parseLabelSelector,
  type ResourceDefinition,
  readFieldSelector,
  rootPath,
  type SelfSubjectAccessReview,
  type SelfSubjectAccessReviewSpec,
  SelfSubjectAccessReviews,
  type SubjectAccessReview,
  type SubjectAccessReviewSpec,
  type SubjectAccessReviewStatus,
  SubjectAccessReviews,
  type User,
} from "../../api/index.ts";
import type { Attributes, Authorizer } from "../authorization/index.ts";

/** What a review's body is before the server has looked at it. */
type Asked<T extends KubeObject> = Partial<T>;

/** Whether somebody may do something; asked by those who serve them. */
export async function reviewSubjectAccess(authorizer: Authorizer, review: Asked<SubjectAccessReview>) {
  refuseInvalid(SubjectAccessReviews, review);
  const spec = review.spec ?? {};
  return { ...review, status: await evaluate(authorizer, subjectOf(spec), spec) };
}

/** The same within one namespace, so that asking can be allowed by a role there. */
export async function reviewLocalSubjectAccess(
  authorizer: Authorizer,
  review: Asked<LocalSubjectAccessReview>,
  namespace: string,
) {
  refuseInvalid(LocalSubjectAccessReviews, review);
  if (review.metadata?.namespace !== namespace)
    throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
  const spec = review.spec ?? {};
  return { ...review, status: await evaluate(authorizer, subjectOf(spec), spec) };
}

/** Whether the one who asks may do something. */
export async function reviewSelfAccess(authorizer: Authorizer, review: Asked<SelfSubjectAccessReview>, user: User) {
  refuseInvalid(SelfSubjectAccessReviews, review);
  return { ...review, status: await evaluate(authorizer, user, review.spec ?? {}) };
}

async function evaluate(
  authorizer: Authorizer,
  user: User,
  spec: SelfSubjectAccessReviewSpec,
): Promise<SubjectAccessReviewStatus> {
  const { attributes, ignored } = attributesOf(user, spec);
  const { allowed, denied, reason, error } = await authorizer.authorize(attributes);
  const errors = error === undefined ? ignored : [error, ...ignored];
  return {
    allowed,
    ...(denied ? { denied } : {}),
    ...(reason === "" ? {} : { reason }),
    ...(errors.length === 0 ? {} : { evaluationError: errors.join("; ") }),
  };
}

interface Asking {
  readonly attributes: Attributes;
  /** What of the question could not be taken into account: then more is asked about than was meant, never less. */
  readonly ignored: readonly string[];
}

function attributesOf(user: User, { resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec): Asking {
  if (!resourceAttributes) {
    const { verb = "", path = "" } = nonResourceAttributes ?? {};
    return { attributes: { user, verb, path }, ignored: [] };
  }
  const {
    verb = "",
    group = "",
    version = "",
    resource = "",
    subresource = "",
    namespace = "",
    name = "",
  } = resourceAttributes;
  const fields = readSelector(resourceAttributes.fieldSelector, fieldTerm, readFieldSelector);
  const labels = readSelector(resourceAttributes.labelSelector, labelTerm, parseLabelSelector);
  const asked = {
    group,
    version: version === "" ? "*" : version,
    plural: resource,
    subresource,
    namespace,
    name,
    ...(fields.text === "" ? {} : { fieldSelector: fields.text }),
    ...(labels.text === "" ? {} : { labelSelector: labels.text }),
  };
  const ignored = [
    ...fields.ignored.map((how) => `spec.resourceAttributes.fieldSelector ${how} due to parse error`),
    ...labels.ignored.map((how) => `spec.resourceAttributes.labelSelector ${how} due to parse error`),
  ];
  return { attributes: { user, verb, resource: asked }, ignored };
}

type Requirement = FieldSelectorRequirement | LabelSelectorRequirement;
type Selector = FieldSelectorAttributes | LabelSelectorAttributes;

/** The selector in its text form, as far as it can be understood, and whether it was ignored in whole or in part. */
function readSelector(
  { rawSelector = "", requirements = [] }: Selector = {},
  termOf: (requirement: Requirement) => string | undefined,
  parse: (text: string) => unknown,
): { readonly text: string; readonly ignored: readonly string[] } {
  const isReadable = (text: string) => {
    try {
      parse(text);
      return true;
    } catch (error) {
      if (error instanceof ApiError) return false;
      throw error;
    }
  };
  if (rawSelector !== "")
    return isReadable(rawSelector) ? { text: rawSelector, ignored: [] } : { text: "", ignored: ["ignored"] };
  const terms = requirements.map(termOf).filter((term) => term !== undefined && isReadable(term));
  const how = terms.length === 0 ? "ignored" : "partially ignored";
  return { text: terms.join(","), ignored: terms.length < requirements.length ? [how] : [] };
}

/** Field selectors know equality alone. */
function fieldTerm({ key, operator, values = [] }: Requirement): string | undefined {
  const value = values[0]?.replace(/[\\,=]/g, "\\$&");
  if (values.length !== 1 || (operator !== "In" && operator !== "NotIn")) return undefined;
  return `${key}${operator === "In" ? "=" : "!="}${value}`;
}

function labelTerm({ key, operator, values = [] }: Requirement): string | undefined {
  switch (operator) {
    case "In":
      return `${key} in (${values.join(",")})`;
    case "NotIn":
      return `${key} notin (${values.join(",")})`;
    case "Exists":
      return key;
    case "DoesNotExist":
      return `!${key}`;
    default:
      return undefined;
  }
}

function subjectOf({ user = "", uid, groups = [], extra }: SubjectAccessReviewSpec): User {
  return { name: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
}

function refuseInvalid<T extends KubeObject>(definition: ResourceDefinition<T>, review: Asked<T>): void {
  // The rules take a review as it was decoded, with a spec or without.
  const errors = definition.validate?.({ spec: {}, ...review } as unknown as T, rootPath) ?? [];
  if (errors.length > 0) throw invalid(definition, "", errors);
}
