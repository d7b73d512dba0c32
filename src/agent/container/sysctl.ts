/**
 * A sysctl's name with dots between its parts, as runtimes take it: a name may also be written with slashes, and then a dot
 * belongs to a part. https://man7.org/linux/man-pages/man5/sysctl.d.5.html
 */
export function sysctlName(name: string): string {
  const separator = /[./]/.exec(name)?.[0];
  if (separator !== "/") return name;
  return name.replace(/[./]/g, (each) => (each === "/" ? "." : "/"));
}
