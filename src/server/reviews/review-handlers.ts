import {
  badRequest,
  type LocalSubjectAccessReview,
  type SelfSubjectAccessReview,
  type SelfSubjectReview,
  type SelfSubjectRulesReview,
  type SubjectAccessReview,
  type TokenReview,
  type User,
  type UserInfo,
} from "../../api/index.ts";
import { type Clock, timestamp } from "../../lib/index.ts";
import { allAuthenticated, type TokenAuthenticator } from "../authentication/index.ts";
import { type Authorizer, aggregate, nodeNameOf, type RuleResolver } from "../authorization/index.ts";
import { reviewLocalSubjectAccess, reviewSelfAccess, reviewSubjectAccess } from "./access-review.ts";

export interface ReviewOptions {
  readonly tokens: TokenAuthenticator;
  readonly authorizer: Authorizer;
  readonly rules: RuleResolver;
  readonly clock: Clock;
}

/** Answers a review: the body with its status. `namespace` is "" where the kind has none. Throws ApiError. */
export type ReviewHandler = (body: unknown, user: User, namespace: string) => Promise<object>;

/** What is created to be answered and not stored, by plural. The bodies were decoded by their schemas. */
export function createReviewHandlers(options: ReviewOptions): Readonly<Record<string, ReviewHandler>> {
  const { authorizer, rules, clock } = options;
  return {
    tokenreviews: (body) => reviewToken(options.tokens, body as Partial<TokenReview>),
    subjectaccessreviews: (body) => reviewSubjectAccess(authorizer, body as Partial<SubjectAccessReview>),
    localsubjectaccessreviews: (body, _, namespace) =>
      reviewLocalSubjectAccess(authorizer, body as Partial<LocalSubjectAccessReview>, namespace),
    selfsubjectaccessreviews: (body, user) =>
      reviewSelfAccess(authorizer, body as Partial<SelfSubjectAccessReview>, user),
    selfsubjectrulesreviews: async (body, user) => reviewRules(rules, body as Partial<SelfSubjectRulesReview>, user),
    selfsubjectreviews: async (body, user) => ({
      ...(body as Partial<SelfSubjectReview>),
      metadata: { creationTimestamp: timestamp(clock.now()) },
      status: { userInfo: userInfo(user) },
    }),
  };
}

async function reviewToken(tokens: TokenAuthenticator, review: Partial<TokenReview>) {
  const { token = "", audiences = [] } = review.spec ?? {};
  if (token === "") throw badRequest("token is required for TokenReview in authentication");
  const found = await tokens.authenticateToken(token, audiences.length === 0 ? undefined : audiences);
  if (!found) return { ...review, status: { user: {}, error: "invalid bearer token" } };
  const groups = [...new Set([...found.user.groups, allAuthenticated])];
  const status = { authenticated: true, user: userInfo({ ...found.user, groups }), audiences: found.audiences };
  return { ...review, status };
}

function reviewRules(resolver: RuleResolver, review: Partial<SelfSubjectRulesReview>, user: User) {
  const namespace = review.spec?.namespace ?? "";
  if (namespace === "") throw badRequest("no namespace on request");
  const { rules, errors } = resolver.rulesFor(user, namespace);
  // What a node may follows from its pods and cannot be listed.
  const problems =
    nodeNameOf(user) === undefined ? errors : ["node authorizer does not support user rule resolution", ...errors];
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

function userInfo({ name, uid, groups, extra }: User): UserInfo {
  return { username: name, ...(uid ? { uid } : {}), groups, ...(extra ? { extra } : {}) };
}
