// Names of images, by the grammar of the distribution project (reference.go).

export interface ImageReference {
  /** The registry; `docker.io` where the name has none. */
  readonly registry: string;
  /** The path in the registry, with `library/` where it has one part on the default registry. */
  readonly repository: string;
  readonly tag?: string;
  readonly digest?: string;
}

const defaultRegistry = "docker.io";
const component = "[a-z0-9]+(?:(?:\\.|_{1,2}|-+)[a-z0-9]+)*";
const domainPart = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const domain = `(?:${domainPart}(?:\\.${domainPart})*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?`;
const pattern = new RegExp(
  `^(?:(${domain})/)?(${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@([a-z0-9+._-]+:[0-9a-fA-F]{32,}))?$`,
);
const repositoryLengthMax = 255;

/** Undefined when the name is none of an image. */
export function parseImage(name: string): ImageReference | undefined {
  const match = pattern.exec(name);
  if (!match) return undefined;
  const [, domainText, path = "", tag, digest] = match;
  // The first part is a registry only when it looks like a host; `library/nginx` and `me/app` are paths.
  const isHost =
    domainText !== undefined && (/[.:]/.test(domainText) || domainText === "localhost" || /[A-Z]/.test(domainText));
  if (domainText !== undefined && !isHost && !new RegExp(`^${component}$`).test(domainText)) return undefined;
  const registry = isHost ? domainText : defaultRegistry;
  const whole = isHost || domainText === undefined ? path : `${domainText}/${path}`;
  const repository = registry === defaultRegistry && !whole.includes("/") ? `library/${whole}` : whole;
  if (registry.length + 1 + repository.length > repositoryLengthMax) return undefined;
  return { registry, repository, ...(tag === undefined ? {} : { tag }), ...(digest === undefined ? {} : { digest }) };
}

/** The name with `:latest` when it has neither tag nor digest; undefined when it is none of an image. */
export function withDefaultTag(name: string): string | undefined {
  const reference = parseImage(name);
  if (!reference) return undefined;
  return reference.tag === undefined && reference.digest === undefined ? `${name}:latest` : name;
}
