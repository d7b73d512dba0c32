import { defineResource } from "../resource.ts";
import type { LocalSubjectAccessReview } from "../types.generated.ts";
import { validateLocalReview } from "./review-rules.ts";

export const LocalSubjectAccessReviews = defineResource<LocalSubjectAccessReview>({
  group: "authorization.k8s.io",
  version: "v1",
  kind: "LocalSubjectAccessReview",
  plural: "localsubjectaccessreviews",
  validate: validateLocalReview,
});
