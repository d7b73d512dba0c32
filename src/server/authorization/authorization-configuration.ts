// AuthorizationConfiguration of apiserver.config.k8s.io:
// https://kubernetes.io/docs/reference/access-authn-authz/authorization/#using-configuration-file-for-authorization
import {
  duplicate,
  type Fields,
  invalidValue,
  isDns1123Subdomain,
  notSupported,
  readConfiguration,
  required,
  tooMany,
} from "../../api/index.ts";
import type { Program } from "../../cel/index.ts";
import { errorMessage } from "../../lib/index.ts";
import { compileMatchCondition } from "./match-conditions.ts";

/** The authorizers in the order in which they are asked. */
export type AuthorizationConfiguration = readonly AuthorizerConfiguration[];

export type AuthorizerConfiguration =
  | { readonly type: "Node" | "RBAC" | "AlwaysAllow" | "AlwaysDeny"; readonly name: string }
  | ({ readonly type: "Webhook"; readonly name: string } & AuthorizerWebhook);

export interface AuthorizerWebhook {
  /** Says where it is and what is shown to it. */
  readonly kubeconfig: string;
  readonly timeoutMs: number;
  /** How long answers are kept; 0: not at all. */
  readonly allowedKeptMs: number;
  readonly refusedKeptMs: number;
  /** When it does not answer or a condition fails: whether nobody may, or the next authorizer is asked. */
  readonly failurePolicy: "NoOpinion" | "Deny";
  readonly reviewVersion: "v1" | "v1beta1";
  /** It is asked only when all are true. */
  readonly matchConditions: readonly Program[];
}

const builtInTypes = ["Node", "RBAC", "AlwaysAllow", "AlwaysDeny"] as const;
const knownTypes = [...builtInTypes, "Webhook"];
const conditionsMax = 64;
const timeoutMsMax = 30_000;
const allowedKeptMsDefault = 5 * 60_000;
const refusedKeptMsDefault = 30_000;

/** Throws an Error that says all that is wrong. */
export function readAuthorizationConfiguration(value: unknown): AuthorizationConfiguration {
  return readConfiguration(value, "AuthorizationConfiguration", (fields) => {
    const list = fields.objects("authorizers");
    const { errors, at } = fields;
    if (list.length === 0)
      errors.add(required(at.child("authorizers"), "at least one authorization mode must be defined"));
    const read: AuthorizerConfiguration[] = [];
    for (const each of list) {
      const authorizer = readAuthorizer(each);
      if (!authorizer) continue;
      const { type, name } = authorizer;
      if (type !== "Webhook" && read.some((other) => other.type === type))
        errors.add(duplicate(each.at.child("type"), type));
      if (name !== "" && read.some((other) => other.name === name)) errors.add(duplicate(each.at.child("name"), name));
      read.push(authorizer);
    }
    return read;
  });
}

function readAuthorizer(fields: Fields): AuthorizerConfiguration | undefined {
  const { errors, at } = fields;
  const type = fields.text("type");
  const name = fields.text("name");
  const webhook = fields.object("webhook");
  fields.done();
  if (name === "") errors.add(required(at.child("name")));
  else if (isDns1123Subdomain(name).length > 0)
    errors.add(
      invalidValue(at.child("name"), name, `authorizer name is invalid: ${isDns1123Subdomain(name).join(", ")}`),
    );
  if (type === "Webhook") {
    if (webhook) return { type, name, ...readWebhook(webhook) };
    errors.add(required(at.child("webhook"), "required when type=Webhook"));
    return undefined;
  }
  if (webhook) errors.add(invalidValue(at.child("webhook"), "non-null", "may only be specified when type=Webhook"));
  const builtIn = builtInTypes.find((each) => each === type);
  if (builtIn) return { type: builtIn, name };
  errors.add(type === "" ? required(at.child("type")) : notSupported(at.child("type"), type, knownTypes));
  return undefined;
}

function readWebhook(fields: Fields): AuthorizerWebhook {
  const { errors, at } = fields;
  const oneOf = <T extends string>(field: string, values: readonly T[], isNeeded = true): T | undefined => {
    const text = fields.text(field);
    const found = values.find((value) => value === text);
    if (text === "" && isNeeded) errors.add(required(at.child(field)));
    if (text !== "" && !found) errors.add(notSupported(at.child(field), text, values));
    return found;
  };
  const keptMs = (field: string, otherwise: number, flag: string) => {
    const ms = fields.durationMs(field) ?? otherwise;
    if (ms <= 0) errors.add(invalidValue(at.child(field), fields.text(field), "must be > 0s"));
    return fields.flag(flag) === false ? 0 : ms;
  };
  const timeoutMs = fields.durationMs("timeout");
  if (timeoutMs === undefined) errors.add(required(at.child("timeout")));
  else if (timeoutMs <= 0 || timeoutMs > timeoutMsMax)
    errors.add(invalidValue(at.child("timeout"), fields.text("timeout"), "must be > 0s and <= 30s"));
  const conditions = fields.objects("matchConditions");
  const webhook = {
    timeoutMs: timeoutMs ?? timeoutMsMax,
    allowedKeptMs: keptMs("authorizedTTL", allowedKeptMsDefault, "cacheAuthorizedRequests"),
    refusedKeptMs: keptMs("unauthorizedTTL", refusedKeptMsDefault, "cacheUnauthorizedRequests"),
    reviewVersion: oneOf("subjectAccessReviewVersion", ["v1", "v1beta1"] as const) ?? "v1",
    failurePolicy: oneOf("failurePolicy", ["NoOpinion", "Deny"] as const) ?? "Deny",
    kubeconfig: readConnection(fields),
    matchConditions: readConditions(conditions),
  } as const;
  const version = oneOf("matchConditionSubjectAccessReviewVersion", ["v1"] as const, false);
  if (conditions.length > 0 && !version)
    errors.add(
      required(at.child("matchConditionSubjectAccessReviewVersion"), "required if match conditions are specified"),
    );
  if (conditions.length > conditionsMax)
    errors.add(tooMany(at.child("matchConditions"), conditions.length, conditionsMax));
  fields.done();
  return webhook;
}

function readConnection(fields: Fields): string {
  const info = fields.object("connectionInfo");
  const at = fields.at.child("connectionInfo");
  const type = info?.text("type") ?? "";
  const file = info?.text("kubeConfigFile") ?? "";
  info?.done();
  const { errors } = fields;
  if (type === "") errors.add(required(at.child("type")));
  else if (type !== "KubeConfigFile") errors.add(notSupported(at.child("type"), type, ["KubeConfigFile"]));
  else if (file === "") errors.add(required(at.child("kubeConfigFile")));
  else if (!file.startsWith("/"))
    errors.add(invalidValue(at.child("kubeConfigFile"), file, "must be an absolute path"));
  return file;
}

function readConditions(conditions: readonly Fields[]): Program[] {
  const programs: Program[] = [];
  for (const condition of conditions) {
    const text = condition.text("expression");
    condition.done();
    const at = condition.at.child("expression");
    if (text.trim() === "") condition.errors.add(required(at));
    else if (programs.some((each) => each.text === text)) condition.errors.add(duplicate(at, text));
    else {
      try {
        programs.push(compileMatchCondition(text));
      } catch (error) {
        condition.errors.add(invalidValue(at, text, errorMessage(error)));
      }
    }
  }
  return programs;
}
