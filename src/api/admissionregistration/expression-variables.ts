// What expressions of match conditions and policies may look at.
// https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions
import {
  authorizerType,
  boolType,
  dynType,
  listType,
  mapType,
  objectType,
  resourceCheckType,
  stringType,
} from "../../cel/index.ts";

const kindType = objectType("kubernetes.GroupVersionKind", {
  group: stringType,
  version: stringType,
  kind: stringType,
});

const resourceType = objectType("kubernetes.GroupVersionResource", {
  group: stringType,
  version: stringType,
  resource: stringType,
});

const userType = objectType("kubernetes.UserInfo", {
  username: stringType,
  uid: stringType,
  groups: listType(stringType),
  extra: mapType(stringType, listType(stringType)),
});

const requestType = objectType("kubernetes.AdmissionRequest", {
  kind: kindType,
  resource: resourceType,
  subResource: stringType,
  requestKind: kindType,
  requestResource: resourceType,
  requestSubResource: stringType,
  name: stringType,
  namespace: stringType,
  operation: stringType,
  userInfo: userType,
  dryRun: boolType,
  options: dynType,
});

/** Of the variables that all expressions of admission have. */
export const requestVariableTypes = {
  object: dynType,
  oldObject: dynType,
  request: requestType,
  authorizer: authorizerType,
  "authorizer.requestResource": resourceCheckType,
};
