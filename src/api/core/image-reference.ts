/** The tag of an image reference; "latest" when it names neither a tag nor a digest, "" when only a digest. */
function imageTag(reference: string): string {
  const [name = "", digest] = reference.split("@", 2);
  const tail = name.slice(name.lastIndexOf("/") + 1);
  const colon = tail.indexOf(":");
  if (colon >= 0) return tail.slice(colon + 1);
  return digest === undefined ? "latest" : "";
}

/** The pull policy of an image whose container names none: what can change under its name is always pulled. */
export function defaultPullPolicy(reference: string | undefined): "Always" | "IfNotPresent" {
  return imageTag(reference ?? "") === "latest" && reference ? "Always" : "IfNotPresent";
}
