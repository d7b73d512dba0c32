// AuthenticationConfiguration of apiserver.config.k8s.io:
// https://kubernetes.io/docs/reference/access-authn-authz/authentication/#using-authentication-configuration
import {
  domainPrefixedPath,
  duplicate,
  type FieldError,
  type Fields,
  invalidTogether,
  invalidValue,
  type Path,
  readConfiguration,
  required,
  tooMany,
} from "../../api/index.ts";
import { boolType, type CelType, type Program } from "../../cel/index.ts";
import { errorMessage } from "../../lib/index.ts";
import { compileOverClaims, compileOverUser } from "./claim-expressions.ts";

export interface AuthenticationConfiguration {
  readonly issuers: readonly TrustedIssuer[];
  readonly anonymous: AnonymousAccess;
}

/** Whom the anonymous user may be: nobody, everybody, or those who ask for one of the paths. */
export interface AnonymousAccess {
  readonly isAllowed: boolean;
  /** All when there are none. */
  readonly paths: readonly string[];
}

/** Whose tokens are taken, and who their bearers are. */
export interface TrustedIssuer {
  readonly url: string;
  /** Where its discovery document is, when that is not below `url`. */
  readonly discoveryUrl: string | undefined;
  /** PEM; the machine's authorities when left out. */
  readonly authority: string | undefined;
  /** A token must be for one of them. */
  readonly audiences: readonly string[];
  readonly requiredClaims: readonly { readonly claim: string; readonly value: string }[];
  readonly claimRules: readonly Program[];
  readonly userRules: readonly Program[];
  readonly username: ClaimMapping;
  readonly groups: ClaimMapping | undefined;
  readonly uid: ClaimMapping | undefined;
  readonly extra: readonly { readonly key: string; readonly program: Program }[];
}

export type ClaimMapping = { readonly claim: string; readonly prefix: string } | { readonly program: Program };

const issuersMax = 64;

/** Throws an Error that says all that is wrong; `ownIssuer` issues the service accounts' tokens and can be nobody else. */
export function readAuthenticationConfiguration(value: unknown, ownIssuer: string): AuthenticationConfiguration {
  return readConfiguration(value, "AuthenticationConfiguration", (fields) => {
    const list = fields.objects("jwt");
    if (list.length > issuersMax) fields.errors.add(tooMany(fields.at.child("jwt"), list.length, issuersMax));
    const issuers = list.map((each) => readIssuer(each, ownIssuer));
    for (const [index, { url, discoveryUrl }] of issuers.entries()) {
      const before = issuers.slice(0, index);
      const at = fields.at.child("jwt").index(index).child("issuer");
      if (before.some((other) => other.url === url)) fields.errors.add(duplicate(at.child("url"), url));
      if (discoveryUrl !== undefined && before.some((other) => other.discoveryUrl === discoveryUrl))
        fields.errors.add(duplicate(at.child("discoveryURL"), discoveryUrl));
    }
    return { issuers, anonymous: readAnonymous(fields.object("anonymous")) };
  });
}

function readAnonymous(fields: Fields | undefined): AnonymousAccess {
  if (!fields) return { isAllowed: true, paths: [] };
  const isAllowed = fields.flag("enabled") ?? false;
  const paths = fields.objects("conditions").map((condition) => {
    const path = condition.text("path");
    condition.done();
    return path;
  });
  fields.done();
  const why = "enabled should be set to true when conditions are defined";
  if (!isAllowed && paths.length > 0) fields.errors.add(invalidTogether(fields.at.child("conditions"), why));
  return { isAllowed, paths };
}

function readIssuer(fields: Fields, ownIssuer: string): TrustedIssuer {
  const { errors, at } = fields;
  const claimRules: Program[] = [];
  const requiredClaims: { claim: string; value: string }[] = [];
  for (const rule of fields.objects("claimValidationRules")) readClaimRule(rule, claimRules, requiredClaims);
  const userRules = fields.objects("userValidationRules").flatMap((rule) => {
    rule.text("message");
    if (rule.text("expression") === "") errors.add(required(rule.at.child("expression")));
    const program = expression(rule, "expression", compileOverUser, boolType);
    rule.done();
    return program ?? [];
  });
  const mappings = fields.object("claimMappings");
  const username = mappings && readMapping(mappings.object("username"));
  const extra = mappings?.objects("extra").flatMap(readExtra) ?? [];
  const issuer = {
    ...readIssuerItself(fields.object("issuer"), at.child("issuer"), ownIssuer, errors),
    requiredClaims,
    claimRules,
    userRules,
    groups: mappings && readMapping(mappings.object("groups")),
    uid: mappings && readMapping(mappings.object("uid"), false),
    extra,
  };
  mappings?.done();
  fields.done();
  const usernameAt = at.child("claimMappings", "username");
  if (!username) errors.add(required(usernameAt, "claim or expression is required"));
  else if ("program" in username) {
    const checking = [username.program, ...claimRules, ...extra.map(({ program }) => program)];
    if (usesClaim(username.program, "email") && !checking.some((each) => usesClaim(each, "email_verified")))
      errors.add(invalidValue(usernameAt.child("expression"), username.program.text, emailNotVerified));
  }
  return { ...issuer, username: username ?? { claim: "", prefix: "" } };
}

const emailNotVerified =
  "claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression";

function usesClaim({ text }: Program, claim: string): boolean {
  return new RegExp(`\\bclaims\\s*\\.\\s*\\??${claim}\\b`).test(text);
}

function readIssuerItself(fields: Fields | undefined, at: Path, ownIssuer: string, errors: Fields["errors"]) {
  const url = fields?.text("url") ?? "";
  const discoveryUrl = fields?.text("discoveryURL") || undefined;
  const audiences = fields?.texts("audiences") ?? [];
  const policy = fields?.text("audienceMatchPolicy") ?? "";
  const authority = fields?.text("certificateAuthority") || undefined;
  fields?.done();
  if (url === "") errors.add(required(at.child("url")));
  else errors.add(...wrongUrl(at.child("url"), url));
  if (url === ownIssuer)
    errors.add(invalidValue(at.child("url"), url, `URL must not overlap with disallowed issuers: [${ownIssuer}]`));
  if (discoveryUrl !== undefined) {
    errors.add(...wrongUrl(at.child("discoveryURL"), discoveryUrl));
    if (withoutSlashes(discoveryUrl) === withoutSlashes(url))
      errors.add(invalidValue(at.child("discoveryURL"), discoveryUrl, "discoveryURL must be different from URL"));
  }
  const audiencesAt = at.child("audiences");
  if (audiences.length === 0) errors.add(required(audiencesAt, `at least one ${audiencesAt} is required`));
  for (const [index, audience] of audiences.entries()) {
    if (audience === "") errors.add(required(audiencesAt.index(index)));
    if (audiences.indexOf(audience) < index) errors.add(duplicate(audiencesAt.index(index), audience));
  }
  const policyAt = at.child("audienceMatchPolicy");
  if (audiences.length > 1 && policy !== "MatchAny")
    errors.add(invalidValue(policyAt, policy, "audienceMatchPolicy must be MatchAny for multiple audiences"));
  if (audiences.length === 1 && policy !== "" && policy !== "MatchAny")
    errors.add(invalidValue(policyAt, policy, "audienceMatchPolicy must be empty or MatchAny for single audience"));
  return { url, discoveryUrl, audiences, authority };
}

const withoutSlashes = (url: string) => url.replace(/\/+$/, "");

function wrongUrl(at: Path, text: string): FieldError[] {
  const url = URL.parse(text);
  if (!url) return [invalidValue(at, text, "must be a URL")];
  const errors: FieldError[] = [];
  if (url.protocol !== "https:") errors.push(invalidValue(at, text, "URL scheme must be https"));
  if (url.username !== "" || url.password !== "")
    errors.push(invalidValue(at, "<omitted>", "URL must not contain a username or password"));
  if (url.search !== "") errors.push(invalidValue(at, text, "URL must not contain a query"));
  if (url.hash !== "") errors.push(invalidValue(at, text, "URL must not contain a fragment"));
  return errors;
}

function readClaimRule(rule: Fields, programs: Program[], requiredClaims: { claim: string; value: string }[]): void {
  const { errors, at } = rule;
  const claim = rule.text("claim");
  const value = rule.text("requiredValue");
  const message = rule.text("message");
  const program = expression(rule, "expression", compileOverClaims, boolType);
  const hasExpression = rule.text("expression") !== "";
  rule.done();
  if (claim !== "" && hasExpression) errors.add(invalidValue(at, claim, "claim and expression can't both be set"));
  else if (claim !== "") {
    if (message !== "")
      errors.add(invalidValue(at.child("message"), message, "may not be specified when claim is set"));
    if (requiredClaims.some((each) => each.claim === claim)) errors.add(duplicate(at.child("claim"), claim));
    requiredClaims.push({ claim, value });
  } else if (!hasExpression) errors.add(required(at, "claim or expression is required"));
  else {
    if (value !== "")
      errors.add(invalidValue(at.child("requiredValue"), value, "may not be specified when expression is set"));
    if (programs.some((each) => each.text === program?.text))
      errors.add(duplicate(at.child("expression"), program?.text));
    if (program) programs.push(program);
  }
}

/** `hasPrefix`: a claim says what comes before its value. Undefined where nothing is mapped. */
function readMapping(fields: Fields | undefined, hasPrefix = true): ClaimMapping | undefined {
  if (!fields) return undefined;
  const { errors, at } = fields;
  const claim = fields.text("claim");
  const prefix = hasPrefix ? fields.optionalText("prefix") : undefined;
  const program = expression(fields, "expression", compileOverClaims);
  const hasExpression = fields.text("expression") !== "";
  fields.done();
  if (claim !== "" && hasExpression) errors.add(invalidValue(at, "", "claim and expression can't both be set"));
  if (hasExpression && prefix !== undefined)
    errors.add(invalidValue(at.child("prefix"), prefix, "may not be specified when expression is set"));
  if (program) return { program };
  if (claim === "") return undefined;
  if (hasPrefix && prefix === undefined) {
    const why = "prefix is required when claim is set. It can be set to an empty string to disable prefixing";
    errors.add(required(at.child("prefix"), why));
  }
  return { claim, prefix: prefix ?? "" };
}

function readExtra(fields: Fields, index: number, all: readonly Fields[]) {
  const { errors, at } = fields;
  const key = fields.text("key");
  const program = expression(fields, "valueExpression", compileOverClaims);
  fields.done();
  const keyAt = at.child("key");
  errors.add(...domainPrefixedPath(keyAt, key));
  if (key !== key.toLowerCase()) errors.add(invalidValue(keyAt, key, "must be lowercase"));
  if (/^([^/]*\.)?(k8s|kubernetes)\.io\//.test(key)) {
    const why = "k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use";
    errors.add(invalidValue(keyAt, key, why));
  }
  if (all.slice(0, index).some((other) => other.text("key") === key)) errors.add(duplicate(keyAt, key));
  if (fields.text("valueExpression") === "") errors.add(required(at.child("valueExpression")));
  return program ? [{ key, program }] : [];
}

/** Undefined when the field is left out or wrong. */
function expression(
  fields: Fields,
  name: string,
  compile: (text: string, result?: CelType) => Program,
  result?: CelType,
): Program | undefined {
  const text = fields.text(name);
  if (text === "") return undefined;
  try {
    return compile(text, result);
  } catch (error) {
    fields.errors.add(invalidValue(fields.at.child(name), text, errorMessage(error)));
    return undefined;
  }
}
