import { defineResource } from "../resource.ts";
import type { SelfSubjectRulesReview } from "../types.generated.ts";

export const SelfSubjectRulesReviews = defineResource<SelfSubjectRulesReview>({
  group: "authorization.k8s.io",
  version: "v1",
  kind: "SelfSubjectRulesReview",
  plural: "selfsubjectrulesreviews",
});
