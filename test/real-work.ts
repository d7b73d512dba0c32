// WebCrypto takes real time, on threads of its own, which a clock that a test moves does not wait for. Whoever moves one
// waits here first, or a slow machine would see other things happen than a fast one.

const underWay = new Set<Promise<unknown>>();

function noted<Arguments extends unknown[], Result>(operation: (...args: Arguments) => Promise<Result>) {
  return (...args: Arguments): Promise<Result> => {
    const work = operation(...args);
    underWay.add(work);
    const over = () => underWay.delete(work);
    work.then(over, over);
    return work;
  };
}

const { subtle } = crypto;
// Overloaded functions: what is noted takes and gives the same.
subtle.sign = noted(subtle.sign.bind(subtle)) as typeof subtle.sign;
subtle.verify = noted(subtle.verify.bind(subtle)) as typeof subtle.verify;
subtle.digest = noted(subtle.digest.bind(subtle)) as typeof subtle.digest;
subtle.importKey = noted(subtle.importKey.bind(subtle)) as typeof subtle.importKey;

/** Resolves when all that was begun, and what follows from it, is over. */
export async function realWorkDone(): Promise<void> {
  while (underWay.size > 0) await Promise.allSettled(underWay);
}
