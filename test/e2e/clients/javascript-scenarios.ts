// What programs in JavaScript do with the official client that needs real containers or a whole cluster. Run by
// javascript-client.e2e.ts, one scenario a run.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import {
  ApiException,
  ApiextensionsV1Api,
  Attach,
  AuthorizationV1Api,
  CertificatesV1Api,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  type KubernetesObject,
  Log,
  PortForward,
  type V1CertificateSigningRequest,
  type V1CustomResourceDefinition,
  type V1Pod,
  type V1Status,
  Watch,
} from "@kubernetes/client-node";

const namespace = "default";
const image = "docker.io/library/busybox:1.35";
const config = new KubeConfig();
config.loadFromDefault();
const core = config.makeApiClient(CoreV1Api);

/** The first object that a watch of `path` shows and that `holds`. */
async function until<T extends KubernetesObject>(
  path: string,
  name: string,
  holds: (object: T, type: string) => boolean,
) {
  const found = Promise.withResolvers<T>();
  const query = { fieldSelector: `metadata.name=${name}`, timeoutSeconds: 60 };
  const request = await new Watch(config).watch(
    path,
    query,
    (type, object: T) => {
      if (holds(object, type)) found.resolve(object);
    },
    (error) => found.reject(error ?? new Error(`${name} did not become what was waited for`)),
  );
  try {
    return await found.promise;
  } finally {
    request.abort();
  }
}

async function streams(): Promise<void> {
  const command = [
    "sh",
    "-c",
    "echo one; echo two; touch /said; while read line; do echo got $line; done; exec sleep 1000",
  ];
  const readinessProbe = { exec: { command: ["test", "-e", "/said"] }, periodSeconds: 1 };
  const serve = ["sh", "-c", "while true; do echo served | nc -l -p 8080; done"];
  await core.createNamespacedPod({
    namespace,
    body: {
      metadata: { name: "streams" },
      spec: {
        terminationGracePeriodSeconds: 0,
        containers: [
          { name: "main", image, command, stdin: true, readinessProbe },
          { name: "server", image, command: serve },
        ],
      },
    },
  });
  await until<V1Pod>(`/api/v1/namespaces/${namespace}/pods`, "streams", ({ status }) =>
    Boolean(status?.conditions?.some((each) => each.type === "Ready" && each.status === "True")),
  );
  const log = new PassThrough();
  await new Log(config).log(namespace, "streams", "main", log);
  assert.equal(await text(log), "one\ntwo\n");

  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ended = Promise.withResolvers<V1Status>();
  const shell = ["sh", "-c", "read word; echo heard $word; echo wrong >&2; exit 3"];
  const exec = new Exec(config);
  await exec.exec(namespace, "streams", "main", shell, stdout, stderr, stdin, false, ended.resolve);
  stdin.write("typed\n");
  const status = await ended.promise;
  assert.equal(status.reason, "NonZeroExitCode");
  assert.equal(status.details?.causes?.[0]?.message, "3");
  assert.equal(String(stdout.read()), "heard typed\n");
  assert.equal(String(stderr.read()), "wrong\n");

  const [input, output] = [new PassThrough(), new PassThrough()];
  const socket = await new Attach(config).attach(namespace, "streams", "main", output, null, input, false);
  input.write("said\n");
  const [answer] = (await Array.fromAsync(firstOf(output))) as Buffer[];
  assert.equal(String(answer), "got said\n");
  socket.close();

  const received = new PassThrough();
  const forward = await new PortForward(config).portForward(
    namespace,
    "streams",
    [8080],
    received,
    null,
    new PassThrough(),
  );
  const [served] = (await Array.fromAsync(firstOf(received))) as Buffer[];
  assert.equal(String(served), "served\n");
  if ("close" in forward) forward.close();
  await core.deleteNamespacedPod({ name: "streams", namespace });
}

async function* firstOf(stream: PassThrough): AsyncGenerator<unknown> {
  for await (const chunk of stream) {
    yield chunk;
    return;
  }
}

async function customResources(): Promise<void> {
  const group = "javascript.example.com";
  const name = `gears.${group}`;
  const definitions = config.makeApiClient(ApiextensionsV1Api);
  const spec = { type: "object", properties: { size: { type: "integer", minimum: 1 } }, required: ["size"] };
  await definitions.createCustomResourceDefinition({
    body: {
      metadata: { name },
      spec: {
        group,
        scope: "Namespaced",
        names: { plural: "gears", singular: "gear", kind: "Gear" },
        versions: [
          {
            name: "v1",
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
          },
        ],
      },
    },
  });
  const path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";
  await until<V1CustomResourceDefinition>(path, name, ({ status }) =>
    Boolean(status?.conditions?.some((each) => each.type === "Established" && each.status === "True")),
  );
  const objects = config.makeApiClient(CustomObjectsApi);
  const place = { group, version: "v1", namespace, plural: "gears" };
  const gear = (size: number) => ({
    apiVersion: `${group}/v1`,
    kind: "Gear",
    metadata: { name: "big" },
    spec: { size },
  });
  await assert.rejects(
    objects.createNamespacedCustomObject({ ...place, body: gear(0) }),
    (error) => error instanceof ApiException && error.code === 422,
  );
  await objects.createNamespacedCustomObject({ ...place, body: gear(4) });
  const steps = [{ op: "replace", path: "/spec/size", value: 5 }];
  await objects.patchNamespacedCustomObject({ ...place, name: "big", body: steps });
  const { items } = (await objects.listNamespacedCustomObject(place)) as { items: ReturnType<typeof gear>[] };
  assert.deepEqual(
    items.map((each) => each.spec),
    [{ size: 5 }],
  );
  const gone = until<V1CustomResourceDefinition>(path, name, (_, type) => type === "DELETED");
  await definitions.deleteCustomResourceDefinition({ name });
  await gone;
  await assert.rejects(
    objects.listNamespacedCustomObject(place),
    (error) => error instanceof ApiException && error.code === 404,
  );
}

async function certificates(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "roder-javascript-client-"));
  try {
    const [key, request] = [join(folder, "key.pem"), join(folder, "request.pem")];
    const parameters = ["req", "-new", "-newkey", "rsa:2048", "-nodes", "-subj", "/O=scripts/CN=jo"];
    execFileSync("openssl", [...parameters, "-keyout", key, "-out", request], { stdio: "ignore" });
    const signing = config.makeApiClient(CertificatesV1Api);
    const asked = await signing.createCertificateSigningRequest({
      body: {
        metadata: { name: "jo" },
        spec: {
          request: readFileSync(request).toString("base64"),
          signerName: "kubernetes.io/kube-apiserver-client",
          usages: ["client auth"],
        },
      },
    });
    const conditions = [{ type: "Approved", status: "True", reason: "Tested", message: "by the test" }];
    await signing.replaceCertificateSigningRequestApproval({ name: "jo", body: { ...asked, status: { conditions } } });
    const path = "/apis/certificates.k8s.io/v1/certificatesigningrequests";
    const signed = await until<V1CertificateSigningRequest>(path, "jo", ({ status }) => Boolean(status?.certificate));
    const own = new KubeConfig();
    const user = { name: "jo", certData: signed.status!.certificate!, keyFile: key };
    own.loadFromClusterAndUser(config.getCurrentCluster()!, user);
    const review = await own.makeApiClient(AuthorizationV1Api).createSelfSubjectAccessReview({
      body: { spec: { resourceAttributes: { verb: "list", resource: "pods", namespace } } },
    });
    assert.equal(review.status?.allowed, false);
    await assert.rejects(
      own.makeApiClient(CoreV1Api).listNamespacedPod({ namespace }),
      (error) => error instanceof ApiException && error.code === 403 && /User \\?"jo\\?"/.test(String(error.body)),
    );
    await signing.deleteCertificateSigningRequest({ name: "jo" });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const scenarios = { streams, customResources, certificates };
await scenarios[process.argv[2] as keyof typeof scenarios](); // named by the test that runs it
