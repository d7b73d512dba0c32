// Sets of indexes as Jobs write them: `1,3-5,7`, increasing.

/** How many indexes the text names, or what is wrong with it. `completions` is above the largest that there can be. */
export function countIndexes(text: string, completions: number): number | { readonly wrong: string } {
  if (text === "") return 0;
  let total = 0;
  let last: number | undefined;
  for (const part of text.split(",")) {
    const interval = parseInterval(part, completions);
    if ("wrong" in interval) return interval;
    if (last !== undefined && last >= interval.first)
      return { wrong: `non-increasing order, previous: ${last}, current: ${interval.first}` };
    total += interval.last - interval.first + 1;
    last = interval.last;
  }
  return total;
}

/** The intervals of a text that countIndexes finds right, in order. */
export function indexIntervals(text: string): readonly { readonly first: number; readonly last: number }[] {
  if (text === "") return [];
  return text.split(",").map((part) => {
    const [first = "", last = first] = part.split("-");
    return { first: Number(first), last: Number(last) };
  });
}

function parseInterval(
  text: string,
  completions: number,
): { readonly first: number; readonly last: number } | { readonly wrong: string } {
  const parts = text.split("-");
  if (parts.length > 2)
    return {
      wrong: `the fragment ${JSON.stringify(text)} violates the requirement that an index interval can have at most two parts separated by '-'`,
    };
  const numbers: number[] = [];
  for (const part of parts) {
    if (!/^\+?\d+$/.test(part)) return { wrong: `cannot convert string to integer for index: ${JSON.stringify(part)}` };
    if (Number(part) >= completions) return { wrong: `too large index: ${JSON.stringify(part)}` };
    numbers.push(Number(part));
  }
  const [first = 0, last = first] = numbers;
  if (parts.length === 2 && first >= last)
    return { wrong: `non-increasing order, previous: ${first}, current: ${last}` };
  return { first, last };
}
