import { defineResource } from "../resource.ts";
import type { SelfSubjectReview } from "../types.generated.ts";

export const SelfSubjectReviews = defineResource<SelfSubjectReview>({
  group: "authentication.k8s.io",
  version: "v1",
  kind: "SelfSubjectReview",
  plural: "selfsubjectreviews",
});
