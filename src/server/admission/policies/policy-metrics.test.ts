import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../../../test/control-plane.ts";
import {
  ConfigMaps,
  ValidatingAdmissionPolicies,
  ValidatingAdmissionPolicyBindings,
  type ValidatingAdmissionPolicySpec,
} from "../../../api/index.ts";
import { MetricRegistry } from "../../../lib/index.ts";

test("what validating policies find is counted, by policy, binding and what followed", async (t) => {
  const metrics = new MetricRegistry();
  const { create } = await startTestControlPlane(t, { controllers: [], metrics });
  const policy = async (name: string, spec: Partial<ValidatingAdmissionPolicySpec>, ...validationActions: string[]) => {
    const resources = { apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE"] };
    const matchConstraints = { resourceRules: [resources] };
    await create(ValidatingAdmissionPolicies, { metadata: { name }, spec: { matchConstraints, ...spec } });
    const bound = { policyName: name, validationActions };
    await create(ValidatingAdmissionPolicyBindings, { metadata: { name: `${name}-binding` }, spec: bound });
  };
  const validations = (expression: string) => ({ validations: [{ expression }] });
  await policy("fine", validations("true"), "Deny");
  await policy("lenient", { ...validations("object.data['no'] == ''"), failurePolicy: "Ignore" }, "Deny");
  await policy("loud", validations("false"), "Warn", "Audit");
  await policy("strict", validations("object.metadata.name == 'good'"), "Deny");
  const configMap = (name: string) => create(ConfigMaps, { metadata: { namespace: "default", name }, data: {} });
  await configMap("good");
  await assert.rejects(configMap("bad"), /'strict'/);
  const counts = [...metrics.text().matchAll(/^apiserver_validating_admission_policy_check_total\{(.*)\} (\d+)$/gm)];
  assert.deepEqual(counts.map(([, labels, count]) => `${labels?.replaceAll('"', "")} ${count}`).sort(), [
    "policy=lenient,policy_binding=lenient-binding,error_type=invalid_error,enforcement_action=allow 2",
    "policy=loud,policy_binding=loud-binding,error_type=invalid_error,enforcement_action=audit 2",
    "policy=loud,policy_binding=loud-binding,error_type=invalid_error,enforcement_action=warn 2",
    "policy=strict,policy_binding=strict-binding,error_type=invalid_error,enforcement_action=deny 1",
  ]);
  assert.match(
    metrics.text(),
    /admission_policy_check_duration_seconds_bucket\{.*enforcement_action="deny",le="5e-07"\}/,
  );
});
