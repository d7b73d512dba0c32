// How one container comes to run: image, configuration, create, start, postStart hook; the kubelet's startContainer.
import type { Pod } from "../../api/index.ts";
import { errorMessage, isAbort } from "../../lib/index.ts";
import { containerConfig } from "../container/container-config.ts";
import { environment } from "../container/environment.ts";
import { etcHosts } from "../container/etc-hosts.ts";
import { StartError } from "../container/start-error.ts";
import type { AgentContext } from "../context.ts";
import type { ContainerStatus, Image, Mount, SandboxConfig } from "../engine/index.ts";
import { runHook } from "../lifecycle/hook.ts";
import type { PodContainer } from "./pod-containers.ts";
import { latestContainer, type PodView } from "./pod-view.ts";

export interface StartInput {
  readonly view: PodView;
  readonly container: PodContainer;
  readonly attempt: number;
  readonly sandboxId: string;
  readonly sandbox: SandboxConfig;
  readonly podIps: readonly string[];
  /** Cancels a pull or a hook: the pod is to stop. */
  readonly signal: AbortSignal;
  /** Called with the state of the container after each step that changes it. */
  readonly changed: (status: ContainerStatus) => Promise<void>;
}

/** The crash backoff holds back a container that ended; this one that the engine did not even count as ended. */
const startRetryMs = 1_000;

/** Starts a container; throws StartError with the reason that the API shows. */
export async function startContainer(context: AgentContext, input: StartInput): Promise<void> {
  const { pod } = input.view;
  const { images } = context;
  const { image, name } = await images.ensure(pod, input.container, () => context.pullSecrets(pod), input.signal);
  const id = await create(context, input, image, name);
  try {
    await start(context, input, id);
  } finally {
    // A start that fails ends the container.
    await refresh(context, input, id);
  }
  await runPostStart(context, input, id);
}

async function create(context: AgentContext, input: StartInput, image: Image, imageName: string): Promise<string> {
  const { events, engine } = context;
  const { container, sandbox, sandboxId } = input;
  const { pod } = input.view;
  let config: Awaited<ReturnType<typeof configOf>>;
  try {
    config = await configOf(context, input, image, imageName);
  } catch (error) {
    events.warning(pod, "Failed", `Error: ${errorMessage(error)}`, container);
    throw error instanceof StartError ? error : new StartError("CreateContainerConfigError", errorMessage(error));
  }
  try {
    await prepareFiles(context, input);
    const id = await engine.createContainer(sandboxId, config, sandbox);
    events.normal(pod, "Created", "Container created", container);
    return id;
  } catch (error) {
    events.warning(pod, "Failed", `Error: ${errorMessage(error)}`, container);
    throw new StartError("CreateContainerError", errorMessage(error));
  }
}

async function configOf(context: AgentContext, input: StartInput, image: Image, imageName: string) {
  const { machine, paths, settings } = context;
  const { view, container, attempt } = input;
  const { pod } = view;
  const env = await environment({
    pod,
    container: container.spec,
    addresses: { podIps: input.podIps, hostIps: settings.nodeIps },
    services: context.services(),
    allocatable: context.node()?.status?.allocatable ?? {},
    objects: context.objects,
    volumeFile: (volume, path) => context.volumes.read(pod, volume, path),
  });
  const volumes = await context.volumes.mounts(pod, container, env);
  const target = "targetContainerName" in container.spec ? container.spec.targetContainerName : undefined;
  const targetId = target ? latestContainer(view.containers, target)?.id : undefined;
  return containerConfig({
    pod,
    container,
    attempt,
    image,
    imageName,
    env,
    mounts: [...volumes, ...ownMounts(context, input)],
    devices: context.volumes.devices(pod, container),
    machine,
    paths,
    ...(targetId === undefined ? {} : { targetContainerId: targetId }),
  });
}

/** What every container mounts beside its volumes: /etc/hosts and the file of its termination message. */
function ownMounts({ paths }: AgentContext, { view, container, attempt, podIps }: StartInput): Mount[] {
  const { spec, metadata } = view.pod;
  const mounts: Mount[] = [];
  const mount = (containerPath: string, hostPath: string) => {
    const taken = container.spec.volumeMounts?.some((each) => each.mountPath === containerPath);
    if (!taken) mounts.push({ containerPath, hostPath, readonly: false, propagation: "private" });
  };
  if (spec.hostNetwork || podIps.length > 0) mount("/etc/hosts", paths.etcHosts(metadata.uid));
  const { terminationMessagePath } = container.spec;
  if (terminationMessagePath) {
    mount(terminationMessagePath, paths.terminationMessage(metadata.uid, container.spec.name, attempt));
  }
  return mounts;
}

/** The directory of the container's logs, and the files of `ownMounts`. */
async function prepareFiles(context: AgentContext, { view, container, attempt, podIps }: StartInput): Promise<void> {
  const { host, paths } = context;
  const { uid } = view.pod.metadata;
  const { name } = container.spec;
  await host.files.makeDirectory(`${paths.podLogs(view.pod)}/${name}`, 0o755);
  await writeEtcHosts(context, view.pod, podIps);
  if (!container.spec.terminationMessagePath) return;
  await host.files.makeDirectory(paths.container(uid, name), 0o750);
  // Whoever the container runs as may write its message.
  await host.files.write(paths.terminationMessage(uid, name, attempt), new Uint8Array(), 0o666);
}

/** Writes the pod's /etc/hosts, which all its containers mount. */
async function writeEtcHosts(context: AgentContext, pod: Pod, podIps: readonly string[]): Promise<void> {
  const { host, paths, settings } = context;
  const { uid } = pod.metadata;
  const machineHosts = pod.spec.hostNetwork
    ? ((await host.files.read("/etc/hosts")) ?? new Uint8Array())
    : new Uint8Array();
  const text = etcHosts(pod, podIps, settings.clusterDomain, new TextDecoder().decode(machineHosts));
  await host.files.makeDirectory(paths.pod(uid), 0o750);
  await host.files.write(paths.etcHosts(uid), new TextEncoder().encode(text), 0o644);
}

async function start({ engine, events }: AgentContext, { view, container }: StartInput, id: string): Promise<void> {
  try {
    await engine.startContainer(id);
  } catch (error) {
    events.warning(view.pod, "Failed", `Error: ${errorMessage(error)}`, container);
    throw new StartError("RunContainerError", errorMessage(error), startRetryMs);
  }
  events.normal(view.pod, "Started", "Container started", container);
}

async function runPostStart(context: AgentContext, input: StartInput, id: string): Promise<void> {
  const { container, view, podIps, signal } = input;
  const handler = container.spec.lifecycle?.postStart;
  if (!handler) return;
  const { pod } = view;
  try {
    await runHook(context, { pod, container, containerId: id, podIp: podIps[0] }, handler, signal);
  } catch (error) {
    if (isAbort(error)) throw error;
    context.log.info("postStart hook failed", { pod: pod.metadata.name, error: errorMessage(error) });
    context.events.warning(pod, "FailedPostStartHook", "PostStartHook failed", container);
    context.events.normal(pod, "Killing", "FailedPostStartHook", container);
    const grace = Number(pod.spec.terminationGracePeriodSeconds ?? 30);
    await context.engine.stopContainer(id, grace);
    throw new StartError("PostStartHookError", errorMessage(error), 0);
  }
}

async function refresh({ engine }: AgentContext, { changed }: StartInput, id: string): Promise<void> {
  const status = await engine.containerStatus(id);
  if (status) await changed(status);
}
