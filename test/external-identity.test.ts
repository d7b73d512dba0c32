// Identities and rights that come from elsewhere, over real HTTPS: an OpenID Connect issuer, a webhook that knows tokens and
// one that decides about requests; kubectl is the client.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { issue } from "../src/cluster/pki/certificate.ts";
import { systemClock, systemRandom } from "../src/lib/index.ts";
import { readAuthenticationConfiguration, readAuthorizationConfiguration } from "../src/server/index.ts";
import { aroundTests } from "./around-tests.ts";
import { kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

const dayMs = 86_400_000;
const nowMs = systemClock.now();
const validity = { notBeforeMs: nowMs - dayMs, notAfterMs: nowMs + dayMs };
const authority = issue({ commonName: "elsewhere", usage: "authority", ...validity }, systemRandom);
const serving = issue(
  { commonName: "elsewhere", usage: "server", alternativeNames: ["127.0.0.1"], ...validity },
  systemRandom,
  authority,
);
const ours = issue({ commonName: "roder", usage: "client", ...validity }, systemRandom, authority);

let elsewhere: Server;
let issuer: string;
let plane: ServedControlPlane;
let nobody: string;
const { publicKey, privateKey } = await generateKeyPair("ES256", { extractable: true });
/** Who called the webhooks, by the certificate that was shown. */
const callers = new Set<string>();

/** What the other server answers at a path. */
async function answer(path: string, body: string): Promise<object> {
  switch (path) {
    case "/.well-known/openid-configuration":
      return { issuer, jwks_uri: `${issuer}/keys` };
    case "/keys":
      return { keys: [{ ...(await exportJWK(publicKey)), kid: "k", alg: "ES256", use: "sig" }] };
    case "/tokens": {
      const { token } = JSON.parse(body).spec;
      const known = token === "known-elsewhere";
      return { status: known ? { authenticated: true, user: { username: "carol", groups: ["ops"] } } : {} };
    }
    default: {
      const { user, resourceAttributes } = JSON.parse(body).spec;
      const { verb, resource } = resourceAttributes;
      if (resource === "secrets") return { status: { allowed: false, denied: true, reason: "secrets are sealed" } };
      return { status: { allowed: user === "carol" && verb === "list" && resource === "configmaps" } };
    }
  }
}

aroundTests(
  async () => {
    const tls = { key: serving.privateKey, cert: serving.certificate, ca: authority.certificate };
    elsewhere = createServer({ ...tls, requestCert: true, rejectUnauthorized: false }, (request, response) => {
      let body = "";
      request.on("data", (part) => {
        body += part;
      });
      request.on("end", async () => {
        const socket = request.socket as import("node:tls").TLSSocket;
        if (request.method === "POST") callers.add(String(socket.getPeerCertificate().subject?.CN));
        response.end(JSON.stringify(await answer(request.url ?? "", body)));
      });
    });
    await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
    issuer = `https://127.0.0.1:${(elsewhere.address() as AddressInfo).port}`;
    const { issuers } = readAuthenticationConfiguration(
      {
        apiVersion: "apiserver.config.k8s.io/v1",
        kind: "AuthenticationConfiguration",
        jwt: [
          {
            issuer: { url: issuer, audiences: ["roder"], certificateAuthority: authority.certificate },
            claimMappings: {
              username: { expression: "'login:' + claims.sub" },
              groups: { claim: "roles", prefix: "login:" },
            },
          },
        ],
      },
      "https://own",
    );
    const configuration = readAuthorizationConfiguration({
      apiVersion: "apiserver.config.k8s.io/v1",
      kind: "AuthorizationConfiguration",
      authorizers: [
        { type: "Node", name: "node" },
        {
          type: "Webhook",
          name: "elsewhere",
          webhook: {
            timeout: "3s",
            subjectAccessReviewVersion: "v1",
            failurePolicy: "Deny",
            connectionInfo: { type: "KubeConfigFile", kubeConfigFile: "/elsewhere" },
            matchConditionSubjectAccessReviewVersion: "v1",
            matchConditions: [
              { expression: "has(request.resourceAttributes)" },
              { expression: "!request.user.startsWith('system:')" },
            ],
          },
        },
        { type: "RBAC", name: "rbac" },
      ],
    });
    const reviewer = { authority: authority.certificate, client: ours };
    plane = await serveControlPlane({
      issuers,
      tokenReviewer: { ...reviewer, url: `${issuer}/tokens` },
      authorization: { configuration, reviewers: new Map([["/elsewhere", { ...reviewer, url: `${issuer}/rights` }]]) },
    });
    nobody = join(plane.directory, "nobody.kubeconfig");
    writeFileSync(
      nobody,
      readFileSync(plane.kubeconfig, "utf8").replace(/^ *client-(certificate|key)-data: .*\n/gm, ""),
    );
  },
  async () => {
    await plane.close();
    elsewhere.closeAllConnections();
    await new Promise((resolve) => elsewhere.close(resolve));
  },
);

async function kubectl(token: string, ...args: readonly string[]): Promise<string> {
  const { stdout, stderr } = await kubectlOf(plane).outcome([...args, `--kubeconfig=${nobody}`, `--token=${token}`]);
  return (stdout + stderr).trim();
}

const whoAmI = async (token: string) =>
  JSON.parse(await kubectl(token, "auth", "whoami", "-o", "json")).status.userInfo;

function login(claims: object, key: CryptoKey = privateKey): Promise<string> {
  const seconds = Math.floor(systemClock.now() / 1000);
  return new SignJWT({ iss: issuer, aud: "roder", sub: "jane", exp: seconds + 600, ...claims })
    .setProtectedHeader({ alg: "ES256", kid: "k" })
    .sign(key);
}

test("a token of a trusted issuer is a user, and one that somebody else signed is not", async () => {
  assert.deepEqual(await whoAmI(await login({ roles: ["dev"] })), {
    username: "login:jane",
    groups: ["login:dev", "system:authenticated"],
  });
  const forged = await login({}, (await generateKeyPair("ES256")).privateKey);
  assert.match(await kubectl(forged, "get", "configmaps"), /Unauthorized|must be logged in/);
});

test("a token that a webhook knows is a user, and one that it does not know is not", async () => {
  assert.deepEqual(await whoAmI("known-elsewhere"), { username: "carol", groups: ["ops", "system:authenticated"] });
  assert.match(await kubectl("unknown", "get", "configmaps"), /Unauthorized|must be logged in/);
  assert.deepEqual([...callers], ["roder"], "the server shows its own certificate");
});

test("a webhook allows, denies, or leaves the question to the roles", async () => {
  const carol = (...args: readonly string[]) => kubectl("known-elsewhere", ...args);
  assert.equal(await carol("get", "configmaps", "-o", "name"), "configmap/kube-root-ca.crt");
  assert.equal(
    await carol("get", "secrets"),
    'Error from server (Forbidden): secrets is forbidden: User "carol" cannot list resource "secrets" in API group "" in the namespace "default": secrets are sealed',
  );
  assert.match(await carol("get", "pods"), /User "carol" cannot list resource "pods"/);
  assert.match(await carol("auth", "can-i", "--list"), /webhook authorizer does not support user rule resolution/);
});
