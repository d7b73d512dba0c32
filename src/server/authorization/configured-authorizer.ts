import { assert } from "../../lib/index.ts";
import type { RemoteReviewer, RemoteReviews } from "../webhooks/index.ts";
import type { AuthorizationConfiguration, AuthorizerConfiguration } from "./authorization-configuration.ts";
import type { Authorizer, Decision } from "./authorizer.ts";
import { allowGroup, privilegedGroup, unionAuthorizer } from "./union.ts";
import { WebhookAuthorizer } from "./webhook-authorizer.ts";

export interface ConfiguredAuthorizerOptions extends RemoteReviews {
  readonly node: Authorizer;
  readonly rbac: Authorizer;
  readonly configuration: AuthorizationConfiguration;
  /** Where each webhook is, by the kubeconfig that it names. */
  readonly reviewers: ReadonlyMap<string, RemoteReviewer>;
}

/** What Kubernetes does when nobody says otherwise. */
export const defaultAuthorization: AuthorizationConfiguration = [
  { type: "Node", name: "node" },
  { type: "RBAC", name: "rbac" },
];

/** The authorizers that are configured, in their order; the privileged group may do everything before any is asked. */
export function configuredAuthorizer(options: ConfiguredAuthorizerOptions): Authorizer {
  const authorizers = options.configuration.map((each) => authorizerOf(each, options));
  return unionAuthorizer(allowGroup(privilegedGroup), ...authorizers);
}

function authorizerOf(configuration: AuthorizerConfiguration, options: ConfiguredAuthorizerOptions): Authorizer {
  switch (configuration.type) {
    case "Node":
      return options.node;
    case "RBAC":
      return options.rbac;
    case "AlwaysAllow":
      return always({ allowed: true, reason: "" });
    case "AlwaysDeny":
      return always({ allowed: false, reason: "Everything is forbidden." });
    case "Webhook": {
      const reviewer = options.reviewers.get(configuration.kubeconfig);
      assert(reviewer, `${configuration.kubeconfig} was read`);
      return new WebhookAuthorizer({ ...options, webhook: configuration, reviewer });
    }
  }
}

const always = (decision: Decision): Authorizer => ({ authorize: () => decision });
