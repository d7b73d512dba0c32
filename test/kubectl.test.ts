// The machine's kubectl against a whole control plane without nodes: every command that needs no container.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { aroundTests } from "./around-tests.ts";
import { type Kubectl, kubectlOf } from "./kubectl.ts";
import { type ServedControlPlane, serveControlPlane } from "./served-control-plane.ts";

let plane: ServedControlPlane;
let kubectl: Kubectl;
aroundTests(
  async () => {
    plane = await serveControlPlane();
    kubectl = kubectlOf(plane);
  },
  () => plane.close(),
);

const apply = (manifest: string, ...flags: readonly string[]) => kubectl.given(manifest, "apply", ...flags);

function file(name: string, text: string): string {
  const path = join(plane.directory, name);
  writeFileSync(path, text);
  return path;
}

/** An editor that changes the text as sed is told. */
function editor(name: string, expression: string): string {
  const path = file(name, `#!/bin/sh\nsed -i '${expression}' "$1"\n`);
  chmodSync(path, 0o755);
  return path;
}

const created: readonly (readonly [string, string])[] = [
  ["namespace made", "namespace/made"],
  [
    "clusterrole reader --verb=get,list --resource=pods,deployments.apps",
    "clusterrole.rbac.authorization.k8s.io/reader",
  ],
  ["clusterrole pages --verb=get --non-resource-url=/logs/*", "clusterrole.rbac.authorization.k8s.io/pages"],
  [
    "clusterrolebinding readers --clusterrole=reader --user=bob --serviceaccount=made:robot",
    "clusterrolebinding.rbac.authorization.k8s.io/readers",
  ],
  ["role writer --verb=create,update --resource=configmaps", "role.rbac.authorization.k8s.io/writer"],
  ["rolebinding writers --role=writer --group=devs", "rolebinding.rbac.authorization.k8s.io/writers"],
  ["serviceaccount robot", "serviceaccount/robot"],
  ["configmap settings --from-literal=a=b", "configmap/settings"],
  ["secret generic opaque --from-literal=a=b", "secret/opaque"],
  ["secret docker-registry pull --docker-server=localhost --docker-username=u --docker-password=p", "secret/pull"],
  ["quota limits --hard=pods=100,configmaps=100", "resourcequota/limits"],
  ["priorityclass high --value=1000 --preemption-policy=Never", "priorityclass.scheduling.k8s.io/high"],
  ["deployment web --image=nginx:1 --replicas=2 --port=80", "deployment.apps/web"],
  ["poddisruptionbudget web --selector=app=web --min-available=50%", "poddisruptionbudget.policy/web"],
  ["job once --image=busybox -- date", "job.batch/once"],
  ["cronjob often --image=busybox --schedule=*/5_*_*_*_* -- date", "cronjob.batch/often"],
  ["job extra --from=cronjob/often", "job.batch/extra"],
  ["service clusterip web --tcp=80:8080", "service/web"],
  ["service nodeport out --tcp=80:8080 --node-port=30080", "service/out"],
  ["service loadbalancer balanced --tcp=80:8080", "service/balanced"],
  ["service externalname elsewhere --external-name=example.com", "service/elsewhere"],
  [
    "ingress site --class=nginx --rule=example.com/path*=web:80,tls=cert --default-backend=web:80",
    "ingress.networking.k8s.io/site",
  ],
];

test("create makes an object with every generator", async () => {
  for (const [command, name] of created) {
    // The words of a schedule are one argument.
    const args = command.split(" ").map((each) => (each.startsWith("--schedule") ? each.replaceAll("_", " ") : each));
    const namespace = name.startsWith("namespace/") ? [] : ["--namespace=made"];
    assert.equal(await kubectl("create", ...namespace, ...args), `${name} created\n`);
  }
  assert.match(await kubectl("create", "token", "robot", "--namespace=made", "--duration=1h"), /^ey[\w-]+\.[\w.-]+$/);
  assert.match(await kubectl.refusal("create", "token", "nobody"), /serviceaccounts "nobody" not found/);
});

test("get shows every resource in every output", async () => {
  const resources = (await kubectl("api-resources", "--verbs=list", "--output=name")).trim().split("\n");
  assert.ok(resources.length > 50);
  const outputs = ["wide", "yaml", "json", "name", "jsonpath={.items[*].kind}", "custom-columns=KIND:.kind"];
  for (const output of outputs) await kubectl("get", resources.join(","), "--all-namespaces", `--output=${output}`);
  const [header, ...rows] = (await kubectl("get", "deployments", "--namespace=made", "--output=wide")).split("\n");
  assert.match(header ?? "", /^NAME +READY +UP-TO-DATE +AVAILABLE +AGE +CONTAINERS +IMAGES +SELECTOR$/);
  assert.match(rows[0] ?? "", /^web +0\/2 +2 +0 +\S+ +nginx +nginx:1 +app=web$/);
});

test("explain knows every resource", async () => {
  const waiting = (await kubectl("api-resources", "--output=name")).trim().split("\n").values();
  const explainRest = async () => {
    for (const resource of waiting) {
      // kubectl itself takes the dots after the name of a core resource for fields.
      if (resource === "events.events.k8s.io") continue;
      assert.match(await kubectl("explain", resource), /\nDESCRIPTION:\n/, resource);
    }
  };
  await Promise.all([explainRest(), explainRest(), explainRest()]);
  assert.match(
    await kubectl("explain", "pod.spec.containers.resources.limits"),
    /FIELD: limits <map\[string\]Quantity>/,
  );
  assert.match(
    await kubectl("explain", "pod", "--recursive"),
    /\n {4}containers\t<\[\]Container> -required-\n {6}args\t/,
  );
});

test("get --raw reads any path", async () => {
  assert.match(await kubectl("get", "--raw", "/version"), /"gitVersion": "v1\.35\.\d+\+roder"/);
  assert.equal(await kubectl("get", "--raw", "/readyz"), "ok");
  assert.match(await kubectl("get", "--raw", "/openapi/v3"), /"apis\/apps\/v1"/);
  assert.match(await kubectl.refusal("get", "--raw", "/apis/none"), /\(NotFound\)/);
});

test("edit writes what the editor made, and nothing when it made nothing", async () => {
  await kubectl("create", "configmap", "edited", "--from-literal=a=b");
  const edit = (expression: string) =>
    kubectl.outcome(["edit", "configmap", "edited"], "", { EDITOR: editor("edit.sh", expression) });
  assert.equal((await edit("s/a: b/a: c/")).stdout, "configmap/edited edited\n");
  assert.match((await edit("s/a: b/a: c/")).stderr, /no changes made/);
  assert.equal(await kubectl("get", "configmap", "edited", "--output=jsonpath={.data.a}"), "c");
  assert.match((await edit("s/^data:/bogus: x\\ndata:/")).stderr, /configmaps "edited" is invalid/);
});

test("patch takes all three types, and says what is wrong with one", async () => {
  await kubectl("create", "deployment", "patched", "--image=nginx:1");
  const patch = (type: string, text: string, ...flags: readonly string[]) =>
    kubectl("patch", "deployment", "patched", `--type=${type}`, `--patch=${text}`, ...flags);
  const image = '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"nginx:2"}]}}}}';
  assert.match(await patch("strategic", image), /patched$/m);
  assert.match(await patch("strategic", image), /patched \(no change\)$/m);
  await patch("merge", '{"spec":{"replicas":2}}');
  await patch("json", '[{"op":"replace","path":"/spec/replicas","value":3}]');
  await patch("merge", '{"spec":{"replicas":4}}', "--subresource=scale");
  const output = "--output=jsonpath={.spec.replicas} {.spec.template.spec.containers[*].image}";
  assert.equal(await kubectl("get", "deployment", "patched", output), "4 nginx:2");
  const wrong = (type: string, text: string) =>
    kubectl.refusal("patch", "deployment", "patched", `--type=${type}`, `--patch=${text}`);
  assert.match(
    await wrong("strategic", '{"spec":{"replicas":"many"}}'),
    /^The request is invalid: patch: Invalid value: "map\[spec:map\[replicas:many\]\]": /,
  );
  assert.match(await wrong("json", '[{"op":"test","path":"/spec/replicas","value":9}]'), /The request is invalid/);
});

test("replace wants the version it was made from, and with --force makes the object anew", async () => {
  await kubectl("create", "configmap", "replaced", "--from-literal=a=b");
  const old = file("replaced.yaml", await kubectl("get", "configmap", "replaced", "--output=yaml"));
  assert.match(await kubectl("replace", "-f", old), /replaced$/m);
  await kubectl("label", "configmap", "replaced", "changed=yes");
  assert.match(await kubectl.refusal("replace", "-f", old), /\(Conflict\).*the object has been modified/s);
  assert.match(await kubectl("replace", "--force", "-f", old), /deleted\nconfigmap\/replaced replaced$/m);
  assert.match(await kubectl.refusal("replace", "-f", old), /Precondition failed: UID in precondition: /);
});

test("label and annotate set, refuse to overwrite, and remove", async () => {
  await kubectl("create", "configmap", "marked");
  for (const command of ["label", "annotate"]) {
    const mark = (...args: readonly string[]) => kubectl(command, "configmap", "marked", ...args);
    await mark("a=b");
    assert.match(
      await kubectl.refusal(command, "configmap", "marked", "a=c"),
      /already has a value|--overwrite is false/,
    );
    await mark("a=c", "--overwrite");
    const field = command === "label" ? "labels" : "annotations";
    assert.equal(await kubectl("get", "configmap", "marked", `--output=jsonpath={.metadata.${field}.a}`), "c");
    await mark("a-");
    assert.equal(await kubectl("get", "configmap", "marked", `--output=jsonpath={.metadata.${field}}`), "");
  }
});

test("a node is tainted, cordoned and drained", async () => {
  await apply("apiVersion: v1\nkind: Node\nmetadata: { name: worker }\n");
  assert.match(await kubectl("taint", "nodes", "worker", "k=v:NoSchedule"), /tainted$/m);
  assert.match(await kubectl.refusal("taint", "nodes", "worker", "k=v:NoSchedule"), /already has k taint/);
  assert.match(await kubectl("taint", "nodes", "worker", "k:NoSchedule-"), /untainted$/m);
  await kubectl("cordon", "worker");
  assert.match(await kubectl("get", "nodes"), /^worker +\S*SchedulingDisabled/m);
  await kubectl("uncordon", "worker");
  assert.match(await kubectl("drain", "worker"), /drained$/m);
  assert.match(await kubectl("describe", "node", "worker"), /^Unschedulable: +true$/m);
  await kubectl("delete", "node", "worker");
});

test("a scale is shown with what is wanted and what is there", async () => {
  await kubectl("create", "deployment", "shown", "--image=nginx:1", "--replicas=2");
  const scale = ["get", "deployment", "shown", "--subresource=scale"];
  assert.match(await kubectl(...scale), /^NAME +DESIRED +AVAILABLE +AGE\nshown +2 +[02] +\S+\n$/);
});

test("autoscale makes an autoscaler that both versions show", async () => {
  await kubectl("create", "deployment", "scaled", "--image=nginx:1");
  await kubectl("autoscale", "deployment", "scaled", "--min=2", "--max=5", "--cpu-percent=80");
  assert.match(await kubectl("get", "hpa", "scaled"), /^scaled +Deployment\/scaled +cpu: <unknown>\/80% +2 +5 /m);
  const output = "--output=jsonpath={.apiVersion} {.spec.targetCPUUtilizationPercentage}";
  const v1 = await kubectl("get", "horizontalpodautoscalers.v1.autoscaling", "scaled", output);
  assert.equal(v1, "autoscaling/v1 80");
});

test("wait sees what comes, what a field becomes, and what goes", async () => {
  const flag = "--timeout=20s";
  const comes = kubectl("wait", "--for=create", "configmap/awaited", flag);
  await kubectl("create", "configmap", "awaited");
  assert.match(await comes, /condition met/);
  const becomes = kubectl("wait", "--for=jsonpath={.data.a}=b", "configmap/awaited", flag);
  await kubectl("patch", "configmap", "awaited", '--patch={"data":{"a":"b"}}');
  assert.match(await becomes, /condition met/);
  const goes = kubectl("wait", "--for=delete", "configmap/awaited", flag);
  await kubectl("delete", "configmap", "awaited");
  await goes;
  assert.match(
    await kubectl.refusal("wait", "--for=condition=Available", "deployment/web", "--namespace=made", "--timeout=0s"),
    /condition not met/,
  );
});

test("get --watch shows what happens until it ends", async () => {
  await kubectl("create", "configmap", "seen", "--from-literal=a=b");
  const flags = ["--watch", "--output-watch-events", "--output=name", "--field-selector=metadata.name=seen"];
  const child = spawn("kubectl", ["get", "configmaps", ...flags], { env: kubectl.environment });
  child.stdout.setEncoding("utf8");
  try {
    let text = "";
    const shows = (line: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (text.includes(line)) resolve();
        };
        child.stdout.on("data", look);
        look();
      });
    child.stdout.on("data", (chunk: string) => {
      text += chunk;
    });
    await shows("configmap/seen\n");
    await kubectl("delete", "configmap", "seen");
    await shows("configmap/seen\nconfigmap/seen\n");
  } finally {
    child.kill();
  }
});

test("auth says who one is and what one may do", async () => {
  assert.match(await kubectl("auth", "whoami"), /^Username +admin$/m);
  assert.match(
    await kubectl("auth", "whoami", "--as=bob", "--as-group=devs"),
    /^Groups +\[devs system:authenticated\]$/m,
  );
  assert.equal(await kubectl("auth", "can-i", "list", "pods", "--as=bob"), "yes\n");
  assert.equal((await kubectl.outcome(["auth", "can-i", "delete", "pods", "--as=bob"])).stdout, "no\n");
  assert.match(await kubectl("auth", "can-i", "--list", "--as=bob"), /^deployments\.apps +\[\] +\[\] +\[get list\]$/m);
  const bob = `--kubeconfig=${plane.kubeconfigFor("bob")}`;
  assert.equal((await kubectl.outcome(["get", "pods", bob])).code, 0);
  const stderr = await kubectl.refusal("get", "secrets", bob);
  assert.match(
    stderr,
    /\(Forbidden\): secrets is forbidden: User "bob" cannot list resource "secrets" in API group "" in the namespace "default"/,
  );
});

test("auth reconcile adds what a role lacks and keeps what it has", async () => {
  const role = (verb: string) =>
    file(
      "role.yaml",
      `apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: { name: reconciled, namespace: default }
rules: [{ apiGroups: [""], resources: [pods], verbs: [${verb}] }]
`,
    );
  assert.match(await kubectl("auth", "reconcile", "-f", role("get")), /reconciled$/m);
  assert.match(await kubectl("auth", "reconcile", "-f", role("watch")), /reconciled$/m);
  const verbs = await kubectl("get", "role", "reconciled", "--output=jsonpath={.rules[*].verbs[*]}");
  assert.equal(verbs, "get watch");
});

/** A request for CN=carl, O=devs, signed with a key that nobody kept. */
const certificateRequest = `-----BEGIN CERTIFICATE REQUEST-----
MIHZMIGAAgEAMB4xDTALBgNVBAMMBGNhcmwxDTALBgNVBAoMBGRldnMwWTATBgcq
hkjOPQIBBggqhkjOPQMBBwNCAASv+Agz6VXU7JbjaEulNmKc2LV46gBpInj+bl0z
vtcE+RprKAwxrGjZ7YfV3sROId6ag3BtGT+K7ByS3L7pH7VboAAwCgYIKoZIzj0E
AwIDSAAwRQIgBkwdz3a+YoJvgQljQR8TLi6s+Vu7D/XYMIgWayRijt4CIQCh21E/
9yDmY81esuu14Qa2kEo+nScVUogZZGxVEjwTQg==
-----END CERTIFICATE REQUEST-----
`;

test("certificate approve and deny decide requests", async () => {
  const request = (name: string) => `apiVersion: certificates.k8s.io/v1
kind: CertificateSigningRequest
metadata: { name: ${name} }
spec:
  request: ${Buffer.from(certificateRequest).toString("base64")}
  signerName: kubernetes.io/kube-apiserver-client
  usages: [client auth]
`;
  await apply(request("carl"));
  assert.match(await kubectl("get", "csr", "carl"), /kubernetes\.io\/kube-apiserver-client +admin +<none> +Pending$/m);
  await kubectl("certificate", "approve", "carl");
  assert.match(await kubectl("get", "csr", "carl"), / Approved/);
  await apply(request("cora"));
  await kubectl("certificate", "deny", "cora");
  assert.match(await kubectl("get", "csr", "cora"), / Denied$/m);
});

test("events tell what happened to an object", async () => {
  await kubectl("wait", "--for=jsonpath={.status.observedGeneration}=1", "deployment/web", "--namespace=made");
  const events = await kubectl("events", "--for=deployment/web", "--namespace=made");
  assert.match(events, /Normal +ScalingReplicaSet +Deployment\/web +Scaled up replica set web-\w+ from 0 to 2/);
});

test("rollout pauses, resumes, restarts, goes back and tells its history", async () => {
  const name = "deployment/rolled";
  const revision = (number: number) =>
    kubectl("wait", `--for=jsonpath={.metadata.annotations.deployment\\.kubernetes\\.io/revision}=${number}`, name);
  const image = () => kubectl("get", name, "--output=jsonpath={.spec.template.spec.containers[*].image}");
  await kubectl("create", "deployment", "rolled", "--image=nginx:1");
  await revision(1);
  await kubectl("rollout", "pause", name);
  assert.match(await kubectl.refusal("rollout", "pause", name), /is already paused/);
  await kubectl("set", "image", name, "nginx=nginx:2");
  await kubectl("wait", "--for=jsonpath={.status.observedGeneration}=3", name);
  assert.equal((await kubectl("get", "replicasets", "-l", "app=rolled", "--output=name")).trim().split("\n").length, 1);
  await kubectl("rollout", "resume", name);
  await revision(2);
  assert.match(await kubectl("rollout", "history", name), /^1 .*\n2 .*$/m);
  assert.match(await kubectl("rollout", "history", name, "--revision=2"), /Image:\tnginx:2$/m);
  await kubectl("rollout", "undo", name);
  await revision(3);
  assert.equal(await image(), "nginx:1");
  assert.match(await kubectl("rollout", "history", name), /^2 .*\n3 .*$/m);
  assert.match(
    await kubectl.refusal("rollout", "undo", name, "--to-revision=9"),
    /unable to find specified revision 9/,
  );
  await kubectl("rollout", "restart", name);
  await revision(4);
});

test("unknown fields are refused, warned of or passed over, and what is no manifest is refused", async () => {
  const unknown = file("unknown.yaml", "apiVersion: v1\nkind: ConfigMap\nmetadata: { name: unknown }\nspecc: {}\n");
  assert.match(await kubectl.refusal("apply", "-f", unknown), /strict decoding error: unknown field "specc"/);
  const warned = await kubectl.outcome(["apply", "--validate=warn", "-f", unknown]);
  assert.deepEqual([warned.code, warned.stderr], [0, 'Warning: unknown field "specc"\n']);
  const ignored = await kubectl.outcome(["apply", "--validate=ignore", "-f", unknown]);
  assert.deepEqual([ignored.code, ignored.stderr], [0, ""]);
  const selector = file("selector.yaml", service("spec: { selector: [a], ports: [{ port: 80 }] }"));
  assert.match(await kubectl.refusal("apply", "-f", selector), /cannot unmarshal array into Go struct field/);
  const port = file("port.yaml", service("spec: { ports: [{ port: 70000 }] }"));
  assert.match(
    await kubectl.refusal("apply", "-f", port),
    /spec\.ports\[0\]\.port: Invalid value: 70000: must be between 1 and 65535/,
  );
});

const service = (spec: string) => `apiVersion: v1\nkind: Service\nmetadata: { name: wrong }\n${spec}\n`;

test("get selects by labels and fields and reads page by page, and create makes names up", async () => {
  const manifest = file(
    "generated.yaml",
    "apiVersion: v1\nkind: ConfigMap\nmetadata: { generateName: gen-, labels: { g: h } }\n",
  );
  for (let count = 0; count < 3; count++)
    assert.match(await kubectl("create", "-f", manifest), /^configmap\/gen-\w{5} created$/m);
  const names = (...flags: readonly string[]) => kubectl("get", "configmaps", "--output=name", ...flags);
  const all = (await names("--selector=g in (h)")).trim().split("\n");
  assert.equal(all.length, 3);
  assert.equal(await names("--selector=g=h", "--chunk-size=1"), `${all.join("\n")}\n`);
  const [first = ""] = all;
  assert.equal(await names(`--field-selector=metadata.name=${first.replace("configmap/", "")}`), `${first}\n`);
  assert.match(
    await kubectl.refusal("get", "pods", "--field-selector=spec.none=x"),
    /field label not supported: spec\.none/,
  );
  assert.match(await kubectl.refusal("get", "pods", "--selector=a in ("), /unable to parse requirement/);
  await kubectl("delete", "configmaps", "--selector=g=h");
  assert.equal(await names("--selector=g=h"), "");
});

const applied = (name: string, value: string) => `apiVersion: v1
kind: ConfigMap
metadata: { name: ${name}, labels: { set: pruned } }
data: { a: ${value} }
`;

test("diff shows what apply would change, and apply --prune removes what is no longer said", async () => {
  const both = `${applied("pruned-1", "b")}---\n${applied("pruned-2", "b")}`;
  assert.equal(await apply(both), "configmap/pruned-1 created\nconfigmap/pruned-2 created\n");
  for (const flag of ["--server-side=false", "--server-side"]) {
    const diff = await kubectl.outcome(["diff", flag, "-f", "-"], applied("pruned-1", "c"));
    assert.equal(diff.code, 1);
    assert.match(diff.stdout, /^- +a: b\n\+ +a: c$/m);
  }
  const flags = ["--prune", "--selector=set=pruned", "--prune-allowlist=core/v1/ConfigMap"];
  assert.equal(
    await apply(applied("pruned-1", "c"), ...flags),
    "configmap/pruned-1 configured\nconfigmap/pruned-2 pruned\n",
  );
  const again = await kubectl.outcome(["diff", "-f", "-"], applied("pruned-1", "c"));
  assert.equal(again.code, 0);
});

test("apply --server-side names who owns a field that it wants", async () => {
  await apply(applied("owned", "b"), "--server-side", "--field-manager=one");
  const conflict = await kubectl.outcome(
    ["apply", "--server-side", "--field-manager=two", "-f", "-"],
    applied("owned", "c"),
  );
  assert.match(conflict.stderr, /conflict with "one": \.data\.a/);
  await apply(applied("owned", "c"), "--server-side", "--field-manager=two", "--force-conflicts");
});

test("a kustomization is rendered, applied and deleted", async () => {
  const directory = join(plane.directory, "kustomization");
  mkdirSync(directory);
  writeFileSync(join(directory, "one.yaml"), applied("one", "b"));
  writeFileSync(join(directory, "kustomization.yaml"), "resources: [one.yaml]\nnamePrefix: my-\n");
  assert.match(await kubectl("kustomize", directory), /^ {2}name: my-one$/m);
  assert.equal(await kubectl("apply", "-k", directory), "configmap/my-one created\n");
  assert.match(await kubectl("delete", "-k", directory), /"my-one" deleted/);
});

test("delete orphans, forces and selects", async () => {
  await kubectl("create", "deployment", "orphaned", "--image=nginx:1");
  await kubectl("wait", "--for=jsonpath={.status.observedGeneration}=1", "deployment/orphaned", "--timeout=20s");
  await kubectl("delete", "deployment", "orphaned", "--cascade=orphan");
  const [name = ""] = (await kubectl("get", "replicasets", "-l", "app=orphaned", "--output=name")).split("\n");
  assert.match(name, /^replicaset\.apps\/orphaned-/);
  await kubectl("delete", name);
  await kubectl("run", "forced", "--image=busybox");
  assert.match(await kubectl("delete", "pod", "forced", "--grace-period=0", "--force"), /force deleted/);
  assert.match(await kubectl.refusal("get", "pod", "forced"), /\(NotFound\): pods "forced" not found/);
});

test("what every cluster has comes back when everything is deleted", async () => {
  const output = "--output=jsonpath={.metadata.uid} {.spec.clusterIP}";
  const [uid, address] = (await kubectl("get", "service", "kubernetes", output)).split(" ");
  await kubectl("delete", "all", "--all");
  await kubectl("wait", "--for=create", "service/kubernetes", "--timeout=20s");
  const [newUid, newAddress] = (await kubectl("get", "service", "kubernetes", output)).split(" ");
  assert.notEqual(newUid, uid);
  assert.equal(newAddress, address);
  assert.match(await kubectl.refusal("delete", "namespace", "kube-system"), /this namespace may not be deleted/);
  await kubectl("delete", "namespace", "kube-node-lease");
  await kubectl("wait", "--for=create", "namespace/kube-node-lease", "--timeout=20s");
  await kubectl("delete", "namespace", "made");
  assert.match(await kubectl.refusal("get", "namespace", "made"), /\(NotFound\)/);
});
