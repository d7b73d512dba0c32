// The files by which an operator says what the server writes down and how it keeps what it stores; none has to be there.
// `roder up` puts them beside those that say who may come in.
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { errorMessage, UserError } from "../lib/index.ts";
import { type PluginDefinition, readSchedulerConfiguration } from "../scheduler/index.ts";
import {
  type AdmissionOptions,
  type AdmissionPlugin,
  type AuditPolicy,
  type AuditSink,
  imagePolicyKubeconfig,
  planAdmission,
  readAdmissionConfiguration,
  readAuditPolicy,
  readEncryptionConfiguration,
} from "../server/index.ts";
import type { CipherOf } from "../storage/index.ts";
import type { SchedulerSettings } from "./control-loops.ts";
import type { DataDirectory } from "./data-directory.ts";
import { readReviewer } from "./guard-files.ts";
import { LogFile } from "./log-file.ts";
import { loadSchedulerPlugins } from "./scheduler-plugins.ts";
import type { ClusterSettings } from "./settings.ts";

/** How each of them is called in the data directory, and what makes sense of it. */
const kinds = {
  auditPolicy: { file: "audit-policy.yaml", read: async (text: string) => readAuditPolicy(parse(text)) },
  admissionConfig: { file: "admission.yaml", read: async (text: string) => readAdmissionConfiguration(parse(text)) },
  encryptionConfig: { file: "encryption.yaml", read: (text: string) => readEncryptionConfiguration(parse(text)) },
} as const;

const schedulerFile = "scheduler.yaml";

type ChosenPlugins = Pick<ClusterSettings, "enableAdmissionPlugins" | "disableAdmissionPlugins" | "schedulerPlugins">;

/** Paths of files that `roder up` was given. */
export interface GivenServerFiles {
  readonly auditPolicy?: string;
  readonly admissionConfig?: string;
  readonly encryptionConfig?: string;
  readonly schedulerConfig?: string;
}

/**
 * Takes over the files that were given, readable by their owner only. Throws a UserError that names the one that cannot
 * be used, or the admission plugin; then nothing is changed. True when something is another than before.
 */
export async function takeServerFiles(
  { guards }: DataDirectory,
  given: GivenServerFiles,
  plugins: ChosenPlugins = {},
): Promise<boolean> {
  const taken: { readonly path: string; readonly text: string }[] = [];
  for (const kind of ["auditPolicy", "admissionConfig", "encryptionConfig"] as const) {
    const from = given[kind];
    if (from === undefined) continue;
    const text = await readUsable(from, kinds[kind].read);
    const path = join(guards, kinds[kind].file);
    if (!existsSync(path) || readFileSync(path, "utf8") !== text) taken.push({ path, text });
  }
  const scheduler = await takeScheduler(guards, given.schedulerConfig, plugins);
  if (scheduler) taken.push(scheduler);
  await admissionPlan(given.admissionConfig ?? join(guards, kinds.admissionConfig.file), plugins);
  if (taken.length > 0) mkdirSync(guards, { recursive: true, mode: 0o700 });
  for (const { path, text } of taken) {
    writeFileSync(`${path}.new`, text, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }
  return taken.length > 0;
}

/** The scheduler's configuration, checked together with the plugins that it may name; undefined when it stays as it is. */
async function takeScheduler(guards: string, from: string | undefined, { schedulerPlugins = [] }: ChosenPlugins) {
  const path = join(guards, schedulerFile);
  const read = schedulerReader(await loadSchedulerPlugins(schedulerPlugins));
  if (from === undefined) {
    await readKind(path, read);
    return undefined;
  }
  const text = await readUsable(from, read);
  return existsSync(path) && readFileSync(path, "utf8") === text ? undefined : { path, text };
}

const schedulerReader = (plugins: readonly PluginDefinition[]) => async (text: string) =>
  readSchedulerConfiguration(parse(text), plugins);

/** How the scheduler works. Throws a UserError about a file that cannot be used. */
export async function readScheduler(
  { guards }: DataDirectory,
  { schedulerPlugins = [] }: ChosenPlugins,
): Promise<SchedulerSettings> {
  const plugins = await loadSchedulerPlugins(schedulerPlugins);
  const configuration = await readKind(join(guards, schedulerFile), schedulerReader(plugins));
  return { plugins, ...(configuration ? { configuration } : {}) };
}

async function readUsable(path: string, read: (text: string) => Promise<unknown>): Promise<string> {
  try {
    const text = readFileSync(path, "utf8");
    await read(text);
    return text;
  } catch (error) {
    throw new UserError(`cannot use ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** What is encrypted in the store, and how; undefined when nothing is. */
export function readEncryption({ guards }: DataDirectory): Promise<CipherOf | undefined> {
  return readKind(join(guards, kinds.encryptionConfig.file), kinds.encryptionConfig.read);
}

/** The admission plugins that are on, with what their configuration says. Throws a UserError about what is wrong. */
export function readAdmission(
  { guards }: DataDirectory,
  plugins: ChosenPlugins,
): Promise<(options: AdmissionOptions) => readonly AdmissionPlugin[]> {
  return admissionPlan(join(guards, kinds.admissionConfig.file), plugins);
}

async function admissionPlan(path: string, plugins: ChosenPlugins) {
  const configurations = await readKind(path, kinds.admissionConfig.read);
  const enabled = plugins.enableAdmissionPlugins ?? [];
  try {
    const kubeconfig = enabled.includes("ImagePolicyWebhook") ? imagePolicyKubeconfig(configurations) : undefined;
    const imageReviewer = kubeconfig === undefined ? undefined : await readReviewer(kubeconfig);
    return planAdmission({
      enabled,
      disabled: plugins.disableAdmissionPlugins ?? [],
      ...(configurations ? { configurations } : {}),
      ...(imageReviewer ? { imageReviewer } : {}),
    });
  } catch (error) {
    throw new UserError(errorMessage(error), { cause: error });
  }
}

/** What is written to the audit log; undefined when there is none. */
export function readPolicy({ guards }: DataDirectory): Promise<AuditPolicy | undefined> {
  return readKind(join(guards, kinds.auditPolicy.file), kinds.auditPolicy.read);
}

async function readKind<T>(path: string, read: (text: string) => Promise<T>): Promise<T | undefined> {
  if (!existsSync(path)) return undefined;
  try {
    return await read(readFileSync(path, "utf8"));
  } catch (error) {
    throw new UserError(`cannot use ${path}: ${errorMessage(error)}`, { cause: error });
  }
}

/** The audit log in the data directory: private, rotated, and lossy only on a full disk, which it tells. */
export function openAuditLog({ logs }: DataDirectory, bytesMax?: number): AuditSink & { close(): void } {
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const file = openSync(join(logs, "audit.log"), "a", 0o600);
  const log = new LogFile(file, bytesMax);
  return { write: (line) => log.write(line), close: () => closeSync(file) };
}
