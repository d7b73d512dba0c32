// The sandbox of a pod: its network and the directories that its containers share.
import type { Pod } from "../../api/index.ts";
import { assert, errorMessage } from "../../lib/index.ts";
import { podCgroup, podCgroupLimits } from "../container/linux-resources.ts";
import { omissionsOfDns, parseResolvConf } from "../container/pod-dns.ts";
import { sandboxConfig } from "../container/sandbox-config.ts";
import type { AgentContext } from "../context.ts";
import type { SandboxConfig, SandboxStatus } from "../engine/index.ts";

/** Runs a new sandbox and gives its state; tells the pod's events when it fails. */
export async function createSandbox(context: AgentContext, pod: Pod, attempt: number): Promise<SandboxStatus> {
  const { engine, events } = context;
  try {
    const config = await configOf(context, pod, attempt);
    const machineDns = parseResolvConf(await context.host.resolvConf());
    for (const message of omissionsOfDns(pod, machineDns, context.settings))
      events.warning(pod, "DNSConfigForming", message);
    await context.host.files.makeDirectory(config.logDirectory, 0o755);
    await context.host.cgroups.ensure(config.cgroupParent, podCgroupLimits(pod));
    const id = await engine.runSandbox(config);
    const sandbox = await engine.sandboxStatus(id);
    assert(sandbox, "a sandbox that was just made is known");
    if (sandbox.ready && (config.hostNetwork || sandbox.ips.length > 0)) return sandbox;
    await engine.removeSandbox(id);
    throw new Error("the network gave the sandbox no address");
  } catch (error) {
    events.warning(pod, "FailedCreatePodSandBox", `Failed to create pod sandbox: ${errorMessage(error)}`);
    throw error;
  }
}

/** The configuration of the pod's sandbox; containers are created with it as well. */
export async function configOf(context: AgentContext, pod: Pod, attempt: number): Promise<SandboxConfig> {
  const { settings, paths, host } = context;
  const resolvConf = await host.resolvConf();
  const runtimeHandler = await context.runtimeHandler(pod);
  return sandboxConfig({ pod, attempt, settings, paths, resolvConf, runtimeHandler });
}

/** Removes everything of a pod that nobody will ask for any more: sandboxes, containers, logs and files. */
export async function cleanUp(context: AgentContext, pod: Pod, sandboxes: readonly SandboxStatus[]): Promise<void> {
  const { engine, host, paths, settings } = context;
  const { uid } = pod.metadata;
  for (const each of sandboxes) await engine.removeSandbox(each.id);
  await context.volumes.tearDown(uid);
  await host.files.remove(paths.pod(uid));
  await host.files.remove(paths.podLogs(pod));
  await host.cgroups.remove(podCgroup(settings.cgroupRoot, pod));
  context.images.forget(uid);
}
