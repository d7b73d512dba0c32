import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { connect } from "node:tls";
import type { AgentServerTls } from "../agent/host/streaming/index.ts";
import { Nodes } from "../api/index.ts";
import { fromKubeconfig, httpsClient } from "../client/http/index.ts";
import { silentLogger, systemClock, systemRandom, VirtualClock } from "../lib/index.ts";
import { startHttpServer } from "../server/http/index.ts";
import { MemoryStorage } from "../storage/index.ts";
import { startControlPlane } from "./control-plane.ts";
import { administratorEntry, renewCredentials, serverTls, writeCredentials } from "./credentials.ts";
import { dataDirectory } from "./data-directory.ts";
import { readNodeCredentials, takeRenewedCredentials } from "./node-credentials.ts";
import { ClusterPki, mergeKubeconfig } from "./pki/index.ts";
import { renewDaily } from "./renew-daily.ts";
import { type ClusterSettings, dataVersion, writeSettings } from "./settings.ts";
import { versionInfo } from "./version.ts";

const dayMs = 24 * 3600 * 1000;
const addresses = ["127.0.0.1"];

/** A served control plane whose certificates were issued `days` ago by a clock that still stands there. */
async function clusterOf(t: TestContext, days: number) {
  const root = await mkdtemp(join(tmpdir(), "roder-credentials-"));
  t.after(() => rm(root, { recursive: true }));
  const directory = dataDirectory(join(root, "data"));
  await mkdir(directory.root);
  const clock = new VirtualClock(systemClock.now() - days * dayMs);
  const pki = await ClusterPki.open({
    directory: directory.pki,
    clock,
    serverNames: [],
    serviceAddress: "10.43.0.1",
  });
  const plane = await startControlPlane({
    storage: new MemoryStorage(),
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    serviceAccountKey: pki.serviceAccountKey,
    apiAddress: undefined,
    apiPort: 6_443,
    podRange: "10.42.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    freeze: true,
  });
  t.after(() => plane.close());
  const listener = await startHttpServer({
    api: plane.api,
    authenticator: plane.authenticator,
    tls: serverTls(pki),
    address: "127.0.0.1",
    port: 0,
    advertised: "127.0.0.1",
    version: versionInfo,
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
  });
  t.after(() => listener.close());
  const settings: ClusterSettings = {
    dataVersion,
    name: "test",
    port: listener.port,
    bindAddress: "127.0.0.1",
    nodes: 1,
    nodeName: "n1",
    podRange: "10.42.0.0/16",
    serviceRange: "10.43.0.0/16",
    clusterDomain: "cluster.local",
    agentPort: 10_250,
    kubeconfig: join(root, "kubeconfig"),
  };
  writeSettings(directory, settings);
  await writeCredentials(directory, settings, pki, addresses);
  await mergeKubeconfig(settings.kubeconfig, administratorEntry(directory, settings, pki));
  /** What the API server shows to who comes now. */
  const shown = async () => {
    const socket = connect({ port: listener.port, ca: pki.authority.certificate, servername: "localhost" });
    await once(socket, "secureConnect");
    const certificate = socket.getPeerX509Certificate();
    socket.destroy();
    return certificate?.fingerprint256;
  };
  const clientWith = async (kubeconfig: string) => {
    const connection = await fromKubeconfig(kubeconfig);
    const client = httpsClient({ ...connection, clock: systemClock, random: systemRandom });
    t.after(() => client.close());
    return client;
  };
  return { directory, settings, pki, clock, listener, shown, clientWith };
}

const fingerprint = (certificate: string) => new X509Certificate(certificate).fingerprint256;

test("certificates near their end are issued anew and taken into use while the server and its clients run", async (t) => {
  // Issued eight months ago: when the last one ends is four months from now.
  const { directory, settings, pki, clock, listener, shown, clientWith } = await clusterOf(t, 248);
  const keys = join(directory.agent, "pki");
  const [node, network] = [
    await clientWith(join(keys, "node.kubeconfig")),
    await clientWith(join(keys, "network.kubeconfig")),
  ];
  const served: AgentServerTls[] = [];
  const users = { node, network, serving: { renew: (tls: AgentServerTls) => void served.push(tls) } };
  const used = await readNodeCredentials(directory);
  const first = { server: await shown(), admin: pki.admin.certificate };
  await node.get(Nodes, { name: "n1" }).catch(notFound);

  await renewCredentials(directory, settings, { pki, listener, addresses });
  assert.deepEqual(await takeRenewedCredentials(directory, used, users), used, "nothing is near its end yet");
  assert.equal(await shown(), first.server);

  await clock.advance(247 * dayMs);
  await renewCredentials(directory, settings, { pki, listener, addresses });
  assert.notEqual(await shown(), first.server);
  assert.equal(await shown(), fingerprint(pki.apiServer.certificate));
  const now = await takeRenewedCredentials(directory, used, users);
  for (const each of ["node", "network"] as const)
    assert.notEqual(now[each].clientCertificate, used[each].clientCertificate);
  assert.deepEqual(served, [now.serving]);
  assert.notEqual(now.serving.certificate, used.serving.certificate);
  await node.get(Nodes, { name: "n1" }).catch(notFound);
  await network.list(Nodes);

  // The administrator's, in both files that hold them.
  assert.notEqual(pki.admin.certificate, first.admin);
  for (const file of [directory.kubeconfig, settings.kubeconfig]) {
    assert.equal((await fromKubeconfig(file)).clientCertificate, pki.admin.certificate);
    await (await clientWith(file)).list(Nodes);
  }
});

function notFound(error: unknown): void {
  assert.match(String(error), /nodes "n1" not found/);
}

test("a kubeconfig that cannot be written keeps nothing else from being renewed", async (t) => {
  const { directory, settings, pki, clock, listener } = await clusterOf(t, 248);
  await clock.advance(247 * dayMs);
  const elsewhere = { ...settings, kubeconfig: directory.root };
  await assert.rejects(
    renewCredentials(directory, elsewhere, { pki, listener, addresses }),
    /cannot read the kubeconfig/,
  );
  assert.equal((await fromKubeconfig(directory.kubeconfig)).clientCertificate, pki.admin.certificate);
  assert.equal(
    await readFile(join(directory.agent, "pki/serving.crt"), "utf8"),
    (await pki.node("n1", addresses)).serving.certificate,
  );
});

test("renewal is tried once a day, after a failure too, until the signal ends it", async () => {
  const clock = new VirtualClock();
  const stop = new AbortController();
  const errors: unknown[] = [];
  let tries = 0;
  const log = { ...silentLogger, error: (_: string, fields?: object) => void errors.push(fields) };
  const done = renewDaily({ clock, log, signal: stop.signal }, async () => {
    if (++tries === 2) throw new Error("the disk is full");
  });
  await clock.advance(dayMs - 1);
  assert.equal(tries, 0);
  await clock.advance(3 * dayMs);
  assert.equal(tries, 3);
  assert.deepEqual(errors, [{ error: "the disk is full" }]);
  stop.abort();
  await done;
  assert.equal(tries, 3);
});
