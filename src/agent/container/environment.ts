import type {
  ConfigMap,
  Container,
  EnvFromSource,
  EnvVarSource,
  EphemeralContainer,
  Pod,
  Quantity,
  Secret,
  Service,
} from "../../api/index.ts";
import { envFileValue } from "./env-file.ts";
import { expand } from "./expand.ts";
import { fieldValue, type PodAddresses, resourceFieldValue } from "./field-value.ts";
import { serviceEnvironment } from "./service-environment.ts";
import { configError } from "./start-error.ts";

/** Gives the ConfigMaps and Secrets that pods name; undefined when there is none of that name. */
export interface ObjectLookup {
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
}

export interface EnvironmentInput {
  readonly pod: Pod;
  readonly container: Container | EphemeralContainer;
  readonly addresses: PodAddresses;
  readonly services: readonly Service[];
  readonly allocatable: Readonly<Record<string, Quantity>>;
  readonly objects: ObjectLookup;
  /** The text of a file in one of the pod's volumes; rejects when there is none. */
  readonly volumeFile: (volume: string, path: string) => Promise<string>;
}

/**
 * A container's environment: those of Services, over them those of envFrom, over them env in its order, each with the
 * ones before it expanded. Throws CreateContainerConfigError when something is named that is not there and not optional.
 */
export async function environment(input: EnvironmentInput): Promise<Record<string, string>> {
  const { pod, container } = input;
  const namespace = pod.metadata.namespace ?? "";
  const ofServices = serviceEnvironment(namespace, input.services, pod.spec.enableServiceLinks ?? true);
  // A variable may have any name, so nothing may be there that was not put there.
  const env: Record<string, string> = Object.assign(Object.create(null), ofServices);
  for (const source of container.envFrom ?? []) Object.assign(env, await valuesFrom(source, namespace, input.objects));
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (valueFrom && !value) {
      const found = await sourceValue(valueFrom, input);
      if (found !== undefined) env[name] = found;
      continue;
    }
    env[name] = expand(value ?? "", (each) => env[each]);
  }
  return { ...env };
}

async function valuesFrom(
  { prefix = "", configMapRef, secretRef }: EnvFromSource,
  namespace: string,
  objects: ObjectLookup,
): Promise<Record<string, string>> {
  const values: Record<string, string> = Object.create(null);
  if (configMapRef) {
    const name = configMapRef.name ?? "";
    const found = await objects.configMap(namespace, name);
    if (!found && !configMapRef.optional) throw configError(`configmap "${name}" not found`);
    for (const [key, value] of Object.entries(found?.data ?? {})) values[prefix + key] = value;
  } else if (secretRef) {
    const name = secretRef.name ?? "";
    const found = await objects.secret(namespace, name);
    if (!found && !secretRef.optional) throw configError(`secret "${name}" not found`);
    for (const [key, value] of Object.entries(found?.data ?? {})) values[prefix + key] = textOf(value);
  }
  return values;
}

async function sourceValue(source: EnvVarSource, input: EnvironmentInput): Promise<string | undefined> {
  const { pod, container, objects } = input;
  const namespace = pod.metadata.namespace ?? "";
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  try {
    if (fieldRef) return fieldValue(pod, fieldRef.fieldPath, input.addresses);
    if (resourceFieldRef) return resourceFieldValue(pod, container, resourceFieldRef, input.allocatable);
  } catch (error) {
    throw configError(error instanceof Error ? error.message : String(error));
  }
  if (configMapKeyRef) {
    const { name = "", key, optional } = configMapKeyRef;
    const found = await objects.configMap(namespace, name);
    if (!found && !optional) throw configError(`configmap "${name}" not found`);
    const value = valueAt(found?.data, key);
    if (value === undefined && !optional)
      throw configError(`couldn't find key ${key} in ConfigMap ${namespace}/${name}`);
    return value;
  }
  if (secretKeyRef) {
    const { name = "", key, optional } = secretKeyRef;
    const found = await objects.secret(namespace, name);
    if (!found && !optional) throw configError(`secret "${name}" not found`);
    const value = valueAt(found?.data, key);
    if (value === undefined && !optional) throw configError(`couldn't find key ${key} in Secret ${namespace}/${name}`);
    return value === undefined ? undefined : textOf(value);
  }
  if (fileKeyRef) return fileValue(fileKeyRef, input);
  return "";
}

async function fileValue(
  { volumeName, path, key, optional }: NonNullable<EnvVarSource["fileKeyRef"]>,
  { volumeFile }: EnvironmentInput,
): Promise<string | undefined> {
  const value = await volumeFile(volumeName, path)
    .then((text) => envFileValue(text, key))
    .catch(() => {
      // The kubelet does not say more: the file is the containers' own.
      throw configError("couldn't parse env file");
    });
  // An empty value is none, to the kubelet.
  if (!value && !optional)
    throw configError(`environment variable key ${JSON.stringify(key)} not found in file "${path}"`);
  return value || undefined;
}

function valueAt(data: Readonly<Record<string, string>> | undefined, key: string): string | undefined {
  return data && Object.hasOwn(data, key) ? data[key] : undefined;
}

function textOf(base64: string): string {
  return new TextDecoder().decode(Uint8Array.fromBase64(base64));
}
