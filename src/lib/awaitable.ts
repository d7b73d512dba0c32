/**
 * What is there now or later. Where nearly every answer is there now, who asks looks before waiting: a promise and a turn
 * of the microtask queue for each of the dozen questions that a request asks are a tenth of what it costs.
 */
export type Awaitable<T> = T | Promise<T>;

/** What `use` makes of the value: at once when it is there. */
export function whenThere<T, U>(value: Awaitable<T>, use: (value: T) => Awaitable<U>): Awaitable<U> {
  return value instanceof Promise ? value.then(use) : use(value);
}

/** The first answer that one of `all` has, asked one after the other. */
export function firstAnswer<T, Answer>(
  all: readonly T[],
  ask: (each: T) => Awaitable<Answer | undefined>,
  from = 0,
): Awaitable<Answer | undefined> {
  for (let at = from; at < all.length; at++) {
    const answer = ask(all[at]!);
    if (answer instanceof Promise) return answer.then((known) => known ?? firstAnswer(all, ask, at + 1));
    if (answer !== undefined) return answer;
  }
  return undefined;
}
