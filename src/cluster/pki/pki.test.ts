import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { connect, createServer } from "node:tls";
import { systemClock, UserError, VirtualClock } from "../../lib/index.ts";
import { addressBytes } from "./certificate.ts";
import { ClusterPki, type PkiOptions } from "./pki.ts";

const made: string[] = [];
after(() => Promise.all(made.map((directory) => rm(directory, { recursive: true, force: true }))));

async function options(overrides: Partial<PkiOptions> = {}): Promise<PkiOptions> {
  const directory = await mkdtemp(join(tmpdir(), "roder-pki-"));
  made.push(directory);
  return {
    directory: join(directory, "pki"),
    clock: systemClock,
    serverNames: ["machine", "192.0.2.7", "2001:db8::7"],
    serviceAddress: "10.43.0.1",
    ...overrides,
  };
}

test("a new directory gets every certificate, readable by the owner alone", async () => {
  const given = await options();
  await ClusterPki.open(given);
  const files = await readdir(given.directory);
  assert.deepEqual(files.sort(), [
    "admin.crt",
    "admin.key",
    "apiserver-kubelet-client.crt",
    "apiserver-kubelet-client.key",
    "apiserver.crt",
    "apiserver.key",
    "ca.crt",
    "ca.key",
    "front-proxy-ca.crt",
    "front-proxy-ca.key",
    "front-proxy-client.crt",
    "front-proxy-client.key",
    "sa.key",
    "sa.pub",
  ]);
  assert.equal((await stat(given.directory)).mode & 0o777, 0o700);
  for (const file of files) assert.equal((await stat(join(given.directory, file))).mode & 0o777, 0o600, file);
});

test("the API server's certificate is for every name it is called by", async () => {
  const pki = await ClusterPki.open(await options());
  const certificate = new X509Certificate(pki.apiServer.certificate);
  for (const name of ["localhost", "machine", "kubernetes", "kubernetes.default.svc.cluster.local"])
    assert.equal(certificate.checkHost(name), name);
  for (const address of ["127.0.0.1", "::1", "10.43.0.1", "192.0.2.7", "2001:db8::7"])
    assert.equal(certificate.checkIP(address), address);
  assert.equal(certificate.checkHost("elsewhere"), undefined);
});

const openssl = spawnSync("openssl", ["version"]).status === 0;

test("openssl, checking strictly, accepts the chain for its purpose", {
  skip: !openssl && "no openssl here",
}, async () => {
  const given = await options();
  const pki = await ClusterPki.open(given);
  await pki.node("node-1", ["192.0.2.8"]);
  const verify = (purpose: string, file: string) =>
    execFileSync(
      "openssl",
      [
        "verify",
        "-x509_strict",
        "-purpose",
        purpose,
        "-CAfile",
        join(given.directory, "ca.crt"),
        join(given.directory, file),
      ],
      { stdio: "pipe" },
    ).toString();
  assert.match(verify("sslserver", "apiserver.crt"), /OK/);
  assert.match(verify("sslclient", "admin.crt"), /OK/);
  assert.match(verify("sslclient", "node-node-1-client.crt"), /OK/);
  assert.match(verify("sslserver", "node-node-1-serving.crt"), /OK/);
  assert.throws(() => verify("sslserver", "admin.crt"));
});

test("client certificates name user and groups", async () => {
  const pki = await ClusterPki.open(await options());
  const subject = (certificate: string) => new X509Certificate(certificate).subject;
  assert.equal(subject(pki.admin.certificate), "O=system:masters\nCN=kubernetes-admin");
  assert.equal(subject((await pki.node("node-1", [])).client.certificate), "O=system:nodes\nCN=system:node:node-1");
  const several = await pki.component("several", { commonName: "jane", organizations: ["dev", "ops"] });
  assert.equal(subject(several.certificate), "O=dev\nO=ops\nCN=jane");
});

test("the certificate of a component is kept", async () => {
  const given = await options();
  const first = await (await ClusterPki.open(given)).component("kube-proxy", { commonName: "system:kube-proxy" });
  assert.equal(new X509Certificate(first.certificate).subject, "CN=system:kube-proxy");
  assert.deepEqual(
    await (await ClusterPki.open(given)).component("kube-proxy", { commonName: "system:kube-proxy" }),
    first,
  );
});

test("what is there is used again", async () => {
  const given = await options();
  const first = await ClusterPki.open(given);
  const node = await first.node("node-1", ["192.0.2.8"]);
  const second = await ClusterPki.open(given);
  assert.deepEqual(second.authority, first.authority);
  assert.deepEqual(second.apiServer, first.apiServer);
  assert.deepEqual(second.admin, first.admin);
  assert.equal(second.serviceAccountKey, first.serviceAccountKey);
  assert.deepEqual(await second.node("node-1", ["192.0.2.8"]), node);
});

test("the API server's certificate is issued anew for a new name, and nothing else is", async () => {
  const given = await options();
  const first = await ClusterPki.open(given);
  const second = await ClusterPki.open({ ...given, serverNames: ["machine", "192.0.2.99"] });
  assert.notEqual(second.apiServer.certificate, first.apiServer.certificate);
  assert.equal(new X509Certificate(second.apiServer.certificate).checkIP("192.0.2.99"), "192.0.2.99");
  assert.deepEqual(second.admin, first.admin);
});

test("certificates near their end are renewed while the cluster runs", async () => {
  const clock = new VirtualClock(systemClock.now());
  const pki = await ClusterPki.open(await options({ clock }));
  const before = pki.apiServer;
  assert.equal(await pki.renew(), false);
  await clock.advance(260 * 24 * 3600 * 1000);
  assert.equal(await pki.renew(), true);
  assert.notDeepEqual(pki.apiServer, before);
  assert.ok(new X509Certificate(pki.apiServer.certificate).validToDate.getTime() > clock.now());
});

test("a clock that is far off is told, and nothing is issued by it", async () => {
  const given = await options();
  await ClusterPki.open(given);
  const files = () =>
    Promise.all(["ca.crt", "apiserver.crt"].map((name) => readFile(join(given.directory, name), "utf8")));
  const before = await files();
  for (const years of [-2, 11]) {
    const clock = new VirtualClock(systemClock.now() + years * 365 * 24 * 3600 * 1000);
    await assert.rejects(
      ClusterPki.open({ ...given, clock }),
      (error) => error instanceof UserError && /the machine's clock says .*: set the clock/.test(error.message),
    );
  }
  assert.deepEqual(await files(), before);
});

test("a certificate that was issued while the clock was ahead is replaced once it is right", async () => {
  const given = await options();
  await ClusterPki.open(given);
  const ahead = new VirtualClock(systemClock.now() + 300 * 24 * 3600 * 1000);
  const late = await ClusterPki.open({ ...given, clock: ahead });
  const { apiServer } = await ClusterPki.open(given);
  assert.notEqual(apiServer.certificate, late.apiServer.certificate);
  assert.ok(new X509Certificate(apiServer.certificate).validFromDate.getTime() <= systemClock.now());
});

test("a start that was cut off before the authority's certificate begins again", async () => {
  const given = await options();
  await ClusterPki.open(given);
  await rm(join(given.directory, "ca.crt"));
  const pki = await ClusterPki.open(given);
  assert.ok(
    new X509Certificate(pki.apiServer.certificate).verify(new X509Certificate(pki.authority.certificate).publicKey),
  );
});

test("a damaged leaf certificate is replaced", async () => {
  const given = await options();
  await ClusterPki.open(given);
  await writeFile(join(given.directory, "admin.crt"), "garbage");
  const pki = await ClusterPki.open(given);
  assert.match(new X509Certificate(pki.admin.certificate).subject, /kubernetes-admin/);
});

test("an authority without its key, or with another one, is refused and nothing is overwritten", async () => {
  const given = await options();
  await ClusterPki.open(given);
  const certificate = await readFile(join(given.directory, "ca.crt"), "utf8");
  await rm(join(given.directory, "ca.key"));
  await assert.rejects(ClusterPki.open(given), (error) => error instanceof UserError && /ca\.key/.test(error.message));
  await writeFile(join(given.directory, "ca.key"), await readFile(join(given.directory, "front-proxy-ca.key")));
  await assert.rejects(ClusterPki.open(given), /do not belong together/);
  assert.equal(await readFile(join(given.directory, "ca.crt"), "utf8"), certificate);
  await writeFile(join(given.directory, "ca.crt"), "garbage");
  await assert.rejects(ClusterPki.open(given), /damaged/);
  assert.equal(await readFile(join(given.directory, "ca.crt"), "utf8"), "garbage");
});

test("TLS with a client certificate works both ways", async () => {
  const pki = await ClusterPki.open(await options());
  const server = createServer(
    {
      key: pki.apiServer.privateKey,
      cert: pki.apiServer.certificate,
      ca: pki.authority.certificate,
      requestCert: true,
      rejectUnauthorized: true,
    },
    (socket) => socket.end(String(socket.getPeerCertificate().subject.CN)),
  );
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const heard = await new Promise<string>((resolve, reject) => {
    const socket = connect({
      port,
      host: "127.0.0.1",
      key: pki.admin.privateKey,
      cert: pki.admin.certificate,
      ca: pki.authority.certificate,
    });
    let text = "";
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("end", () => resolve(text));
    socket.on("error", reject);
  });
  server.close();
  assert.equal(heard, "kubernetes-admin");
});

test("addresses are encoded in full", () => {
  assert.deepEqual([...addressBytes("10.43.0.1")], [10, 43, 0, 1]);
  const six = (address: string) => Buffer.from(addressBytes(address)).toString("hex");
  assert.equal(six("::1"), "00000000000000000000000000000001");
  assert.equal(six("2001:db8::7"), "20010db8000000000000000000000007");
  assert.equal(six("fe80::1%eth0"), "fe800000000000000000000000000001");
  assert.equal(six("::ffff:192.0.2.1"), "00000000000000000000ffffc0000201");
  assert.equal(six("1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
});
