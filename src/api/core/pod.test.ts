import assert from "node:assert/strict";
import { test } from "node:test";
import {
  created,
  errorsOnCreate,
  errorsOnStatusUpdate,
  errorsOnUpdate,
  type Partially,
} from "../definition-fixture.ts";
import { rootPath } from "../meta/field-error.ts";
import type { Pod } from "../types.generated.ts";
import { Pods } from "./pod.ts";
import { type ContainerPart, podOf, type Spec } from "./pod-fixture.ts";

test("a minimal pod is completed as Kubernetes completes it", () => {
  const pod = created(Pods, podOf({}, { ports: [{ containerPort: 80 }] }));
  assert.deepEqual(pod.spec, {
    containers: [
      {
        name: "web",
        image: "nginx",
        ports: [{ containerPort: 80, protocol: "TCP" }],
        imagePullPolicy: "Always",
        terminationMessagePath: "/dev/termination-log",
        terminationMessagePolicy: "File",
        resources: {},
      },
    ],
    dnsPolicy: "ClusterFirst",
    restartPolicy: "Always",
    securityContext: {},
    terminationGracePeriodSeconds: 30,
    schedulerName: "default-scheduler",
    enableServiceLinks: true,
  });
  assert.deepEqual(pod.status, { phase: "Pending", qosClass: "BestEffort" });
  assert.deepEqual(errorsOnCreate(Pods, podOf()), []);
});

test("the pull policy follows from the image's tag", () => {
  const table: [string, string][] = [
    ["nginx", "Always"],
    ["nginx:latest", "Always"],
    ["nginx:1.27", "IfNotPresent"],
    ["example.com:5000/nginx", "Always"],
    ["example.com:5000/nginx:1", "IfNotPresent"],
    [`nginx@sha256:${"0".repeat(64)}`, "IfNotPresent"],
  ];
  for (const [image, policy] of table)
    assert.equal(created(Pods, podOf({}, { image })).spec.containers[0]?.imagePullPolicy, policy, image);
});

test("probes, volumes, environment, host ports and requests are completed", () => {
  const pod = created(
    Pods,
    podOf(
      {
        hostNetwork: true,
        serviceAccountName: "builder",
        volumes: [
          { name: "empty" },
          { name: "secret", secret: { secretName: "s" } },
          { name: "host", hostPath: { path: "/tmp" } },
          { name: "token", projected: { sources: [{ serviceAccountToken: { path: "token" } }] } },
        ],
      },
      {
        ports: [{ containerPort: 80 }],
        env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
        resources: { limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } },
        livenessProbe: { httpGet: { port: 80 } },
      },
    ),
  );
  const [container] = pod.spec.containers;
  assert.equal(pod.spec.serviceAccount, "builder");
  assert.equal(container?.ports?.[0]?.hostPort, 80);
  assert.deepEqual(container?.resources?.requests, { cpu: "500m", memory: "1Gi" });
  assert.deepEqual(container?.env?.[0]?.valueFrom?.fieldRef, { fieldPath: "metadata.name", apiVersion: "v1" });
  assert.deepEqual(container?.livenessProbe, {
    httpGet: { port: 80, path: "/", scheme: "HTTP" },
    timeoutSeconds: 1,
    periodSeconds: 10,
    successThreshold: 1,
    failureThreshold: 3,
  });
  assert.deepEqual(pod.spec.volumes, [
    { name: "empty", emptyDir: {} },
    { name: "secret", secret: { secretName: "s", defaultMode: 420 } },
    { name: "host", hostPath: { path: "/tmp", type: "" } },
    {
      name: "token",
      projected: { sources: [{ serviceAccountToken: { path: "token", expirationSeconds: 3600 } }], defaultMode: 420 },
    },
  ]);
  assert.equal(pod.status.qosClass, "Burstable");
});

test("a pod with limits as a whole has the huge pages of its containers, and asks for what they ask for", () => {
  const pages = { limits: { cpu: "1", "hugepages-2Mi": "4Mi" } };
  const whole = (resources: object) =>
    created(Pods, {
      spec: {
        resources,
        containers: [
          { name: "a", image: "i", resources: pages },
          { name: "b", image: "i", resources: pages },
        ],
      },
    }).spec.resources;
  assert.deepEqual(whole({ limits: { cpu: "3", memory: "1Gi" } }), {
    limits: { cpu: "3", memory: "1Gi", "hugepages-2Mi": "8Mi" },
    requests: { cpu: "2", memory: "1Gi", "hugepages-2Mi": "8Mi" },
  });
  assert.deepEqual(whole({ requests: { cpu: "3" } }), { requests: { cpu: "3" } });
});

test("a pod behind gates says that it waits, and label keys become part of its selectors", () => {
  const pod = created(Pods, {
    metadata: { labels: { version: "2" } },
    spec: {
      containers: [{ name: "web", image: "nginx" }],
      schedulingGates: [{ name: "example.com/quota" }],
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "zone",
          whenUnsatisfiable: "DoNotSchedule",
          matchLabelKeys: ["version", "absent", "constructor"],
          labelSelector: {},
        },
      ],
    },
  });
  assert.equal(pod.status.conditions?.[0]?.reason, "SchedulingGated");
  assert.deepEqual(pod.spec.topologySpreadConstraints?.[0]?.labelSelector, {
    matchExpressions: [{ key: "version", operator: "In", values: ["2"] }],
  });
});

test("wrong pods are refused with Kubernetes' words", () => {
  const label =
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
  const table: [string, Partially<Pod>, string[]][] = [
    ["no containers", { spec: { containers: [] } }, ["spec.containers: Required value"]],
    ["no spec", {}, ["spec.containers: Required value"]],
    ["no image", podOf({}, { image: "" }), ["spec.containers[0].image: Required value"]],
    [
      "spaces around the image",
      podOf({}, { image: " nginx" }),
      ['spec.containers[0].image: Invalid value: " nginx": must not have leading or trailing whitespace'],
    ],
    [
      "a name that is no label",
      podOf({}, { name: "Web" }),
      [`spec.containers[0].name: Invalid value: "Web": ${label}`],
    ],
    [
      "two containers of a name",
      {
        spec: {
          containers: [
            { name: "a", image: "i" },
            { name: "a", image: "i" },
          ],
        },
      },
      ['spec.containers[1].name: Duplicate value: "a"'],
    ],
    [
      "a mount without volume",
      podOf({}, { volumeMounts: [{ name: "data", mountPath: "/data" }] }),
      ['spec.containers[0].volumeMounts[0].name: Not found: "data"'],
    ],
    [
      "two mounts of a path",
      podOf(
        { volumes: [{ name: "a" }, { name: "b" }] },
        {
          volumeMounts: [
            { name: "a", mountPath: "/x" },
            { name: "b", mountPath: "/x" },
          ],
        },
      ),
      ['spec.containers[0].volumeMounts[1].mountPath: Invalid value: "/x": must be unique'],
    ],
    [
      "two sources in a volume",
      podOf({ volumes: [{ name: "a", emptyDir: {}, configMap: { name: "c" } }] }),
      ["spec.volumes[0].configMap: Forbidden: may not specify more than 1 volume type"],
    ],
    [
      "a file mode that is none",
      podOf({ volumes: [{ name: "a", secret: { secretName: "s", defaultMode: 1000 } }] }),
      [
        "spec.volumes[0].secret.defaultMode: Invalid value: 1000: must be a number between 0 and 0777 (octal), both inclusive",
      ],
    ],
    [
      "a request above its limit",
      podOf({}, { resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
      ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ],
    [
      "a resource nobody knows",
      podOf({}, { resources: { limits: { gpu: "1" } } }),
      [
        'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.limits[gpu]: Invalid value: "gpu": must be a standard resource for containers',
        'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.requests[gpu]: Invalid value: "gpu": must be a standard resource for containers',
      ],
    ],
    [
      "a restart policy that is none",
      podOf({ restartPolicy: "Sometimes" }),
      ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ],
    [
      "a port out of range",
      podOf({}, { ports: [{ containerPort: 70000 }] }),
      ["spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive"],
    ],
    [
      "a port of the node twice",
      podOf(
        {},
        {
          ports: [
            { containerPort: 80, hostPort: 80 },
            { containerPort: 81, hostPort: 80 },
          ],
        },
      ),
      ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//80"'],
    ],
    [
      "an environment variable from nowhere",
      podOf({}, { env: [{ name: "A", valueFrom: {} }] }),
      [
        'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
      ],
    ],
    [
      "a field that the environment cannot tell",
      podOf({}, { env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "status.phase" } } }] }),
      [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
      ],
    ],
    [
      "a probe without a handler",
      podOf({}, { livenessProbe: {} }),
      ["spec.containers[0].livenessProbe: Required value: must specify a handler type"],
    ],
    [
      "a liveness probe that must succeed twice",
      podOf({}, { livenessProbe: { exec: { command: ["true"] }, successThreshold: 2 } }),
      ["spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1"],
    ],
    [
      "an init container with a probe",
      podOf({ initContainers: [{ name: "i", image: "i", livenessProbe: { exec: { command: ["true"] } } }] }),
      [
        "spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
      ],
    ],
    [
      "both privileged and not to escalate",
      podOf({}, { securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
      [
        'spec.containers[0].securityContext: Invalid value: {"Capabilities":null,"Privileged":true,"SELinuxOptions":null,"WindowsOptions":null,"RunAsUser":null,"RunAsGroup":null,"RunAsNonRoot":null,"ReadOnlyRootFilesystem":null,"AllowPrivilegeEscalation":false,"ProcMount":null,"SeccompProfile":null,"AppArmorProfile":null}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      ],
    ],
    [
      "a toleration of no key",
      podOf({ tolerations: [{ operator: "Equal", value: "x" }] }),
      [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ],
    ],
    [
      "an affinity weight out of range",
      podOf({
        affinity: {
          nodeAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 101, preference: { matchExpressions: [{ key: "a", operator: "Exists" }] } },
            ],
          },
        },
      }),
      [
        "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 101: must be in the range 1-100",
      ],
    ],
    [
      "a skew of nothing",
      podOf({
        topologySpreadConstraints: [
          { maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} },
        ],
      }),
      ["spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero"],
    ],
    [
      "DNS policy None without servers",
      podOf({ dnsPolicy: "None" }),
      ["spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None"],
    ],
    [
      "ephemeral containers from the start",
      podOf({ ephemeralContainers: [{ name: "debug", image: "busybox" }] }),
      ["spec.ephemeralContainers: Forbidden: cannot be set on create"],
    ],
    [
      "restart rules without a policy",
      podOf({}, { restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [3] } }] }),
      ["spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used"],
    ],
    [
      "a deadline of no time",
      podOf({ activeDeadlineSeconds: 0 }),
      ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ],
  ];
  for (const [what, pod, expected] of table) assert.deepEqual(errorsOnCreate(Pods, pod), expected, what);
});

test("updates may change images, nearer deadlines and more tolerations, and nothing else", () => {
  const rule =
    "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
  const old = podOf({
    activeDeadlineSeconds: 60,
    tolerations: [{ key: "a", operator: "Exists", effect: "NoExecute" }],
  });
  const errors = (change: Parameters<typeof errorsOnUpdate<Pod>>[2]) => errorsOnUpdate(Pods, old, change);
  assert.deepEqual(
    errors((pod) => {
      pod.spec.containers[0]!.image = "nginx:2";
      pod.spec.activeDeadlineSeconds = 30;
      pod.spec.tolerations![0]!.tolerationSeconds = 5;
      pod.spec.tolerations!.push({ operator: "Exists" });
    }),
    [],
  );
  assert.deepEqual(
    errors((pod) => {
      pod.spec.containers[0]!.command = ["sleep"];
      pod.spec.dnsPolicy = "Default";
    }),
    [`${rule}\nchanged:\n  spec.containers[0].command\n  spec.dnsPolicy`],
  );
  assert.deepEqual(
    errors((pod) => {
      pod.spec.containers.push({ name: "other", image: "i" });
    }),
    ["spec.containers: Forbidden: pod updates may not add or remove containers"],
  );
  assert.deepEqual(
    errors((pod) => {
      pod.spec.activeDeadlineSeconds = 90;
    }),
    ["spec.activeDeadlineSeconds: Invalid value: 90: must be less than or equal to previous value"],
  );
  assert.deepEqual(
    errors((pod) => {
      pod.spec.tolerations = [];
    }),
    ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
  );
});

test("a pod that waits at gates may be narrowed to nodes, and its gates only open", () => {
  const old = podOf({ schedulingGates: [{ name: "a" }], nodeSelector: { disk: "ssd" } });
  assert.deepEqual(
    errorsOnUpdate(Pods, old, ({ spec }) => {
      spec.schedulingGates = [];
      spec.nodeSelector = { disk: "ssd", zone: "a" };
      spec.affinity = {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "x", operator: "Exists" }] }],
          },
        },
      };
    }),
    [],
  );
  assert.deepEqual(
    errorsOnUpdate(Pods, old, ({ spec }) => {
      spec.schedulingGates = [{ name: "b" }];
      spec.nodeSelector = {};
    }),
    [
      "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'b'",
      "spec.nodeSelector: Invalid value: {}: only additions to spec.nodeSelector are allowed (no mutations or deletions)",
    ],
  );
});

test("the required terms of a pod that waits at gates only get narrower", () => {
  const a = { key: "a", operator: "In", values: ["x"] };
  const b = { key: "b", operator: "Exists" };
  const wanting = (...terms: (typeof a | typeof b)[][]) => ({
    nodeAffinity: {
      requiredDuringSchedulingIgnoredDuringExecution: {
        nodeSelectorTerms: terms.map((matchExpressions) => ({ matchExpressions })),
      },
    },
  });
  const old = podOf({ schedulingGates: [{ name: "a" }], affinity: wanting([a]) });
  const errors = (...terms: (typeof a | typeof b)[][]) =>
    errorsOnUpdate(Pods, old, ({ spec }) => {
      spec.affinity = wanting(...terms);
    });
  const at = "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms";
  const [shownA, shownB] = [
    '{"MatchExpressions":[{"Key":"a","Operator":"In","Values":["x"]}],"MatchFields":null}',
    '{"MatchExpressions":[{"Key":"b","Operator":"Exists","Values":null}],"MatchFields":null}',
  ];
  assert.deepEqual(errors([a, b]), []);
  assert.deepEqual(errors([b]), [
    `${at}[0]: Invalid value: ${shownB}: only additions are allowed (no mutations or deletions)`,
  ]);
  assert.deepEqual(errors([a], [b]), [
    `${at}: Invalid value: [${shownA},${shownB}]: no additions/deletions to non-empty NodeSelectorTerms list are allowed`,
  ]);
});

test("what ended for good does not run again", () => {
  const withState = (state: object, policy: string): Pod => ({
    ...created(Pods, podOf({ restartPolicy: policy })),
    status: { containerStatuses: [{ name: "web", image: "i", imageID: "", ready: false, restartCount: 0, state }] },
  });
  const ended = { terminated: { exitCode: 1 } };
  const table: [string, number][] = [
    ["Always", 0],
    ["OnFailure", 0],
    ["Never", 1],
  ];
  for (const [policy, count] of table) {
    const errors = Pods.validateStatusUpdate?.(withState({ running: {} }, policy), withState(ended, policy), rootPath);
    assert.equal(errors?.length, count, policy);
  }
  assert.deepEqual(
    errorsOnStatusUpdate(Pods, podOf(), (pod) => {
      pod.status.qosClass = "Guaranteed";
    }),
    ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
  );
});

test("a delete waits for what runs on a node only", () => {
  const grace = (pod: Partially<Pod>) =>
    Pods.defaultGraceSeconds?.({ ...created(Pods, pod), ...(pod.status && { status: pod.status as Pod["status"] }) });
  assert.equal(grace(podOf()), 0);
  assert.equal(grace(podOf({ nodeName: "one" })), 30);
  assert.equal(grace({ ...podOf({ nodeName: "one" }), status: { phase: "Failed" } }), 0);
  assert.equal(grace(podOf({ nodeName: "one", terminationGracePeriodSeconds: -1 })), 1);
});

test("surely unmeant specs are warned about", () => {
  const warnings = (spec: Spec, container: ContainerPart = {}) =>
    Pods.warnings?.(created(Pods, podOf(spec, container)), undefined);
  assert.deepEqual(warnings({}), []);
  assert.deepEqual(
    warnings(
      { imagePullSecrets: [{ name: "a" }, { name: "a" }] },
      {
        env: [
          { name: "A", value: "1" },
          { name: "A", value: "2" },
        ],
        ports: [{ containerPort: 80 }, { containerPort: 80 }],
      },
    ),
    [
      'spec.imagePullSecrets[1].name: duplicate name "a"',
      'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
      "spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]",
    ],
  );
});
