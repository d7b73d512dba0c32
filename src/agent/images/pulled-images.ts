// With whose credentials images came here: an image that a secret opened is for pods that have the secret, also when it lies
// on the machine already. Whoever has others shows them to the registry. (KEP-2535, on by default since Kubernetes 1.35; the
// policy is NeverVerifyPreloadedImages: what the agent did not pull is everybody's.)
import type { Secret } from "../../api/index.ts";
import { errorMessage } from "../../lib/index.ts";
import type { Image } from "../engine/index.ts";
import type { HostFiles } from "../host.ts";
import { parseImage } from "./image-reference.ts";

interface SecretReference {
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
}

/** Who may use an image under one of its names. */
interface Access {
  /** The registry gave it to somebody without credentials. */
  readonly everybody: boolean;
  readonly secrets: readonly SecretReference[];
}

interface Records {
  /** By the image's id, then by the name without tag and digest. */
  readonly images: Readonly<Record<string, Readonly<Record<string, Access>>>>;
  /** Names of pulls that have begun: how they ended is not known if the agent ends before they do. */
  readonly pulling: readonly string[];
}

/** What is kept of one image's secrets; later ones are shown to the registry again. */
const secretsMax = 100;

export class PulledImages {
  readonly #files: HostFiles;
  readonly #path: string;
  #records: Records | undefined;
  /** One change after the other. */
  #changing: Promise<void> = Promise.resolve();

  constructor(files: HostFiles, path: string) {
    this.#files = files;
    this.#path = path;
  }

  /** Whether a pod may use the image that is here; `secrets`, those that open the name's registry, are asked for if they decide. */
  async mayUse(image: Image, name: string, secrets: () => Promise<readonly Secret[]>): Promise<boolean> {
    const { images, pulling } = await this.#read();
    const record = images[image.id];
    if (!record) return !pulling.includes(name);
    const access = record[nameOf(name)];
    // The same content may have been loaded under another name, which the agent never pulled. Its id alone opens nothing.
    if (!access) return !pulling.includes(name) && image.tags.some((tag) => nameOf(tag) === nameOf(name));
    if (access.everybody) return true;
    const own = (await secrets()).map(referenceTo);
    return own.some((each) => access.secrets.some((known) => isSame(known, each)));
  }

  /** A pull begins. */
  began(name: string): Promise<void> {
    return this.#change((records) => ({ ...records, pulling: [...records.pulling, name] }));
  }

  failed(name: string): Promise<void> {
    return this.#change((records) => {
      const at = records.pulling.indexOf(name);
      return { ...records, pulling: records.pulling.filter((_each, index) => index !== at) };
    });
  }

  /** A pull brought the image, opened by a secret or by nothing. */
  pulled(name: string, id: string, secret: Secret | undefined): Promise<void> {
    return this.#change((records) => {
      const record = records.images[id] ?? {};
      const before = record[nameOf(name)] ?? { everybody: false, secrets: [] };
      const others = before.secrets.filter((each) => !secret || !isSame(each, referenceTo(secret)));
      const access: Access =
        before.everybody || !secret
          ? { everybody: true, secrets: [] }
          : { everybody: false, secrets: [...others, referenceTo(secret)].slice(-secretsMax) };
      const images = { ...records.images, [id]: { ...record, [nameOf(name)]: access } };
      // Also of pulls that an agent before this one began: from here on it is known whose the image is.
      return { images, pulling: records.pulling.filter((each) => each !== name) };
    });
  }

  /** Forgets images that are not there any more. */
  async retain(ids: ReadonlySet<string>): Promise<void> {
    if (Object.keys((await this.#read()).images).every((id) => ids.has(id))) return;
    await this.#change((records) => ({
      ...records,
      images: Object.fromEntries(Object.entries(records.images).filter(([id]) => ids.has(id))),
    }));
  }

  async #read(): Promise<Records> {
    if (this.#records) return this.#records;
    const content = await this.#files.read(this.#path);
    try {
      // The agent wrote it itself.
      this.#records ??= content
        ? (JSON.parse(new TextDecoder().decode(content)) as Records)
        : { images: {}, pulling: [] };
    } catch (error) {
      const what = `which secrets open the images on this machine cannot be read from ${this.#path}`;
      throw new Error(`${what}: ${errorMessage(error)}; without the file they are open to every pod`, { cause: error });
    }
    return this.#records;
  }

  #change(next: (records: Records) => Records): Promise<void> {
    const changed = this.#changing.then(async () => {
      const records = next(await this.#read());
      const content = new TextEncoder().encode(JSON.stringify(records));
      // A machine that stops meanwhile leaves one or the other.
      await this.#files.write(`${this.#path}.next`, content, 0o600);
      await this.#files.rename(`${this.#path}.next`, this.#path);
      this.#records = records;
    });
    // Whoever asked for the change is told of its failure; the next one begins all the same.
    this.#changing = changed.catch(() => {});
    return changed;
  }
}

function nameOf(image: string): string {
  const reference = parseImage(image);
  return reference ? `${reference.registry}/${reference.repository}` : image;
}

function referenceTo({ metadata }: Secret): SecretReference {
  return { uid: metadata.uid, namespace: metadata.namespace ?? "", name: metadata.name };
}

const isSame = (a: SecretReference, b: SecretReference) =>
  a.uid === b.uid && a.namespace === b.namespace && a.name === b.name;
