import { defineResource } from "../resource.ts";
import type { SubjectAccessReview } from "../types.generated.ts";
import { validateReviewMetadata, validateSubjectAndAction } from "./review-rules.ts";

export const SubjectAccessReviews = defineResource<SubjectAccessReview>({
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SubjectAccessReview",
  plural: "subjectaccessreviews",
  validate: (review, at) => [
    ...validateSubjectAndAction(review.spec, at.child("spec")),
    ...validateReviewMetadata(review, at),
  ],
});
