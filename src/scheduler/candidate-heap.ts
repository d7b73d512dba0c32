import { Heap } from "../lib/index.ts";

/** The feasible nodes, by their places in the snapshot, with the best on top. Changing one costs O(log n). */
export class CandidateHeap {
  readonly #heap: number[] = [];
  /** Where each node is in the heap; -1, or nothing for nodes that came later, when it is not. */
  readonly #positions: number[];
  readonly #scores: number[];

  constructor(nodeCount: number) {
    this.#positions = new Array<number>(nodeCount).fill(-1);
    this.#scores = new Array<number>(nodeCount).fill(0);
  }

  get size(): number {
    return this.#heap.length;
  }

  /** The node with the highest score; undefined when none is feasible. */
  get best(): number | undefined {
    return this.#heap[0];
  }

  /** The feasible nodes from the best on. Each step costs O(log k) for the k-th; the heap must not change meanwhile. */
  *inOrder(): Generator<number> {
    // Every node's children come after it: what may be next are the children of those that were given.
    const heap = this.#heap;
    const frontier = new Heap<number>((a, b) => this.#scores[heap[b]!]! - this.#scores[heap[a]!]!);
    if (heap.length > 0) frontier.push(0);
    for (let at = frontier.pop(); at !== undefined; at = frontier.pop()) {
      yield heap[at]!;
      for (const child of [2 * at + 1, 2 * at + 2]) if (child < heap.length) frontier.push(child);
    }
  }

  /** Makes a node feasible, or gives it another score. */
  set(node: number, score: number): void {
    this.#scores[node] = score;
    if ((this.#positions[node] ?? -1) === -1) this.#positions[node] = this.#heap.push(node) - 1;
    this.#settle(node);
  }

  delete(node: number): void {
    const at = this.#positions[node] ?? -1;
    if (at === -1) return;
    this.#positions[node] = -1;
    const last = this.#heap.pop()!;
    if (last === node) return;
    this.#heap[at] = last;
    this.#positions[last] = at;
    this.#settle(last);
  }

  /** Moves a node up or down to where its score belongs. */
  #settle(node: number): void {
    const heap = this.#heap;
    const score = this.#scores[node]!;
    let at = this.#positions[node]!;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#scores[heap[parent]!]! >= score) break;
      this.#put(heap[parent]!, at);
      at = parent;
    }
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && this.#scores[heap[child + 1]!]! > this.#scores[heap[child]!]!) child++;
      if (this.#scores[heap[child]!]! <= score) break;
      this.#put(heap[child]!, at);
      at = child;
    }
    this.#put(node, at);
  }

  #put(node: number, at: number): void {
    this.#heap[at] = node;
    this.#positions[node] = at;
  }
}
