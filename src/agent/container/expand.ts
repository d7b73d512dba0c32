/**
 * Replaces `$(NAME)` by what `lookup` gives; what it does not know stays as it is written, and `$$` is one `$` that begins
 * no reference. https://kubernetes.io/docs/tasks/inject-data-application/define-interdependent-environment-variables/
 */
export function expand(text: string, lookup: (name: string) => string | undefined): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (whole, _after, name: string | undefined) =>
    name === undefined ? "$" : (lookup(name) ?? whole),
  );
}

/** As `expand`, but every name must be known: for subPathExpr. Gives the first unknown name instead when there is one. */
export function expandStrictly(
  text: string,
  env: Readonly<Record<string, string>>,
): { value: string; unknown?: string } {
  let unknown: string | undefined;
  const value = expand(text, (name) => {
    if (Object.hasOwn(env, name)) return env[name];
    unknown ??= name;
    return undefined;
  });
  return { value, ...(unknown === undefined ? {} : { unknown }) };
}
