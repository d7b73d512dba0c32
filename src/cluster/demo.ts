import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { connectEngine } from "../agent/host/containerd/index.ts";
import { type Deployment, Deployments, Nodes, type Service, Services } from "../api/index.ts";
import type { Client } from "../client/index.ts";
import { errorMessage, pause, systemClock, UserError } from "../lib/index.ts";
import { administratorClient } from "./administrator.ts";
import type { DataDirectory } from "./data-directory.ts";
import { enginePaths, nodeImages } from "./node-engine.ts";
import { clientRequirements, installPackages, missingRequirements } from "./packages.ts";
import type { ClusterSettings } from "./settings.ts";
import { standInArchive } from "./stand-in-images.ts";

const examples = join(import.meta.dirname, "../../examples");
const pullMsMax = 60_000;
const readyMsMax = 180_000;
const answerRetryMs = 100;

/** Deploys an example of examples/, with its images, and resolves with the URL where it can be opened. */
export async function runDemo(
  directory: DataDirectory,
  settings: ClusterSettings,
  example: string,
  say: (line: string) => void,
): Promise<string> {
  // Others are programs, with a README of their own.
  const known = readdirSync(examples).filter((name) => manifestsOf(join(examples, name)).length > 0);
  if (!known.includes(example))
    throw new UserError(`there is no example "${example}": name one of ${known.join(", ")}`);
  const folder = join(examples, example);
  await bringImages(directory, settings, imagesOf(folder), say);
  await apply(directory, folder);
  const client = await administratorClient(directory);
  try {
    return await whenDeployed(client, folder, say);
  } finally {
    client.close();
  }
}

function manifestsOf(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".yaml"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
}

function imagesOf(folder: string): string[] {
  const found = manifestsOf(folder).flatMap((text) =>
    [...text.matchAll(/^\s*(?:- )?image: (\S+)$/gm)].map((match) => match[1]!),
  );
  return [...new Set(found)];
}

/** Pulls what is missing; where that is not possible, makes stand-ins. */
async function bringImages(
  directory: DataDirectory,
  settings: ClusterSettings,
  names: readonly string[],
  say: (line: string) => void,
): Promise<void> {
  const images = await nodeImages(directory, settings);
  const engine = await connectEngine({ socketPath: enginePaths(directory).socket, clock: systemClock });
  const missing: string[] = [];
  try {
    for (const name of names) {
      if (await engine.imageStatus(name)) continue;
      say(`pulling ${name}`);
      try {
        await engine.pullImage(name, undefined, AbortSignal.timeout(pullMsMax));
      } catch (error) {
        say(`${name} cannot be pulled (${whyNotPulled(error)})`);
        missing.push(name);
        break;
      }
    }
    // One that could not be reached is enough to know: the rest is made here as well.
    for (const name of names) if (!missing.includes(name) && !(await engine.imageStatus(name))) missing.push(name);
  } finally {
    engine.close();
  }
  if (missing.length === 0) return;
  const needed = missingRequirements([{ package: "mmdebstrap", file: "mmdebstrap" }]);
  if (needed.length > 0) await installPackages(needed, say);
  const archive = await standInArchive(missing, say);
  say(`loading ${missing.join(", ")}`);
  await images.load(archive);
}

/** The engine's reason without what it was about to do, image by image, which was said before. */
function whyNotPulled(error: unknown): string {
  return errorMessage(error)
    .split("\n")[0]!
    .replace(/^(failed to [a-z ]+"[^"]*": )+/, "");
}

async function apply(directory: DataDirectory, folder: string): Promise<void> {
  const missing = missingRequirements(clientRequirements);
  if (missing.length > 0) throw new UserError("kubectl is missing: install it and try again");
  const args = ["--kubeconfig", directory.kubeconfig, "apply", "-f", folder];
  await new Promise<void>((resolve, reject) => {
    execFile("kubectl", args, (error, _, stderr) => {
      if (error) reject(new UserError(`kubectl could not apply the example: ${stderr.trim()}`, { cause: error }));
      else resolve();
    });
  });
}

async function whenDeployed(client: Client, folder: string, say: (line: string) => void): Promise<string> {
  const names = (kind: string) =>
    manifestsOf(folder).flatMap((text) =>
      [...text.matchAll(new RegExp(`kind: ${kind}\\nmetadata:\\n  name: (\\S+)`, "g"))].map((match) => match[1]!),
    );
  const signal = AbortSignal.timeout(readyMsMax);
  for (const name of names("Deployment")) {
    await deploymentReady(client, name, signal);
    say(`${name} is ready`);
  }
  const services = await Promise.all(
    names("Service").map((name) => client.get<Service>(Services, { namespace: "default", name })),
  );
  const port = services.flatMap((each) => each.spec.ports ?? []).find((each) => each.nodePort)?.nodePort;
  const { items } = await client.list(Nodes);
  const address = items[0]?.status.addresses?.find((each) => each.type === "InternalIP")?.address;
  const url = `http://${address}:${port}`;
  await whenAnswering(url, signal);
  return url;
}

/** Resolves when the page is there: the node port is served a moment after its pods are ready. */
async function whenAnswering(url: string, signal: AbortSignal): Promise<void> {
  let why = "";
  while (!signal.aborted) {
    try {
      const { ok, status } = await fetch(url, { signal });
      if (ok) return;
      why = `it answers ${status}`;
    } catch (error) {
      why = errorMessage(error);
    }
    await pause(systemClock, answerRetryMs, signal);
  }
  throw new UserError(`${url} does not answer (${why}): "roder logs node" may tell why`);
}

async function deploymentReady(client: Client, name: string, signal: AbortSignal): Promise<void> {
  const isDone = ({ spec, status, metadata }: Deployment) =>
    status.observedGeneration === metadata.generation && (status.availableReplicas ?? 0) >= (spec.replicas ?? 1);
  try {
    const fieldSelector = `metadata.name=${name}`;
    for await (const event of client.watch(Deployments, { namespace: "default", fieldSelector, signal })) {
      if (event.type !== "BOOKMARK" && isDone(event.object)) return;
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
  throw new UserError(`the Deployment ${name} does not get ready: "kubectl describe pods" tells why`);
}
