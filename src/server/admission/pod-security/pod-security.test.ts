import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ApiError,
  Deployments,
  type KubeObject,
  Namespaces,
  type NewObject,
  type Pod,
  type PodSpec,
  Pods,
  type ResourceDefinition,
} from "../../../api/index.ts";
import { ObjectLookup } from "../../lookup-of-objects.ts";
import { admitted, type Write } from "../request-for-tests.ts";
import { podSecurity } from "./pod-security.ts";
import { readPodSecuritySettings } from "./settings.ts";
import { type Level, type Version, violations } from "./standards.ts";

const container = {
  name: "main",
  image: "a",
  terminationMessagePath: "",
  terminationMessagePolicy: "",
  imagePullPolicy: "",
};
const safe = { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } };
const restrictedSpec = {
  securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
  containers: [{ ...container, securityContext: safe }],
} as unknown as PodSpec; // what the checks read of it

const specWith = (more: object, ofContainer: object = {}): PodSpec =>
  ({ containers: [{ ...container, ...ofContainer }], ...more }) as unknown as PodSpec; // as above

function told(
  spec: PodSpec,
  level: Level,
  version: Version = "latest",
  annotations: Record<string, string> = {},
): string {
  return violations({ annotations, spec }, level, version)
    .map(({ reason, detail }) => `${reason} (${detail})`)
    .join(", ");
}

/** Sends it through the plugin in a namespace with these labels; what came of it. */
async function send<T extends KubeObject>(
  labels: Record<string, string>,
  definition: ResourceDefinition<T>,
  write: Write<T>,
  pods: readonly string[] = [],
) {
  const lookup = new ObjectLookup().put(Namespaces, { metadata: { name: "shop", labels } });
  for (const name of pods) lookup.put(Pods, { metadata: { namespace: "shop", name }, spec: specWith({}) });
  const warnings: string[] = [];
  const notes: Record<string, string> = {};
  const told = await admitted(podSecurity(lookup), definition, {
    ...write,
    warn: (sentence) => warnings.push(sentence),
    annotate: (key, value) => {
      notes[key] = value;
    },
  }).then(
    () => "admitted",
    (error: unknown) => (error instanceof ApiError ? `${error.code} ${error.message}` : String(error)),
  );
  return { told, warnings, notes };
}

const mode = (name: string, value: string) => ({ [`pod-security.kubernetes.io/${name}`]: value });
const pod = (spec: PodSpec): NewObject<Pod> => ({ metadata: { namespace: "shop", name: "a" }, spec });

test("a pod that the enforced level forbids is refused with everything that it violates", async () => {
  const labels = mode("enforce", "restricted");
  assert.deepEqual(
    (await send(labels, Pods, { object: pod(specWith({})) })).told,
    [
      '403 pods "a" is forbidden: violates PodSecurity "restricted:latest": ',
      'allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false), ',
      'unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]), ',
      'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true), ',
      'seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
    ].join(""),
  );
  assert.equal((await send(labels, Pods, { object: pod(restrictedSpec) })).told, "admitted");
  assert.equal((await send({}, Pods, { object: pod(specWith({ hostPID: true })) })).told, "admitted");
});

test("a level that only warns or is audited lets the pod pass and says what it violates", async () => {
  const labels = { ...mode("warn", "baseline"), ...mode("audit", "baseline"), ...mode("warn-version", "v1.30") };
  const { told: outcome, warnings, notes } = await send(labels, Pods, { object: pod(specWith({ hostNetwork: true })) });
  assert.equal(outcome, "admitted");
  assert.deepEqual(warnings, ['would violate PodSecurity "baseline:v1.30": host namespaces (hostNetwork=true)']);
  assert.deepEqual(notes, {
    "pod-security.kubernetes.io/enforce-policy": "privileged:latest",
    "pod-security.kubernetes.io/audit-violations":
      'would violate PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  });
});

test("what makes pods that will be refused is admitted with a warning", async () => {
  const spec = { selector: {}, template: { metadata: {}, spec: specWith({ hostPID: true }) } };
  const object = { metadata: { namespace: "shop", name: "a" }, spec: spec as never }; // what the plugin reads of it
  const { told: outcome, warnings } = await send(mode("enforce", "baseline"), Deployments, { object });
  assert.equal(outcome, "admitted");
  assert.deepEqual(warnings, ['would violate PodSecurity "baseline:latest": host namespaces (hostPID=true)']);
});

test("an update of a pod is looked at again only when it changes containers or images", async () => {
  const labels = mode("enforce", "restricted");
  const old = pod(specWith({}));
  const same = { ...old, metadata: { ...old.metadata, labels: { a: "b" } } };
  assert.equal((await send(labels, Pods, { object: same, old })).told, "admitted");
  const image = pod(specWith({}, { image: "b" }));
  assert.match((await send(labels, Pods, { object: image, old })).told, /^403 /);
});

test("labels of a namespace must be levels and versions, and existing pods are told about", async () => {
  const namespace = (labels: Record<string, string>) => ({ metadata: { name: "shop", labels } });
  const wrong = { ...mode("enforce", "strict"), ...mode("warn-version", "1.30") };
  assert.equal(
    (await send({}, Namespaces, { object: namespace(wrong) })).told,
    '422 Namespace "shop" is invalid: [metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "strict": must be one of privileged, baseline, restricted, metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.30": must be "latest" or "v1.x"]',
  );
  const change = { object: namespace(mode("enforce", "restricted")), old: namespace({}) };
  const { told: outcome, warnings } = await send({}, Namespaces, change, ["a", "b", "c"]);
  assert.equal(outcome, "admitted");
  assert.deepEqual(warnings, [
    'existing pods in namespace "shop" violate the new PodSecurity enforce level "restricted:latest"',
    "a (and 2 other pods): allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile",
  ]);
});

test("every check of the standards says what is wrong in Kubernetes' words", () => {
  const volumes = [
    { name: "v", hostPath: { path: "/" } },
    { name: "n", nfs: { server: "a", path: "/" } },
  ];
  const context = (securityContext: object) => ({ securityContext });
  const table: [PodSpec, Level, string][] = [
    [
      specWith({}, context({ capabilities: { add: ["SYS_ADMIN", "CHOWN"] } })),
      "baseline",
      'non-default capabilities (container "main" must not include "SYS_ADMIN" in securityContext.capabilities.add)',
    ],
    [specWith({ volumes }), "baseline", 'hostPath volumes (volume "v")'],
    [
      specWith(
        {},
        {
          ports: [
            { containerPort: 80, hostPort: 80 },
            { containerPort: 81, hostPort: 81 },
          ],
        },
      ),
      "baseline",
      'hostPort (container "main" uses hostPorts 80, 81)',
    ],
    [
      specWith({}, { livenessProbe: { httpGet: { host: "10.0.0.1", port: 1 } } }),
      "baseline",
      'probe or lifecycle host (container "main" uses probe or lifecycle host "10.0.0.1")',
    ],
    [
      specWith({}, context({ privileged: true })),
      "baseline",
      'privileged (container "main" must not set securityContext.privileged=true)',
    ],
    [
      specWith({}, context({ procMount: "Unmasked" })),
      "baseline",
      'procMount (container "main" must not set securityContext.procMount to "Unmasked")',
    ],
    [
      specWith(context({ seLinuxOptions: { type: "own_t", user: "u" } })),
      "baseline",
      'seLinuxOptions (pod set forbidden securityContext.seLinuxOptions: type "own_t"; user may not be set)',
    ],
    [
      specWith(context({ seccompProfile: { type: "Unconfined" } })),
      "baseline",
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ],
    [
      specWith(
        context({
          sysctls: [
            { name: "kernel.msgmax", value: "1" },
            { name: "net.ipv4.tcp_rmem", value: "1" },
            { name: "constructor", value: "1" },
          ],
        }),
      ),
      "baseline",
      "forbidden sysctls (kernel.msgmax, constructor)",
    ],
    [
      specWith(context({ windowsOptions: { hostProcess: true } }), context({ windowsOptions: { hostProcess: true } })),
      "baseline",
      'hostProcess (pod and container "main" must not set securityContext.windowsOptions.hostProcess=true)',
    ],
    [
      { ...restrictedSpec, volumes: volumes as never },
      "restricted",
      'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
    ],
    [
      { ...restrictedSpec, ...specWith(context({ ...restrictedSpec.securityContext, runAsUser: 0 }), context(safe)) },
      "restricted",
      "runAsUser=0 (pod must not set runAsUser=0)",
    ],
    [
      {
        ...restrictedSpec,
        ...specWith(context({ ...restrictedSpec.securityContext, runAsNonRoot: false }), context(safe)),
      },
      "restricted",
      "runAsNonRoot != true (pod must not set securityContext.runAsNonRoot=false)",
    ],
  ];
  for (const [spec, level, expected] of table) assert.equal(told(spec, level), expected);
});

test("a version has the checks that it had then", () => {
  const sysctls = { securityContext: { sysctls: [{ name: "net.ipv4.tcp_rmem", value: "1" }] } };
  assert.equal(told(specWith(sysctls), "baseline", 31), "forbidden sysctls (net.ipv4.tcp_rmem)");
  assert.equal(told(specWith(sysctls), "baseline", 32), "");
  assert.equal(
    told(specWith({}), "restricted", 7),
    'runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true)',
  );
  const windows = { ...restrictedSpec, os: { name: "windows" }, containers: specWith({}).containers };
  assert.equal(told(windows, "restricted"), "");
  assert.match(told(windows, "restricted", 24), /^allowPrivilegeEscalation/);
});

test("an operator says what counts in namespaces that say nothing, and who is not held to it", async () => {
  const settings = readPodSecuritySettings({
    apiVersion: "pod-security.admission.config.k8s.io/v1",
    kind: "PodSecurityConfiguration",
    defaults: { enforce: "restricted", "enforce-version": "v1.30" },
    exemptions: { usernames: ["root"], runtimeClasses: ["vm"], namespaces: ["infra"] },
  });
  const lookup = new ObjectLookup();
  for (const name of ["shop", "infra"]) lookup.put(Namespaces, { metadata: { name } });
  lookup.put(Namespaces, {
    metadata: { name: "free", labels: { "pod-security.kubernetes.io/enforce": "privileged" } },
  });
  const send = (namespace: string, spec: object = {}, name = "jane") =>
    admitted(podSecurity(lookup, settings), Pods, {
      object: { metadata: { namespace, name: "web" }, spec: specWith(spec) },
      user: { name, groups: [] },
    });
  await assert.rejects(send("shop"), /violates PodSecurity "restricted:v1.30"/);
  await send("free");
  await send("infra");
  await send("shop", { runtimeClassName: "vm" });
  await send("shop", {}, "root");
  assert.throws(
    () =>
      readPodSecuritySettings({
        apiVersion: "pod-security.admission.config.k8s.io/v1",
        kind: "PodSecurityConfiguration",
        defaults: { enforce: "strict", "warn-version": "1" },
      }),
    /defaults\.enforce: Invalid value: "strict": must be one of privileged, baseline, restricted; defaults\.warn-version/,
  );
});
