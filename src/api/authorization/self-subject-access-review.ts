import { defineResource } from "../resource.ts";
import type { SelfSubjectAccessReview } from "../types.generated.ts";

export const SelfSubjectAccessReviews = defineResource<SelfSubjectAccessReview>({
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectAccessReview",
  plural: "selfsubjectaccessreviews",
});
