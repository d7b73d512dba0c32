import { defineResource } from "../resource.ts";
import type { SubjectAccessReview } from "../types.generated.ts";

export const SubjectAccessReviews = defineResource<SubjectAccessReview>({
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SubjectAccessReview",
  plural: "subjectaccessreviews",
});
