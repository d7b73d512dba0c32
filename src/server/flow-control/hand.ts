// Shuffle sharding: each flow is dealt a few of the queues, so that a flow that fills its own leaves most others some
// that are not full. https://kubernetes.io/docs/concepts/cluster-administration/flow-control/#queuing

/** The queues of a flow: `handSize` different numbers below `queues`, the same ones for the same flow. */
export function dealHand(flow: string, queues: number, handSize: number): number[] {
  const hand: number[] = [];
  let state = hash(flow, 0x811c9dc5);
  const step = hash(flow, 0x9e3779b9) | 1;
  for (let dealt = 0; dealt < handSize; dealt++) {
    state = (state + step) >>> 0;
    let card = mixed(state) % (queues - dealt);
    // The numbers that are left, counted without those in the hand, which is kept in order.
    let at = 0;
    while (at < hand.length && hand[at]! <= card) {
      card++;
      at++;
    }
    hand.splice(at, 0, card);
  }
  return hand;
}

/** FNV-1a over UTF-16 units. */
function hash(text: string, seed: number): number {
  let value = seed;
  for (let at = 0; at < text.length; at++) value = Math.imul(value ^ text.charCodeAt(at), 0x01000193);
  return mixed(value >>> 0);
}

/** The finalizer of MurmurHash3. */
function mixed(value: number): number {
  let bits = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
