import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { test } from "node:test";
import { ApiError, readCertificate } from "../../api/index.ts";
import { issue } from "../../cluster/pki/certificate.ts";
import { seededRandom, VirtualClock } from "../../lib/index.ts";
import { createX509Authenticator } from "./x509.ts";

const clock = new VirtualClock();
const hourMs = 3600 * 1000;

function certificate(
  commonName: string,
  organizations: readonly string[],
  notAfterMs = clock.now() + hourMs,
): Uint8Array {
  const notBeforeMs = clock.now() - hourMs;
  const pair = issue({ commonName, organizations, usage: "client", notBeforeMs, notAfterMs }, seededRandom(1));
  return new X509Certificate(pair.certificate).raw;
}

const isUnauthorized = (error: unknown) => error instanceof ApiError && error.code === 401;

test("the common name is the user and every organization a group", async () => {
  const raw = certificate("jane", ["dev", "Überbau"]);
  const user = await createX509Authenticator(clock).authenticate({ certificate: raw });
  assert.equal(user?.name, "jane");
  assert.deepEqual(user?.groups, ["dev", "Überbau"]);
  const fingerprint = new X509Certificate(raw).fingerprint256.replaceAll(":", "").toLowerCase();
  assert.deepEqual(user?.extra, { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] });
});

test("a connection without certificate, and a certificate without name, are nobody's", async () => {
  const authenticator = createX509Authenticator(clock);
  assert.equal(await authenticator.authenticate({}), undefined);
  assert.equal(await authenticator.authenticate({ certificate: certificate("", ["dev"]) }), undefined);
});

test("the same certificate gives the same user object without reading it again", async () => {
  const authenticator = createX509Authenticator(clock);
  const raw = certificate("jane", []);
  assert.equal(
    await authenticator.authenticate({ certificate: raw }),
    await authenticator.authenticate({ certificate: raw }),
  );
});

test("a certificate that ends while its connection lives stops counting", async () => {
  const at = new VirtualClock(clock.now());
  const authenticator = createX509Authenticator(at);
  const raw = certificate("jane", [], at.now() + hourMs);
  assert.equal((await authenticator.authenticate({ certificate: raw }))?.name, "jane");
  await at.advance(hourMs + 1000);
  await assert.rejects(async () => authenticator.authenticate({ certificate: raw }), isUnauthorized);
});

test("validity is read in both forms of time", () => {
  const late = Date.UTC(2060, 1, 3, 4, 5, 6);
  assert.equal(readCertificate(certificate("jane", [], late))?.notAfterMs, late);
  const early = Date.UTC(2049, 11, 31, 23, 59, 59);
  assert.equal(readCertificate(certificate("jane", [], early))?.notAfterMs, early);
});

test("bytes that are no certificate are refused, wherever they are cut or changed", async () => {
  const raw = certificate("jane", ["dev"]);
  const authenticator = createX509Authenticator(clock);
  for (const bytes of [new Uint8Array(), Uint8Array.of(0x30), raw.subarray(0, 60), Uint8Array.of(0x30, 0x80, 0, 0)])
    await assert.rejects(async () => authenticator.authenticate({ certificate: bytes }), isUnauthorized);
  for (let cut = 0; cut < raw.length; cut += 7) assert.equal(readCertificate(raw.subarray(0, cut)), undefined);
  const random = seededRandom(7);
  for (let round = 0; round < 500; round++) {
    const changed = Uint8Array.from(raw);
    changed[Math.floor(random.next() * changed.length)] = Math.floor(random.next() * 256);
    // Whatever it says, it says it without an exception.
    readCertificate(changed);
  }
});
