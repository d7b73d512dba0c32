import {
  badRequest,
  type KubeObject,
  LocalSubjectAccessReviews,
  qualifiedResource,
  type ResourceDefinition,
  SelfSubjectAccessReviews,
  SelfSubjectReviews,
  type SelfSubjectRulesReview,
  SelfSubjectRulesReviews,
  SubjectAccessReviews,
  type TokenReview,
  TokenReviews,
  type User,
  userInfo,
} from "../../api/index.ts";
import { type Clock, timestamp } from "../../lib/index.ts";
import { allAuthenticated, type TokenAuthenticator } from "../authentication/index.ts";
import { type Authorizer, aggregate, nodeNameOf, type RuleResolver } from "../authorization/index.ts";
import type { CreateHandler, CreateHandlers, CreateRequest } from "../create-handler.ts";
import { reviewLocalSubjectAccess, reviewSelfAccess, reviewSubjectAccess } from "./access-review.ts";

export interface ReviewOptions {
  readonly tokens: TokenAuthenticator;
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  readonly clock: Clock;
  /** Whether an authorizer beside the roles allows what it cannot list. */
  readonly hasUnlistedRules?: () => boolean;
}

/** Answers what is created to be answered and not stored. The pipeline has decoded the bodies by their schemas. */
export function createReviewHandlers(options: ReviewOptions): CreateHandlers {
  const { tokens, authorizer, clock } = options;
  const review = <T extends KubeObject>(
    definition: ResourceDefinition<T>,
    answer: (body: Partial<T>, request: CreateRequest) => object | Promise<object>,
  ): [string, CreateHandler] => [
    qualifiedResource(definition),
    (request) => answer(request.object as unknown as Partial<T>, request),
  ];
  return new Map([
    review(TokenReviews, (body) => reviewToken(tokens, body)),
    review(SubjectAccessReviews, (body) => reviewSubjectAccess(authorizer, body)),
    review(LocalSubjectAccessReviews, (body, { namespace }) => reviewLocalSubjectAccess(authorizer, body, namespace)),
    review(SelfSubjectAccessReviews, (body, { user }) => reviewSelfAccess(authorizer, body, user)),
    review(SelfSubjectRulesReviews, (body, { user }) => reviewRules(options, body, user)),
    review(SelfSubjectReviews, (body, { user }) => ({
      ...body,
      metadata: { creationTimestamp: timestamp(clock.now()) },
      status: { userInfo: userInfo(user) },
    })),
  ]);
}

async function reviewToken(tokens: TokenAuthenticator, review: Partial<TokenReview>) {
  const { token = "", audiences = [] } = review.spec ?? {};
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const wanted = audiences.length === 0 ? undefined : audiences;
  const found = await tokens.authenticateToken(token, wanted);
  if (!found) {
    const why = await tokens.refusal?.(token, wanted);
    // Kubernetes asks whether it is its own token first, and tells of both.
    const error = why === undefined ? "invalid bearer token" : `[invalid bearer token, ${why}]`;
    return { ...review, status: { user: {}, error } };
  }
  const groups = [...new Set([...found.user.groups, allAuthenticated])];
  const status = { authenticated: true, user: userInfo({ ...found.user, groups }), audiences: found.audiences };
  return { ...review, status };
}

function reviewRules(options: ReviewOptions, review: Partial<SelfSubjectRulesReview>, user: User) {
  const namespace = review.spec?.namespace ?? "";
  if (namespace === "") throw badRequest("no namespace on request");
  const { rules, errors } = options.rules.rulesFor(user, namespace);
  const problems = [
    // What a node may follows from its pods and cannot be listed.
    ...(nodeNameOf(user) === undefined ? [] : ["node authorizer does not support user rule resolution"]),
    ...errors,
    ...(options.hasUnlistedRules?.() ? ["webhook authorizer does not support user rule resolution"] : []),
  ];
  const status = {
    resourceRules: rules
      .filter(({ resources = [] }) => resources.length > 0)
      .map(({ nonResourceURLs: _, ...each }) => each),
    nonResourceRules: rules.flatMap(({ verbs, nonResourceURLs = [] }) =>
      nonResourceURLs.length === 0 ? [] : [{ verbs, nonResourceURLs }],
    ),
    incomplete: problems.length > 0,
    ...(problems.length === 0 ? {} : { evaluationError: aggregate(problems) }),
  };
  return { ...review, status };
}
