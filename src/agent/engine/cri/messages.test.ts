import assert from "node:assert/strict";
import { test } from "node:test";
import { whyNotReady } from "./messages.ts";

test("a runtime that is not ready says so in the kubelet's words, and its own warnings keep no pod away", () => {
  const ready = (type: string) => ({ type, status: true });
  const runtime = { type: "RuntimeReady", status: false, reason: "Starting", message: "wait" };
  const network = { type: "NetworkReady", status: false, reason: "NetworkPluginNotReady", message: "no network" };
  const outdated = { type: "ContainerdHasNoDeprecationWarnings", status: false, reason: "Has", message: "old" };
  assert.equal(whyNotReady([ready("RuntimeReady"), ready("NetworkReady"), outdated]), "");
  const ofNetwork =
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:no network";
  assert.equal(whyNotReady([ready("RuntimeReady"), network]), ofNetwork);
  assert.equal(
    whyNotReady([runtime, network]),
    `[container runtime not ready: RuntimeReady=false reason:Starting message:wait, ${ofNetwork}]`,
  );
});
