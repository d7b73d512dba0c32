import assert from "node:assert/strict";
import { test } from "node:test";
import type { ApiError, Node, Pod } from "../../../api/index.ts";
import { agentOf } from "./backend.ts";
import { logQuery } from "./log-options.ts";
import { commandQuery, containerOf, nodeNameOf, portQuery } from "./pod-backend.ts";

function pod(containers: readonly string[], spec: object = {}): Pod {
  const list = containers.map((name) => ({ name, image: "x" }));
  // Only what is read here is given.
  return { metadata: { name: "p" }, spec: { containers: list, ...spec } } as unknown as Pod;
}

const query = (text: string) => new URLSearchParams(text);

test("the container is the named one or the only one", () => {
  assert.equal(containerOf(pod(["a"]), ""), "a");
  assert.equal(containerOf(pod(["a"], { initContainers: [{ name: "i" }] }), ""), "a");
  assert.equal(containerOf(pod(["a", "b"], { ephemeralContainers: [{ name: "e" }] }), "e"), "e");
  assert.throws(() => containerOf(pod(["a"]), "x"), { message: "container x is not valid for pod p", code: 400 });
  const choice = "a container name must be specified for pod p, choose one of: [i a b]";
  assert.throws(() => containerOf(pod(["a", "b"], { initContainers: [{ name: "i" }] }), ""), { message: choice });
});

test("a pod without a node has no streams", () => {
  assert.equal(nodeNameOf(pod(["a"], { nodeName: "n" })), "n");
  assert.throws(() => nodeNameOf(pod(["a"])), { message: "pod p does not have a host assigned", code: 400 });
});

test("exec is asked of the agent in the kubelet's names", () => {
  const asked = query("command=sh&command=-c+x&stdin=true&stdout=1&stderr=false&tty=&container=a");
  assert.equal(String(commandQuery(asked, true)), "input=1&output=1&tty=1&command=sh&command=-c+x");
  assert.equal(String(commandQuery(asked, false)), "input=1&output=1&tty=1");
  assert.equal(String(portQuery(query("ports=80,81&ports=90"))), "port=80%2C81%2C90");
  assert.equal(String(portQuery(query(""))), "");
});

test("log options are validated as PodLogOptions", () => {
  const passed = "follow=true&timestamps=true&tailLines=5&limitBytes=7&sinceTime=2026-01-01T00%3A00%3A00Z";
  assert.equal(String(logQuery(query(`${passed}&container=a`), "p")), passed);
  assert.equal(String(logQuery(query("tailLines="), "p")), "");
  const errorOf = (text: string) => {
    try {
      logQuery(query(text), "p");
    } catch (error) {
      return error as ApiError;
    }
    throw new Error(`${text} was taken`);
  };
  const invalid = errorOf("tailLines=-1&limitBytes=0");
  assert.equal(invalid.code, 422);
  assert.equal(
    invalid.message,
    'PodLogOptions "p" is invalid: [tailLines: Invalid value: -1: must be greater than or equal to 0, limitBytes: Invalid value: 0: must be greater than 0]',
  );
  assert.match(
    errorOf("sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z").message,
    /at most one of `sinceTime` or `sinceSeconds` may be specified/,
  );
  assert.equal(errorOf("limitBytes=ten").message, 'strconv.ParseInt: parsing "ten": invalid syntax');
  assert.equal(errorOf("sinceTime=yesterday").code, 400);
});

test("a node is reached at its internal address and the port that its agent says", () => {
  const node = (status: object) => ({ metadata: { name: "n" }, spec: {}, status }) as unknown as Node; // as above
  const addresses = [
    { type: "Hostname", address: "n" },
    { type: "InternalIP", address: "10.0.0.1" },
  ];
  assert.deepEqual(agentOf(node({ addresses })), { host: "10.0.0.1", port: 10_250 });
  const daemonEndpoints = { kubeletEndpoint: { Port: 4 } };
  assert.deepEqual(agentOf(node({ addresses: [addresses[0]], daemonEndpoints })), { host: "n", port: 4 });
  assert.throws(() => agentOf(node({})), /no preferred addresses found; known addresses: \[\]/);
});

test("nobody connects to the address that a simulated node pretends to have", () => {
  const metadata = { name: "n", labels: { "roder.io/hollow": "true" } };
  const addresses = [{ type: "InternalIP", address: "10.0.0.1" }];
  const node = { metadata, spec: {}, status: { addresses } } as unknown as Node; // as above
  assert.throws(() => agentOf(node), { code: 503, message: 'node "n" is simulated: nothing runs on it' });
});
