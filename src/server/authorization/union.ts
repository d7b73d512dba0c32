import { type ApiError, forbidden } from "../../api/index.ts";
import { firstAnswer, whenThere } from "../../lib/index.ts";
import type { Attributes, Authorizer, Decision } from "./authorizer.ts";
import { aggregate } from "./rbac.ts";

/** Members of system:masters may do everything, whatever roles say. */
export const privilegedGroup = "system:masters";

/** Allows the group everything; without an opinion on everybody else. */
export function allowGroup(group: string): Authorizer {
  const allowed: Decision = { allowed: true, reason: "" };
  const noOpinion: Decision = { allowed: false, reason: "" };
  return { authorize: ({ user }) => (user.groups.includes(group) ? allowed : noOpinion) };
}

/** Asks one after the other: the first that allows or denies decides; without one the reasons of all are given. */
export function unionAuthorizer(...authorizers: readonly Authorizer[]): Authorizer {
  return {
    authorize(attributes) {
      const reasons: string[] = [];
      const errors: string[] = [];
      const opinion = (decision: Decision) => {
        if (decision.allowed || decision.denied) return decision;
        if (decision.reason !== "") reasons.push(decision.reason);
        if (decision.error !== undefined) errors.push(decision.error);
        return undefined;
      };
      const decided = firstAnswer(authorizers, (each) => whenThere(each.authorize(attributes), opinion));
      return whenThere(decided, (decision) => {
        if (decision) return decision;
        const error = errors.length === 0 ? {} : { error: aggregate(errors) };
        return { allowed: false, reason: reasons.join("\n"), ...error };
      });
    },
  };
}

/** The 403 for a request that was not allowed; the message is the one of Kubernetes' apiserver. */
export function forbiddenError(attributes: Attributes, reason: string): ApiError {
  const sentence = describeRefusal(attributes);
  const why = reason === "" ? sentence : `${sentence}: ${reason}`;
  const { resource } = attributes;
  return resource ? forbidden(resource, resource.name, why) : forbidden({ group: "", plural: "" }, "", why);
}

function describeRefusal({ user, verb, resource, path }: Attributes): string {
  const who = `User ${JSON.stringify(user.name)} cannot ${verb}`;
  if (!resource) return `${who} path ${JSON.stringify(path ?? "")}`;
  const { group, plural, subresource, namespace } = resource;
  const what = JSON.stringify(subresource === "" ? plural : `${plural}/${subresource}`);
  const where = namespace === "" ? "at the cluster scope" : `in the namespace ${JSON.stringify(namespace)}`;
  return `${who} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}
