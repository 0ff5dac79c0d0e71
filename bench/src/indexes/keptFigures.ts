import { type Conditions, readFigures, writeFigures } from '../report';

export type Figures = Record<string, number>;

/**
 * The figures of several kinds in one file that is written after each: a run that was broken off goes on with the next
 * kind. Figures that were measured under other conditions, or by another commit, are dropped when a run begins.
 */
export class KeptFigures<Kind extends string> {
  /** Of the kinds asked for, those to be measured: what is not there, or all once every one is. */
  readonly missing: readonly Kind[];
  private readonly kept: Map<string, Figures>;

  constructor(
    private readonly name: string,
    private readonly conditions: Conditions,
    /** Every kind there may be. */
    private readonly all: readonly Kind[],
    asked: readonly Kind[],
  ) {
    this.kept = this.read();
    if (asked.every((kind) => this.kept.has(kind))) {
      for (const kind of asked) {
        this.kept.delete(kind);
      }
    }
    this.missing = asked.filter((kind) => !this.kept.has(kind));
    this.write();
  }

  of(kind: Kind): Figures {
    return this.kept.get(kind) ?? {};
  }

  keep(kind: Kind, figures: Figures): void {
    this.kept.set(kind, figures);
    this.write();
  }

  /** Of all kinds, each name with its kind before it. */
  together(): Figures {
    const entries = this.all.flatMap((kind) =>
      Object.entries(this.of(kind)).map(([name, value]) => [`${kind}_${name}`, value] as const),
    );
    return Object.fromEntries(entries);
  }

  private read(): Map<string, Figures> {
    const kept = new Map<string, Figures>();
    for (const [name, value] of Object.entries(readFigures(this.name, this.conditions) ?? {})) {
      // The longest, since one kind's name may begin with another's.
      const [kind] = this.all.filter((one) => name.startsWith(`${one}_`)).sort((a, b) => b.length - a.length);
      if (kind !== undefined) {
        kept.set(kind, { ...kept.get(kind), [name.slice(kind.length + 1)]: value });
      }
    }
    return kept;
  }

  private write(): void {
    writeFigures(this.name, this.together(), this.conditions);
  }
}
