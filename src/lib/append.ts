/** As `list.push(...more)`, which throws RangeError when `more` has more elements than the stack has room for. */
export function append<T>(list: T[], ...more: readonly (readonly T[])[]): void {
  for (const each of more) for (const item of each) list.push(item);
}
