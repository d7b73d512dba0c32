import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../test/control-plane.ts";
import { ValidatingAdmissionPolicies, type ValidatingAdmissionPolicySpec } from "../api/index.ts";

const deployments = {
  resourceRules: [{ apiGroups: ["apps"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["deployments"] }],
};

test("expressions that do not fit the kinds that a policy is about are told in its status", async (t) => {
  const { client, create, rest } = await startTestControlPlane(t, {
    controllers: ["validatingadmissionpolicy-status-controller"],
  });
  const statusOf = async (name: string, spec: ValidatingAdmissionPolicySpec) => {
    await create(ValidatingAdmissionPolicies, { metadata: { name }, spec });
    await rest();
    return (await client.get(ValidatingAdmissionPolicies, { name })).status;
  };
  const wrong = await statusOf("wrong", {
    matchConstraints: deployments,
    variables: [{ name: "replicas", expression: "object.spec.replicas" }],
    validations: [
      { expression: "object.spec.bogus > 1" },
      { expression: "object.spec.replicas > '1'" },
      {
        expression: "variables.replicas > 1 && object.spec.template.spec.containers.all(c, c.image != '')",
        messageExpression: "string(object.none)",
      },
    ],
  });
  assert.equal(wrong.observedGeneration, 1);
  const warnings = wrong.typeChecking?.expressionWarnings ?? [];
  assert.deepEqual(
    warnings.map(({ fieldRef }) => fieldRef),
    ["spec.validations[0].expression", "spec.validations[1].expression", "spec.validations[2].messageExpression"],
  );
  assert.equal(
    warnings[0]?.warning,
    "apps/v1, Kind=Deployment: ERROR: <input>:1:12: undefined field 'bogus'\n | object.spec.bogus > 1\n | ...........^\n",
  );
  const right = await statusOf("right", {
    matchConstraints: deployments,
    validations: [{ expression: "object.spec.replicas > 1 && has(oldObject.metadata.labels)" }],
  });
  assert.deepEqual(right, { observedGeneration: 1, typeChecking: {} });
  const rule = deployments.resourceRules[0]!;
  const several = await statusOf("several", {
    matchConstraints: {
      resourceRules: [
        { ...rule, resources: ["statefulsets", "pods/status", "deployments"] },
        { ...rule, apiGroups: [""], resources: ["pods"] },
        { ...rule, apiGroups: ["*"], resources: ["services"] },
      ],
    },
    validations: [{ expression: "object.bogus == 1" }],
  });
  assert.deepEqual(
    several.typeChecking?.expressionWarnings?.[0]?.warning.match(/^.*Kind=\w+/gm),
    ["/v1, Kind=Pod", "apps/v1, Kind=Deployment", "apps/v1, Kind=StatefulSet"],
    "by group, version and kind",
  );
  const unknown = await statusOf("unknown-params", {
    matchConstraints: deployments,
    paramKind: { apiVersion: "example.com/v1", kind: "Missing" },
    validations: [{ expression: "params.limit > 1" }],
  });
  assert.match(
    unknown.typeChecking?.expressionWarnings?.[0]?.warning ?? "",
    /undeclared reference to 'params' \(in container ''\)/,
    "of parameters of a kind that is not there nothing is known",
  );
});
