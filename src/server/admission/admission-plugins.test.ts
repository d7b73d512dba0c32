import assert from "node:assert/strict";
import { test } from "node:test";
import { planAdmission, readAdmissionConfiguration } from "./admission-plugins.ts";

const configuration = (...plugins: object[]) => ({
  apiVersion: "apiserver.config.k8s.io/v1",
  kind: "AdmissionConfiguration",
  plugins,
});

test("plugins can be turned on and off, and what cannot be is said", () => {
  planAdmission({ enabled: ["AlwaysPullImages"], disabled: ["PodSecurity"] });
  assert.throws(
    () => planAdmission({ enabled: ["AlwaysPull", "Priority"], disabled: ["Priority"] }),
    /^Error: admission plugin "AlwaysPull" is unknown; admission plugin "Priority" is both enabled and disabled$/,
  );
  assert.throws(() => planAdmission({ enabled: ["EventRateLimit"] }), /EventRateLimit: it needs a configuration/);
  planAdmission({ disabled: ["EventRateLimit"] });
});

test("a configuration is read for each plugin, and checked only where the plugin is on", () => {
  const wrong = { apiVersion: "pod-security.admission.config.k8s.io/v1", kind: "PodSecurityConfiguration", x: 1 };
  const configurations = readAdmissionConfiguration(configuration({ name: "PodSecurity", configuration: wrong }));
  assert.throws(() => planAdmission({ configurations }), /admission plugin PodSecurity: unknown field "x"/);
  planAdmission({ configurations, disabled: ["PodSecurity"] });
  assert.throws(
    () => planAdmission({ configurations: new Map([["Priority", {}]]) }),
    /admission plugin Priority: it takes no configuration/,
  );
  assert.throws(
    () => readAdmissionConfiguration(configuration({ name: "A" }, { name: "A" }, { path: "x.yaml" })),
    /plugins\[1\]\.name: Duplicate value: "A"; plugins\[2\]\.name: Required value; plugins\[2\]\.path: Forbidden/,
  );
});
