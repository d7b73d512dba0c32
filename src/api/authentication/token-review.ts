import { defineResource } from "../resource.ts";
import type { TokenReview } from "../types.generated.ts";

export const TokenReviews = defineResource<TokenReview>({
  group: "authentication.k8s.io",
  version: "v1",
  kind: "TokenReview",
  plural: "tokenreviews",
});
