import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type AnswerForms,
  aggregatedDiscoveryAnswers,
  checkStream,
  customAnswers,
  objectAnswers,
  plainAnswers,
  reviewAnswers,
} from "./negotiation.ts";

const protobuf = "application/vnd.kubernetes.protobuf";
const metadata = "as=PartialObjectMetadata;g=meta.k8s.io;v=v1";
const table = "as=Table;g=meta.k8s.io;v=v1";
const discovery = "as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v2";

const cases: readonly [AnswerForms, string, string | undefined][] = [
  [objectAnswers, "", "json"],
  [objectAnswers, "*/*", "json"],
  [objectAnswers, "*", "json"],
  [objectAnswers, "application/*", "json"],
  [objectAnswers, "APPLICATION/JSON", "json"],
  [objectAnswers, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", "json"],
  [objectAnswers, "application/yaml", "yaml"],
  [objectAnswers, protobuf, "protobuf"],
  [objectAnswers, `${protobuf},application/json`, "protobuf"],
  [objectAnswers, `application/json,${protobuf}`, "json"],
  [objectAnswers, `application/json;q=0.5,${protobuf}`, "protobuf"],
  [objectAnswers, `${protobuf};q=0.1,application/yaml;q=0.2`, "yaml"],
  [objectAnswers, `*/*,${protobuf}`, "protobuf"],
  [objectAnswers, `application/cbor,${protobuf}`, "protobuf"],
  [objectAnswers, `${protobuf};stream=watch`, "protobuf"],
  [objectAnswers, "application/json;stream=watch", "json"],
  [objectAnswers, "application/yaml;stream=watch", undefined],
  [objectAnswers, "application/json;stream=other", undefined],
  [objectAnswers, "application/cbor", undefined],
  [objectAnswers, "text/plain", undefined],
  [objectAnswers, "json", undefined],
  [objectAnswers, `${protobuf};${metadata}`, "protobuf PartialObjectMetadata v1"],
  [objectAnswers, `${protobuf};${table},application/json;${table}`, "json Table v1"],
  [objectAnswers, `application/yaml;${table}`, "yaml Table v1"],
  [objectAnswers, `${protobuf};${table}`, undefined],
  [objectAnswers, "application/json;as=Table;g=meta.k8s.io;v=v2,application/json", "json"],
  [objectAnswers, "application/json;as=Table;g=example.com;v=v1", undefined],
  [objectAnswers, "application/json;as=Other;g=meta.k8s.io;v=v1", undefined],
  [objectAnswers, "application/json;v=v1", undefined],
  [reviewAnswers, `application/json;${table}`, undefined],
  [reviewAnswers, `application/json;${table},application/json`, "json"],
  [reviewAnswers, `application/json;${metadata}`, "json PartialObjectMetadata v1"],
  [reviewAnswers, protobuf, "protobuf"],
  [customAnswers, protobuf, undefined],
  [customAnswers, `${protobuf},application/json`, "json"],
  [customAnswers, `${protobuf},*/*`, "json"],
  [customAnswers, `${protobuf};${metadata},application/json`, "protobuf PartialObjectMetadata v1"],
  [plainAnswers, `application/json;${table},application/json`, "json"],
  [plainAnswers, `application/json;${table}`, undefined],
  [plainAnswers, protobuf, "protobuf"],
  [aggregatedDiscoveryAnswers, `application/json,application/json;${discovery}`, "json APIGroupDiscoveryList v2"],
  [aggregatedDiscoveryAnswers, `${protobuf};${discovery}`, "protobuf APIGroupDiscoveryList v2"],
  [aggregatedDiscoveryAnswers, "application/json;as=APIGroupDiscoveryList;g=apidiscovery.k8s.io;v=v3", undefined],
  [aggregatedDiscoveryAnswers, "*/*", undefined],
];

const names = new Map([
  [objectAnswers, "an object"],
  [reviewAnswers, "a review"],
  [customAnswers, "a custom resource"],
  [plainAnswers, "a status"],
  [aggregatedDiscoveryAnswers, "discovery"],
]);

for (const [forms, accept, expected] of cases)
  test(`${names.get(forms)} for "${accept}" is ${expected ?? "not acceptable"}`, () => {
    // The second time it comes from what is known.
    for (let count = 0; count < 2; count++) {
      const found = forms.find(accept);
      assert.equal(found && [found.encoding, found.as, found.as && found.version].filter(Boolean).join(" "), expected);
    }
  });

test("who accepts nothing that is served is told what is", () => {
  assert.throws(() => customAnswers.negotiate("text/plain"), {
    code: 406,
    reason: "NotAcceptable",
    message:
      "only the following media types are accepted: application/json, application/yaml, application/vnd.kubernetes.protobuf",
  });
});

test("a watch has no form in YAML", () => {
  checkStream(objectAnswers.negotiate(protobuf));
  assert.throws(() => checkStream(objectAnswers.negotiate("application/yaml,application/json")), {
    code: 406,
    message:
      "only the following media types are accepted: application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch",
  });
});
