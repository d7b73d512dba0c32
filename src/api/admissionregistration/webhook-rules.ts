// What mutating and validating webhooks have in common.
import type { Draft } from "../../lib/index.ts";
import { eachItem, optionalEnum } from "../field-rules.ts";
import type { FieldError } from "../meta/api-error.ts";
import { duplicate, invalidValue, notSupported, type Path, required } from "../meta/field-error.ts";
import { validateLabelSelector } from "../meta/label-selector.ts";
import { isDns1123Subdomain } from "../meta/names.ts";
import type { MutatingWebhook, ValidatingWebhook } from "../types.generated.ts";
import { validateReviewVersions, validateWebhookClient } from "../webhook-client.ts";
import { defaultRules, failurePolicies, matchPolicies, validateMatchConditions, validateRule } from "./match-rules.ts";

const httpsPort = 443;
const defaultTimeoutSeconds = 10;
const timeoutSecondsMax = 30;
const sideEffects = ["None", "NoneOnDryRun"];

export function defaultWebhook(webhook: Draft<ValidatingWebhook>): void {
  webhook.failurePolicy ??= "Fail";
  webhook.matchPolicy ??= "Equivalent";
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= defaultTimeoutSeconds;
  defaultRules(webhook.rules);
  // A body without the field is refused by the validation.
  const service = webhook.clientConfig?.service;
  if (service) service.port ??= httpsPort;
}

/** `validateOwn` says what is wrong with what only this kind of webhook has. */
export function validateWebhooks<T extends ValidatingWebhook | MutatingWebhook>(
  webhooks: readonly T[] | undefined,
  at: Path,
  validateOwn: (webhook: T, at: Path) => FieldError[] = () => [],
): FieldError[] {
  const names = new Set<string>();
  return eachItem(at, webhooks, (webhook, place) => {
    const { name = "" } = webhook;
    const errors = [
      ...validateWebhook(webhook, place),
      ...validateOwn(webhook, place),
      ...validateWebhookClient(place.child("clientConfig"), webhook.clientConfig ?? {}),
      ...validateMatchConditions(webhook.matchConditions, place.child("matchConditions")),
      ...validateReviewVersions(
        place.child("admissionReviewVersions"),
        webhook.admissionReviewVersions,
        "must specify one of v1, v1beta1",
      ),
    ];
    if (name !== "" && names.has(name)) errors.push(duplicate(place.child("name"), name));
    names.add(name);
    return errors;
  });
}

function validateWebhook(webhook: ValidatingWebhook, at: Path): FieldError[] {
  const { timeoutSeconds, namespaceSelector, objectSelector } = webhook;
  const errors = [
    ...validateFullName(webhook.name ?? "", at.child("name")),
    ...eachItem(at.child("rules"), webhook.rules, validateRule),
    ...optionalEnum(at.child("failurePolicy"), webhook.failurePolicy, failurePolicies),
    ...optionalEnum(at.child("matchPolicy"), webhook.matchPolicy, matchPolicies),
    ...validateSideEffects(webhook.sideEffects, at.child("sideEffects")),
  ];
  if (timeoutSeconds !== undefined && (timeoutSeconds < 1 || timeoutSeconds > timeoutSecondsMax))
    errors.push(
      invalidValue(
        at.child("timeoutSeconds"),
        timeoutSeconds,
        `the timeout value must be between 1 and ${timeoutSecondsMax} seconds`,
      ),
    );
  return [
    ...errors,
    ...validateLabelSelector(at.child("namespaceSelector"), namespaceSelector),
    ...validateLabelSelector(at.child("objectSelector"), objectSelector),
  ];
}

function validateFullName(name: string, at: Path): FieldError[] {
  if (name === "") return [required(at)];
  const wrong = isDns1123Subdomain(name);
  if (wrong.length > 0) return [invalidValue(at, name, wrong.join(","))];
  return name.split(".").length < 3
    ? [invalidValue(at, name, "should be a domain with at least three segments separated by dots")]
    : [];
}

/** A dry run must not change anything anywhere. */
function validateSideEffects(effects: string | undefined, at: Path): FieldError[] {
  if (effects === undefined) return [required(at, `must specify one of ${sideEffects.join(", ")}`)];
  return sideEffects.includes(effects) ? [] : [notSupported(at, effects, sideEffects)];
}
