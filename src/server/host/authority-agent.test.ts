import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { aroundTests } from "../../../test/around-tests.ts";
import { systemClock } from "../../lib/index.ts";
import { httpsWebhookCaller } from "./webhook-caller.ts";

let folder: string;
aroundTests(
  () => {
    folder = mkdtempSync(join(tmpdir(), "roder-authority-"));
  },
  () => rmSync(folder, { recursive: true }),
);

const file = (name: string) => join(folder, name);
const text = (name: string) => readFileSync(file(name), "utf8");
const openssl = (...args: readonly string[]) => execFileSync("openssl", args, { cwd: folder, stdio: "ignore" });

/** A key and a certificate, `name.key` and `name.crt`, by openssl: ours would identify the keys beside the names. */
function certify(name: string, subject: string, extensions: readonly string[], issuer?: string): void {
  writeFileSync(file("extensions"), extensions.join("\n"));
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", `${name}.key`];
  openssl("req", "-new", ...key, "-subj", subject, "-out", "request");
  const by = issuer ? ["-CA", `${issuer}.crt`, "-CAkey", `${issuer}.key`] : ["-signkey", `${name}.key`];
  const asked = ["-req", "-in", "request", "-extfile", "extensions", "-days", "2", "-set_serial", "1"];
  openssl("x509", ...asked, ...by, "-out", `${name}.crt`);
}

const withoutKeys = ["subjectKeyIdentifier=none", "authorityKeyIdentifier=none"];
const authority = ["basicConstraints=critical,CA:TRUE", "keyUsage=keyCertSign", ...withoutKeys];
const server = ["subjectAltName=DNS:hook.shop.svc", ...withoutKeys];
const unreadable = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
const unknown = "tls: failed to verify certificate: x509: certificate signed by unknown authority";

/** What a server with this key and certificate is to a caller that trusts `authorities`: "answered", or the error. */
async function calling(key: string, authorities: string, name = "hook.shop.svc"): Promise<string> {
  const hook = createServer({ key: text(`${key}.key`), cert: text(`${key}.crt`) }, (_, response) =>
    response.end('"answered"'),
  );
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", resolve));
  const { port } = hook.address() as AddressInfo; // it listens on a port
  try {
    const url = `https://${name}:443/`;
    const address = { host: "127.0.0.1", port };
    const call = { url, address, authority: authorities, body: {}, timeoutMs: 10_000 };
    return String(await httpsWebhookCaller(systemClock)(call));
  } catch (error) {
    return (error as Error).message; // that is what the caller rejects with
  } finally {
    hook.closeAllConnections();
    hook.close();
  }
}

test("a server may have the name of the authority that signed it, or both none", async () => {
  for (const subject of ["/O=shop", "/"]) {
    certify("own", subject, authority);
    certify("hook", subject, server, "own");
    certify("other", subject, authority);
    certify("plain", subject, withoutKeys);
    assert.equal(await calling("hook", text("own.crt")), "answered");
    assert.equal(await calling("hook", text("other.crt") + text("own.crt")), "answered");
    assert.equal(await calling("hook", text("other.crt")), unknown);
    assert.equal(await calling("hook", `${text("other.crt")}${unreadable}${text("own.crt")}`), "answered");
    assert.match(await calling("hook", text("own.crt"), "else.shop.svc"), /valid for hook.shop.svc, not else.shop.svc/);
    // A certificate that may sign none signs none.
    certify("hook", subject, server, "plain");
    assert.equal(await calling("hook", text("plain.crt")), unknown);
  }
});

test("an authority is trusted whoever signed it", async () => {
  certify("root", "/CN=root", authority);
  certify("middle", "/CN=middle", authority, "root");
  certify("hook", "/CN=hook", server, "middle");
  assert.equal(await calling("hook", text("middle.crt")), "answered");
  assert.equal(await calling("hook", text("hook.crt")), "answered");
  assert.equal(await calling("hook", text("root.crt")), unknown);
});
