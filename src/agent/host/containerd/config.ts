import { join } from "node:path";
import type { Machine } from "./machine.ts";
import { pauseImageName } from "./pause-image.ts";

/** Where one node's containerd keeps what is its own. */
export interface ContainerdPaths {
  readonly root: string;
  readonly state: string;
  readonly socket: string;
  readonly config: string;
  readonly pid: string;
  /** Which boot of the machine the state is of. */
  readonly bootId: string;
  readonly log: string;
  /** CNI network configurations. */
  readonly networks: string;
  /** hosts.toml files of registries: `<registry>/hosts.toml`. */
  readonly registries: string;
}

/** Below a data directory. */
export function containerdPaths(dataDirectory: string): ContainerdPaths {
  const directory = join(dataDirectory, "containerd");
  return {
    root: join(directory, "root"),
    state: join(directory, "state"),
    socket: join(directory, "containerd.sock"),
    config: join(directory, "config.toml"),
    pid: join(directory, "containerd.pid"),
    bootId: join(directory, "boot-id"),
    log: join(dataDirectory, "logs", "containerd.log"),
    networks: join(directory, "cni"),
    registries: join(directory, "registries"),
  };
}

export interface ContainerdSettings {
  readonly paths: ContainerdPaths;
  readonly machine: Pick<Machine, "snapshotter" | "runtime" | "canLowerOomScore">;
}

/** Where Debian's containernetworking-plugins puts its programs. */
const cniPlugins = "/usr/lib/cni";
/** Plugins that nothing here uses: each costs memory, some write warnings when their tools are missing. */
const unusedPlugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.blockfile",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.internal.v1.opt",
  "io.containerd.internal.v1.restart",
  "io.containerd.internal.v1.tracing",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.nri.v1.nri",
  "io.containerd.monitor.v1.cgroups",
];
/**
 * The disk use of every container is measured this often; the default of 10 s is most of an idle containerd's work. A pod
 * that writes more than it may outside its volumes is evicted as late as this.
 */
const statsSeconds = 60;
/**
 * How much of its time containerd may spend on collecting garbage. It asks itself whether there is any as often as this
 * allows, 30 times a second by default: nearly all that an idle containerd does (measured: 0.3 % of a core).
 */
const garbageShareMax = 0.0001;
/** The kubelet's own limit for a line of a container's log before it is split. */
const logLineBytesMax = 16_384;

/** config.toml (version 2) of a containerd that shares nothing with another one on the machine. */
export function containerdConfig(settings: ContainerdSettings): string {
  const { paths, machine } = settings;
  const unused = [
    ...unusedPlugins,
    `io.containerd.snapshotter.v1.${machine.snapshotter === "native" ? "overlayfs" : "native"}`,
  ];
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return toml([
    [
      "",
      {
        version: 2,
        root: paths.root,
        state: paths.state,
        // The agent's score for its containers is never below this one's, so the engine outlives them.
        oom_score: machine.canLowerOomScore ? -999 : 0,
        disabled_plugins: unused,
      },
    ],
    ["grpc", { address: paths.socket }],
    ["debug", { level: "warn" }],
    ['plugins."io.containerd.gc.v1.scheduler"', { pause_threshold: garbageShareMax }],
    [
      cri,
      {
        sandbox_image: pauseImageName,
        // Without CAP_SYS_RESOURCE every sandbox would fail: its score is to be lower than that of its parent.
        restrict_oom_score_adj: !machine.canLowerOomScore,
        stream_server_address: "127.0.0.1",
        stream_server_port: "0",
        // kubectl exec and port-forward may be silent for long; the kubelet's own default.
        stream_idle_timeout: "4h0m0s",
        max_container_log_line_size: logLineBytesMax,
        stats_collect_period: statsSeconds,
        // Not in /run/netns, which other programs share.
        netns_mounts_under_state_dir: true,
        tolerate_missing_hugetlb_controller: true,
        disable_hugetlb_controller: true,
        // Kubernetes lets a pod bind low ports and ping without privileges.
        enable_unprivileged_ports: true,
        enable_unprivileged_icmp: true,
      },
    ],
    [`${cri}.cni`, { bin_dir: cniPlugins, conf_dir: paths.networks }],
    [`${cri}.containerd`, { snapshotter: machine.snapshotter, default_runtime_name: "runc" }],
    [`${cri}.containerd.runtimes.runc`, { runtime_type: "io.containerd.runc.v2" }],
    [
      `${cri}.containerd.runtimes.runc.options`,
      { BinaryName: machine.runtime?.path ?? "", Root: join(paths.state, "runc"), SystemdCgroup: false },
    ],
    [`${cri}.registry`, { config_path: paths.registries }],
  ]);
}

type TomlValue = string | number | boolean | readonly string[];

/** The tables in order; the first, without a name, is the top level. A JSON string is a TOML basic string. */
function toml(tables: readonly (readonly [name: string, values: Readonly<Record<string, TomlValue>>])[]): string {
  const lines = tables.flatMap(([name, values]) => [
    ...(name === "" ? [] : ["", `[${name}]`]),
    ...Object.entries(values).map(([key, value]) => `${key} = ${JSON.stringify(value)}`),
  ]);
  return `${lines.join("\n")}\n`;
}
