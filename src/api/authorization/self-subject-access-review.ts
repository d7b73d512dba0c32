import { defineResource } from "../resource.ts";
import type { SelfSubjectAccessReview } from "../types.generated.ts";
import { validateAction, validateReviewMetadata } from "./review-rules.ts";

export const SelfSubjectAccessReviews = defineResource<SelfSubjectAccessReview>({
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
  validate: (review, at) => [...validateAction(review.spec, at.child("spec")), ...validateReviewMetadata(review, at)],
});
