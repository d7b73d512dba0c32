// Counters, gauges and histograms in the text format of Prometheus. A series is found once by whoever observes often and
// is then a field to add to: hashing labels at every observation cost 3 % of a create.

/** One number under one set of label values: a counter that only grows, or a gauge that is set. */
export class Series {
  value = 0;

  add(amount = 1): void {
    this.value += amount;
  }
}

/** As Go writes it, whose exponents have two digits. */
function boundText(bound: number | undefined): string {
  return bound === undefined ? "+Inf" : String(bound).replace(/e([+-])(\d)$/, "e$10$2");
}

/** How often values fell into each bucket, and their sum. */
export class HistogramSeries {
  readonly #bounds: readonly number[];
  /** Not cumulated; the last one is for what is above all bounds. */
  readonly #counts: number[];
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = bounds;
    this.#counts = new Array(bounds.length + 1).fill(0);
  }

  observe(value: number): void {
    let bucket = 0;
    while (bucket < this.#bounds.length && value > this.#bounds[bucket]!) bucket++;
    this.#counts[bucket]!++;
    this.#sum += value;
  }

  get count(): number {
    return this.#counts.reduce((all, each) => all + each, 0);
  }

  lines(name: string, labels: string): string {
    let text = "";
    let below = 0;
    const prefix = labels === "" ? "" : `${labels},`;
    for (const [bucket, count] of this.#counts.entries()) {
      below += count;
      text += `${name}_bucket{${prefix}le="${boundText(this.#bounds[bucket])}"} ${below}\n`;
    }
    const all = braces(labels);
    return `${text}${name}_sum${all} ${this.#sum}\n${name}_count${all} ${below}\n`;
  }
}

/** All series of one name. */
class Family<S> {
  readonly #name: string;
  readonly #head: string;
  readonly #labelNames: readonly string[];
  readonly #make: () => S;
  readonly #print: (name: string, labels: string, series: S) => string;
  readonly #series = new Map<string, S>();

  constructor(
    { name, help, type, labels = [] }: MetricDescription & { readonly type: string },
    make: () => S,
    print: (name: string, labels: string, series: S) => string,
  ) {
    this.#name = name;
    this.#head = `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    this.#labelNames = labels;
    this.#make = make;
    this.#print = print;
  }

  /** The series of these values, in the order of the label names; made when it is new. Values are bounded by the caller. */
  with(...values: readonly string[]): S {
    const labels = this.#labelNames.map((name, at) => `${name}="${escapeLabel(values[at] ?? "")}"`).join(",");
    return this.#series.getOrInsertComputed(labels, this.#make);
  }

  /** Forgets every series: for gauges that are told anew with every scrape. */
  clear(): void {
    this.#series.clear();
  }

  text(): string {
    let text = this.#head;
    for (const [labels, series] of this.#series) text += this.#print(this.#name, labels, series);
    return text;
  }
}

export type CounterFamily = Family<Series>;
export type GaugeFamily = Family<Series>;
export type HistogramFamily = Family<HistogramSeries>;

export interface MetricDescription {
  readonly name: string;
  readonly help: string;
  readonly labels?: readonly string[];
}

/** The metrics of one process. */
export class MetricRegistry {
  readonly #families = new Map<string, { text(): string }>();
  readonly #collectors = new Set<() => void>();

  counter(description: MetricDescription): CounterFamily {
    return this.#add(description, new Family({ ...description, type: "counter" }, newSeries, printSeries));
  }

  gauge(description: MetricDescription): GaugeFamily {
    return this.#add(description, new Family({ ...description, type: "gauge" }, newSeries, printSeries));
  }

  /** `buckets` are upper bounds, growing. */
  histogram(description: MetricDescription & { readonly buckets: readonly number[] }): HistogramFamily {
    const make = () => new HistogramSeries(description.buckets);
    const print = (name: string, labels: string, series: HistogramSeries) => series.lines(name, labels);
    return this.#add(description, new Family({ ...description, type: "histogram" }, make, print));
  }

  /** Calls `collect` before every scrape, for values that are looked up rather than counted. */
  onScrape(collect: () => void): void {
    this.#collectors.add(collect);
  }

  /** Everything, in the text format 0.0.4, in the order in which the metrics were made. */
  text(): string {
    for (const collect of this.#collectors) collect();
    return [...this.#families.values()].map((each) => each.text()).join("");
  }

  #add<F extends { text(): string }>({ name }: MetricDescription, family: F): F {
    if (this.#families.has(name)) throw new Error(`the metric ${name} is there already`);
    this.#families.set(name, family);
    return family;
  }
}

export const metricsContentType = "text/plain; version=0.0.4; charset=utf-8";

const newSeries = () => new Series();
const printSeries = (name: string, labels: string, { value }: Series) => `${name}${braces(labels)} ${value}\n`;
const braces = (labels: string) => (labels === "" ? "" : `{${labels}}`);

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (char) => (char === "\n" ? "\\n" : `\\${char}`));
}

/** `count` bounds from `start` on, each `factor` times the one before. */
export function exponentialBuckets(start: number, factor: number, count: number): number[] {
  return Array.from({ length: count }, (_, power) => start * factor ** power);
}
