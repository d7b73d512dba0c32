import {
  badRequest,
  invalid,
  type KubeObject,
  type LocalSubjectAccessReview,
  LocalSubjectAccessReviews,
  type ResourceDefinition,
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
  const { allowed, denied, reason } = await authorizer.authorize(attributesOf(user, spec));
  return { allowed, ...(denied ? { denied } : {}), ...(reason === "" ? {} : { reason }) };
}

function attributesOf(
  user: User,
  { resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec,
): Attributes {
  if (!resourceAttributes)
    return { user, verb: nonResourceAttributes?.verb ?? "", path: nonResourceAttributes?.path ?? "" };
  const {
    verb = "",
    group = "",
    version = "",
    resource = "",
    subresource = "",
    namespace = "",
    name = "",
  } = resourceAttributes;
  const fieldSelector = selectorText(resourceAttributes.fieldSelector);
  const asked = { group, version, plural: resource, subresource, namespace, name };
  return { user, verb, resource: fieldSelector === undefined ? asked : { ...asked, fieldSelector } };
}

type FieldSelector = NonNullable<NonNullable<SelfSubjectAccessReviewSpec["resourceAttributes"]>["fieldSelector"]>;

/** The selector in its text form. What the form cannot say is left out: that asks about more than was meant, never less. */
function selectorText(selector: FieldSelector | undefined): string | undefined {
  if (!selector) return undefined;
  if (selector.rawSelector) return selector.rawSelector;
  const parts = (selector.requirements ?? []).flatMap(({ key, operator, values = [] }) => {
    if (values.length !== 1) return [];
    if (operator === "In") return [`${key}=${values[0]}`];
    return operator === "NotIn" ? [`${key}!=${values[0]}`] : [];
  });
  return parts.join(",");
}

function subjectOf({ user = "", uid, groups = [], extra }: SubjectAccessReviewSpec): User {
  return { name: user, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) };
}

function refuseInvalid<T extends KubeObject>(definition: ResourceDefinition<T>, review: Asked<T>): void {
  // The rules take a review as it was decoded, with a spec or without.
  const errors = definition.validate?.({ spec: {}, ...review } as unknown as T, rootPath) ?? [];
  if (errors.length > 0) throw invalid(definition, "", errors);
}
