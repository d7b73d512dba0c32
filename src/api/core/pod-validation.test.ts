// The rules of pods that few specs meet, in the words and order of Kubernetes.
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
import { type ContainerPart, podOf } from "./pod-fixture.ts";
import { validatePodResize } from "./pod-subresources.ts";
import { PodTemplates } from "./pod-template.ts";

const initContainer = (container: ContainerPart) =>
  podOf({ initContainers: [{ name: "first", image: "nginx", ...container }] });
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const rules = Array.from({ length: 21 }, () => ({ action: "Restart", exitCodes: { operator: "In", values: [1] } }));

const table: readonly (readonly [string, Partially<Pod>, readonly string[]])[] = [
  [
    "a mount of a volume that is wrong itself",
    podOf(
      { volumes: [{ name: "data", hostPath: { path: "/data", type: "Folder" } }] },
      { volumeMounts: [{ name: "data", mountPath: "/data" }] },
    ),
    [
      'spec.volumes[0].hostPath.type: Unsupported value: "Folder": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      'spec.containers[0].volumeMounts[0].name: Not found: "data"',
    ],
  ],
  [
    "an initiator of its own with a long portal",
    podOf({
      volumes: [
        {
          name: "disk",
          iscsi: {
            targetPortal: "a".repeat(60),
            iqn: "iqn.2001-04.com.example:storage:diskarrays-sn-a8675309",
            lun: 0,
            initiatorName: "iqn.2001-04.com.example:storage:diskarrays-sn-a8675309",
            secretRef: { name: "" },
          },
        },
      ],
    }),
    [
      'spec.volumes[0].name: Invalid value: "disk": Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.',
    ],
  ],
  [
    "metadata of a claim's template that is not for a template",
    podOf({
      volumes: [
        {
          name: "scratch",
          ephemeral: {
            volumeClaimTemplate: {
              metadata: { name: "x", uid: "y" },
              spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
            },
          },
        },
      ],
    }),
    [
      "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.name: Forbidden: cannot be set",
      "spec.volumes[0].ephemeral.volumeClaimTemplate.metadata.uID: Forbidden: cannot be set",
    ],
  ],
  [
    "a source of variables whose name no object can have, though one may end with a dash",
    podOf({}, { envFrom: [{ configMapRef: { name: "a_b" } }, { secretRef: { name: "begins-" } }] }),
    [`spec.containers[0].envFrom[0].configMapRef.name: Invalid value: "a_b": ${subdomain}`],
  ],
  [
    "SELinux labels by mount options",
    podOf({ securityContext: { seLinuxChangePolicy: "MountOption" } }),
    ['spec.securityContext.seLinuxChangePolicy: Unsupported value: "MountOption": supported values: "Recursive"'],
  ],
  ["SELinux labels file by file", podOf({ securityContext: { seLinuxChangePolicy: "Recursive" } }), []],
  [
    "too many rules for restarts",
    podOf({}, { restartPolicy: "Never", restartPolicyRules: rules }),
    ["spec.containers[0].restartPolicyRules: Too long: may not be more than 20 bytes"],
  ],
  [
    "a sidecar with rules for restarts",
    initContainer({ restartPolicy: "Always", restartPolicyRules: rules.slice(20) }),
    [
      "spec.initContainers[0].restartPolicyRules: Forbidden: restartPolicyRules are not allowed for init containers with restart policy Always",
    ],
  ],
  [
    "users of its own and what goes not with them",
    podOf({
      hostUsers: false,
      hostNetwork: true,
      hostPID: true,
      hostIPC: true,
      volumes: [{ name: "disk", persistentVolumeClaim: { claimName: "disk" } }],
      containers: [{ name: "web", image: "nginx", volumeDevices: [{ name: "disk", devicePath: "/dev/x" }] }],
    }),
    [
      "spec.hostNetwork: Forbidden: when `hostUsers` is false",
      "spec.HostPID: Forbidden: when `hostUsers` is false",
      "spec.HostIPC: Forbidden: when `hostUsers` is false",
      "spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false",
    ],
  ],
  [
    "a host name given in several ways",
    podOf({ hostnameOverride: "A", setHostnameAsFQDN: true, hostNetwork: true, hostname: "B", nodeName: "C" }),
    [
      "spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true",
      "spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true",
      "spec.hostnameOverride: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "spec.nodeName: Invalid value: \"C\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      `spec.hostname: Invalid value: "B": ${label}`,
    ],
  ],
  [
    "a file of variables in no directory of the pod",
    podOf(
      { volumes: [{ name: "config", configMap: { name: "c" } }] },
      {
        env: [
          { name: "A", valueFrom: { fileKeyRef: { key: "A", path: "env", volumeName: "config" } } },
          { name: "B", valueFrom: { fileKeyRef: { key: "B", path: "../env", volumeName: "other" } } },
        ],
      },
    ),
    [
      "spec.containers[0].env[1].valueFrom.fileKeyRef.path: Invalid value: \"../env\": must not contain '..'",
      'spec.containers[0].env[0].valueFrom.fileKeyRef.volumeName: Invalid value: "config": referenced volume must be of type emptyDir',
      'spec.containers[0].env[1].valueFrom.fileKeyRef.volumeName: Not found: "other"',
    ],
  ],
  [
    "a mirror pod with claims",
    {
      metadata: { annotations: { "kubernetes.io/config.mirror": "x" } },
      ...podOf({ nodeName: "one", resourceClaims: [{ name: "gpu", resourceClaimName: "gpu" }] }),
    },
    [": Forbidden: static pods do not support resource claims"],
  ],
  [
    "less as a whole than in its parts",
    podOf(
      { resources: { requests: { cpu: "1" }, limits: { cpu: "2", "hugepages-2Mi": "2Mi" } } },
      { resources: { requests: { cpu: "2", "hugepages-2Mi": "4Mi" }, limits: { cpu: "3", "hugepages-2Mi": "4Mi" } } },
    ),
    [
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
      'spec.resources.requests[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container requests of 4Mi',
      'spec.resources.limits[hugepages-2Mi]: Invalid value: "2Mi": must be greater than or equal to aggregate container limits of 4Mi',
      'spec.resources.containers[0][cpu].limits: Invalid value: "3": must be less than or equal to pod limits of 2',
      'spec.resources.containers[0][hugepages-2Mi].limits: Invalid value: "4Mi": must be less than or equal to pod limits of 2Mi',
    ],
  ],
  [
    "resources of a Windows pod as a whole",
    podOf({ os: { name: "windows" }, resources: { requests: { cpu: "1" } } }),
    ["spec.resources: Forbidden: may not be set for a windows pod"],
  ],
  [
    "a Windows pod with what only Linux has",
    podOf(
      {
        os: { name: "windows" },
        hostPID: true,
        shareProcessNamespace: false,
        securityContext: { fsGroup: 1, sysctls: [], runAsUser: 1 },
      },
      { securityContext: { privileged: false } },
    ),
    [
      "spec.hostPID: Forbidden: cannot be set for a windows pod",
      "spec.securityContext.fsGroup: Forbidden: cannot be set for a windows pod",
      "spec.shareProcessNamespace: Forbidden: cannot be set for a windows pod",
      "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
      "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
    ],
  ],
  ["a system without a name", podOf({ os: { name: "" } }), ["spec.os.name: Required value: cannot be empty"]],
  [
    "a constraint that says nothing beside how many domains there must be",
    podOf({ topologySpreadConstraints: [{ maxSkew: 1, minDomains: 1 }] }),
    [
      "spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty",
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "": supported values: "DoNotSchedule", "ScheduleAnyway"',
      "spec.topologySpreadConstraints[0].minDomains: Invalid value: 1: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ",
    ],
  ],
  [
    "keys that its selector names as well",
    podOf({
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: "zone",
          whenUnsatisfiable: "DoNotSchedule",
          matchLabelKeys: ["app"],
          labelSelector: { matchLabels: { app: "a" }, matchExpressions: [{ key: "app", operator: "Exists" }] },
        },
      ],
    }),
    ['spec.topologySpreadConstraints[0][0]: Invalid value: "app": exists in both matchLabelKeys and labelSelector'],
  ],
  [
    "a CSI volume of no driver",
    podOf({ volumes: [{ name: "a", csi: { driver: "" } }] }),
    ["spec.volumes[0].csi.driver: Required value"],
  ],
  [
    "an AppArmor profile of spaces",
    podOf({}, { securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: " " } } }),
    [
      'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: " ": must not be padded with whitespace',
    ],
  ],
  [
    "annotations that contradict the fields",
    {
      metadata: {
        annotations: {
          "seccomp.security.alpha.kubernetes.io/pod": "unconfined",
          "container.seccomp.security.alpha.kubernetes.io/web": "localhost/a",
          "container.apparmor.security.beta.kubernetes.io/web": "runtime/default",
        },
      },
      ...podOf(
        { securityContext: { seccompProfile: { type: "RuntimeDefault" } } },
        {
          securityContext: {
            seccompProfile: { type: "Localhost", localhostProfile: "b" },
            appArmorProfile: { type: "Unconfined" },
          },
        },
      ),
    },
    [
      "spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
      "spec.containers[0].securityContext.seccompProfile.localhostProfile: Forbidden: seccomp profile in annotation and field must match",
      "spec.containers[0].securityContext.appArmorProfile.type: Forbidden: apparmor type in annotation and field must match",
    ],
  ],
  [
    "a seccomp annotation that is no profile",
    { metadata: { annotations: { "seccomp.security.alpha.kubernetes.io/pod": "strict" } }, ...podOf() },
    [
      'metadata.annotations.seccomp.security.alpha.kubernetes.io/pod: Invalid value: "strict": must be a valid seccomp profile',
    ],
  ],
];

for (const [what, pod, expected] of table)
  test(`a pod is refused for ${what}`, () => assert.deepEqual(errorsOnCreate(Pods, pod), expected));

test("annotations of a template must not contradict its fields either", () => {
  const annotations = { "seccomp.security.alpha.kubernetes.io/pod": "unconfined" };
  const { spec } = podOf({ securityContext: { seccompProfile: { type: "RuntimeDefault" } } });
  assert.deepEqual(errorsOnCreate(PodTemplates, { template: { metadata: { annotations }, spec: spec! } }), [
    "template.spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match",
  ]);
});

test("an update without an image is told so twice, as Kubernetes looks twice", () => {
  const image = "spec.containers[0].image: Required value";
  const noImage = errorsOnUpdate(Pods, podOf(), ({ spec }) => {
    spec.containers[0]!.image = "";
  });
  assert.deepEqual(noImage, [image, image]);
});

const status = (state: object, name = "web") => ({
  name,
  image: "nginx",
  imageID: "",
  ready: false,
  restartCount: 0,
  state,
});

test("what a pod reports of itself must make sense", () => {
  const errors = errorsOnStatusUpdate(Pods, podOf({ nodeName: "one" }), (pod) => {
    pod.status.observedGeneration = -1;
    pod.status.nominatedNodeName = "two";
    pod.status.conditions = [
      { type: "a/b/c", status: "True" },
      { type: "Ready", status: "True", observedGeneration: -1 },
    ];
    pod.status.hostIP = "10.0.0.1";
    pod.status.hostIPs = [{ ip: "10.0.0.2" }];
    pod.status.podIPs = [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }];
    pod.status.containerStatuses = [
      {
        ...status({}),
        user: { linux: { uid: -1, gid: 0 } },
      },
    ];
  });
  assert.deepEqual(errors, [
    "metadata.conditions[0].Type: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
    "metadata.conditions[1].observedGeneration: Invalid value: -1: must be a non-negative integer",
    "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node",
    "status.observedGeneration: Invalid value: -1: must be a non-negative integer",
    'status.podIPs: Invalid value: [{"IP":"10.0.0.1"},{"IP":"10.0.0.2"}]: may specify no more than one IP for each IP family',
    'status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`',
    "status.containerStatuses[0].linux.uid: Invalid value: -1: must be between 0 and 4294967295, inclusive",
  ]);
});

test("an address that does not say which is none", () => {
  const errors = errorsOnStatusUpdate(Pods, podOf({ nodeName: "one" }), (pod) => {
    pod.status.podIPs = [{} as { ip: string }]; // a client may leave out what has to be there
  });
  assert.deepEqual(errors, [
    'status.podIPs[0]: Invalid value: "": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
  ]);
});

test("a container runs again only as its own rules, its policy or the pod's allow", () => {
  const rule = { action: "Restart", exitCodes: { operator: "In", values: [42] } };
  const cases: readonly (readonly [string, ContainerPart, number, boolean])[] = [
    ["Always", {}, 0, true],
    ["Always", { restartPolicy: "Never" }, 1, false],
    ["Never", { restartPolicy: "OnFailure" }, 1, true],
    ["Never", { restartPolicy: "OnFailure" }, 0, false],
    ["Never", { restartPolicy: "Never", restartPolicyRules: [rule] }, 42, true],
    ["Never", { restartPolicy: "Never", restartPolicyRules: [rule] }, 43, false],
  ];
  for (const [restartPolicy, container, exitCode, allowed] of cases) {
    const pod = podOf({ restartPolicy }, container) as Pod;
    const with_ = (state: object): Pod => ({
      ...pod,
      metadata: { name: "a" } as Pod["metadata"],
      status: { containerStatuses: [status(state)] },
    });
    const errors = Pods.validateStatusUpdate?.(with_({ running: {} }), with_({ terminated: { exitCode } }), rootPath);
    assert.equal(errors?.length === 0, allowed, JSON.stringify([restartPolicy, container, exitCode]));
  }
});

test("a resize leaves the containers where they are", () => {
  const pod = (...names: string[]) =>
    ({ metadata: {}, spec: { containers: names.map((name) => ({ name })) }, status: {} }) as unknown as Pod;
  const fields = (next: Pod, old: Pod) =>
    validatePodResize(next, old, rootPath).map(({ field, detail }) => `${field}: ${detail}`);
  assert.deepEqual(fields(pod("a", "b"), pod("a")), [
    "spec.containers: containers may not be added or removed on resize",
  ]);
  assert.deepEqual(fields(pod("b", "a"), pod("a", "b")), [
    "spec.containers[0].name: containers may not be renamed or reordered on resize",
    "spec.containers[1].name: containers may not be renamed or reordered on resize",
  ]);
});

test("a new pod takes the AppArmor profiles of its annotations", () => {
  const prefix = "container.apparmor.security.beta.kubernetes.io/";
  const profiles = (annotations: Record<string, string>, pod: Partially<Pod>) =>
    created(Pods, { ...pod, metadata: { annotations } }).spec.containers.map(
      ({ securityContext }) => securityContext?.appArmorProfile,
    );
  assert.deepEqual(profiles({ [`${prefix}web`]: "runtime/default" }, podOf()), [{ type: "RuntimeDefault" }]);
  assert.deepEqual(profiles({ [`${prefix}web`]: "localhost/mine" }, podOf()), [
    { type: "Localhost", localhostProfile: "mine" },
  ]);
  assert.deepEqual(profiles({ [`${prefix}web`]: "localhost/" }, podOf()), [undefined]);
  assert.deepEqual(profiles({ [`${prefix}other`]: "unconfined" }, podOf()), [undefined]);
  const ofPod = podOf({ securityContext: { appArmorProfile: { type: "Unconfined" } } });
  assert.deepEqual(profiles({ [`${prefix}web`]: "unconfined" }, ofPod), [undefined]);
  const own = podOf({}, { securityContext: { appArmorProfile: { type: "Unconfined" } } });
  assert.deepEqual(profiles({ [`${prefix}web`]: "runtime/default" }, own), [{ type: "Unconfined" }]);
});
