import {
  type FieldError,
  invalid,
  invalidValue,
  type KubeObject,
  type LocalSubjectAccessReview,
  required,
  rootPath,
  type SelfSubjectAccessReview,
  type SelfSubjectAccessReviewSpec,
  type SubjectAccessReview,
  type SubjectAccessReviewSpec,
  type SubjectAccessReviewStatus,
  type User,
} from "../../api/index.ts";
import type { Attributes, Authorizer } from "../authorization/index.ts";

/** What a review's body is before the server has looked at it. */
type Asked<T extends KubeObject> = Partial<T>;

const at = rootPath.child("spec");

/** Whether somebody may do something; asked by those who serve them. */
export async function reviewSubjectAccess(authorizer: Authorizer, review: Asked<SubjectAccessReview>) {
  const spec = review.spec ?? {};
  refuseInvalid("SubjectAccessReview", [...subjectErrors(spec), ...metadataErrors(review, false)]);
  return { ...review, status: await evaluate(authorizer, subjectOf(spec), spec) };
}

/** The same within one namespace, so that asking can be allowed by a role there. */
export async function reviewLocalSubjectAccess(
  authorizer: Authorizer,
  review: Asked<LocalSubjectAccessReview>,
  namespace: string,
) {
  const spec = review.spec ?? {};
  const errors = [...subjectErrors(spec), ...metadataErrors(review, true)];
  if (spec.resourceAttributes && spec.resourceAttributes.namespace !== namespace)
    errors.push(
      invalidValue(
        at.child("resourceAttributes", "namespace"),
        spec.resourceAttributes.namespace ?? "",
        "must match metadata.namespace",
      ),
    );
  if (spec.nonResourceAttributes)
    errors.push(
      invalidValue(at.child("nonResourceAttributes"), spec.nonResourceAttributes, "disallowed on this kind of request"),
    );
  refuseInvalid("LocalSubjectAccessReview", errors);
  return { ...review, status: await evaluate(authorizer, subjectOf(spec), spec) };
}

/** Whether the one who asks may do something. */
export async function reviewSelfAccess(authorizer: Authorizer, review: Asked<SelfSubjectAccessReview>, user: User) {
  const spec = review.spec ?? {};
  refuseInvalid("SelfSubjectAccessReview", [...actionErrors(spec), ...metadataErrors(review, false)]);
  return { ...review, status: await evaluate(authorizer, user, spec) };
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

function subjectErrors(spec: SubjectAccessReviewSpec): FieldError[] {
  const errors = actionErrors(spec);
  if ((spec.user ?? "") === "" && (spec.groups ?? []).length === 0)
    errors.push(required(at.child("user"), "at least one of user or group must be specified"));
  return errors;
}

function actionErrors({ resourceAttributes, nonResourceAttributes }: SelfSubjectAccessReviewSpec): FieldError[] {
  if (resourceAttributes && nonResourceAttributes)
    return [
      invalidValue(
        at.child("nonResourceAttributes"),
        nonResourceAttributes,
        "cannot be specified in combination with resourceAttributes",
      ),
    ];
  if (!resourceAttributes && !nonResourceAttributes)
    return [
      required(
        at.child("resourceAttributes"),
        "at least one of nonResourceAttributes or resourceAttributes must be specified",
      ),
    ];
  return [];
}

/** A review is never stored: metadata would say nothing. */
function metadataErrors({ metadata }: Asked<KubeObject>, mayHaveNamespace: boolean): FieldError[] {
  const ignored = ["creationTimestamp", "managedFields", ...(mayHaveNamespace ? ["namespace"] : [])];
  const said = Object.entries(metadata ?? {}).filter(
    ([key, value]) => !ignored.includes(key) && value !== undefined && value !== null && value !== "",
  );
  if (said.length === 0) return [];
  const exception = mayHaveNamespace ? "must be empty except for namespace" : "must be empty";
  return [invalidValue(rootPath.child("metadata"), metadata, exception)];
}

function refuseInvalid(kind: string, errors: readonly FieldError[]): void {
  if (errors.length > 0) throw invalid({ group: "authorization.k8s.io", kind }, "", errors);
}
