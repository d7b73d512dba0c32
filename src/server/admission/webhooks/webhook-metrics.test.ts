import assert from "node:assert/strict";
import { test } from "node:test";
import { startTestControlPlane } from "../../../../test/control-plane.ts";
import { ConfigMaps, ValidatingWebhookConfigurations } from "../../../api/index.ts";
import { MetricRegistry } from "../../../lib/index.ts";

test("what admission webhooks answer is counted, by name", async (t) => {
  const metrics = new MetricRegistry();
  const answers: Record<string, object | undefined> = {
    "yes.example.com": { allowed: true },
    "no.example.com": { allowed: false, status: { code: 418 } },
  };
  const { create } = await startTestControlPlane(t, {
    controllers: [],
    metrics,
    async callWebhook({ url, body }) {
      const { uid } = (body as { request: { uid: string } }).request; // the server's own
      const answer = answers[new URL(url).hostname];
      if (!answer) throw new Error("connect: connection refused");
      return { apiVersion: "admission.k8s.io/v1", kind: "AdmissionReview", response: { uid, ...answer } };
    },
  });
  const webhooks = [...Object.keys(answers), "closed.example.com", "open.example.com"].map((name) => ({
    name,
    clientConfig: { url: `https://${name}/` },
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    failurePolicy: name.startsWith("open") ? "Ignore" : "Fail",
    rules: [{ apiGroups: [""], apiVersions: ["v1"], resources: ["configmaps"], operations: ["CREATE"] }],
  }));
  await create(ValidatingWebhookConfigurations, { metadata: { name: "all" }, webhooks });
  await assert.rejects(create(ConfigMaps, { metadata: { namespace: "default", name: "a" } }), /no\.example\.com/);
  const of = (name: string) =>
    [
      ...metrics
        .text()
        .matchAll(new RegExp(`^apiserver_admission_webhook_${name}\\{name="(\\w+).*?",(.*)\\} (\\d+)$`, "gm")),
    ]
      .map(([, webhook, labels, count]) => `${webhook} ${labels?.replaceAll('"', "")} ${count}`)
      .sort();
  assert.deepEqual(of("request_total"), [
    "closed type=validating,operation=CREATE,code=503,rejected=true 1",
    "no type=validating,operation=CREATE,code=418,rejected=true 1",
    "open type=validating,operation=CREATE,code=503,rejected=false 1",
    "yes type=validating,operation=CREATE,code=200,rejected=false 1",
  ]);
  assert.deepEqual(of("rejection_count"), [
    "closed type=validating,operation=CREATE,error_type=calling_webhook_error,rejection_code=503 1",
    "no type=validating,operation=CREATE,error_type=no_error,rejection_code=418 1",
  ]);
  assert.deepEqual(of("fail_open_count"), ["open type=validating 1"]);
  assert.equal(of("admission_duration_seconds_count").length, 4);
});
