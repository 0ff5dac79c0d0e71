import { type Database, Session, Sql } from '@millrace/database';
import { Client } from 'pg';
import pgPromise from 'pg-promise';

interface PlanNode {
  'Node Type': string;
  'Index Name'?: string;
  'Relation Name'?: string;
  Plans?: PlanNode[];
}

/** The planner's choices for the statements of one call. */
export interface Access {
  indexes: string[];
  /** Tables that are read completely (sequential scans). */
  scanned: string[];
}

/** A database that explains each statement before it runs it, and rolls everything back. */
export class ExplainingDatabase {
  private readonly nodes: PlanNode[] = [];

  private constructor(private readonly client: Client) {}

  static async connect(url: string): Promise<ExplainingDatabase> {
    const client = new Client({ connectionString: url });
    await client.connect();
    return new ExplainingDatabase(client);
  }

  close(): Promise<void> {
    return this.client.end();
  }

  /** Runs `work`, rolls it back and returns how its statements find their rows. */
  async accessOf(work: (database: Database) => Promise<unknown>): Promise<Access> {
    this.nodes.length = 0;
    await this.client.query('BEGIN');
    try {
      const protocol = this.protocol() as never;
      const session = new Session(
        new Sql(
          (statement, run) => run(protocol, statement),
          () => Promise.reject(new Error('no COPY here')),
        ),
      );
      const transaction = (inner: (session: Session) => Promise<unknown>) => inner(session);
      await work(Object.assign(session, { transaction }) as unknown as Database);
    } finally {
      await this.client.query('ROLLBACK');
    }
    const namesOf = (pick: (node: PlanNode) => string | undefined) =>
      [...new Set(this.nodes.map(pick).filter((name) => name !== undefined))].sort();
    return {
      indexes: namesOf((node) => node['Index Name']),
      scanned: namesOf((node) => (node['Node Type'] === 'Seq Scan' ? node['Relation Name'] : undefined)),
    };
  }

  /** The part of pg-promise that Sql uses. */
  private protocol() {
    const run = async (statement: string, values?: unknown) => {
      const [, settings = '', text = ''] =
        /^((?:(?:SET LOCAL|SELECT set_config\()[^;]*;\s*)*)(.*)$/s.exec(pgPromise.as.format(statement, values)) ?? [];
      await this.client.query(settings);
      if (/^\s*(SELECT|INSERT|UPDATE|DELETE|WITH)\b/.test(text)) {
        const { rows } = await this.client.query<{ 'QUERY PLAN': { Plan: PlanNode }[] }>(
          `EXPLAIN (FORMAT JSON) ${text}`,
        );
        for (const { Plan } of rows[0]?.['QUERY PLAN'] ?? []) {
          this.collect(Plan);
        }
      }
      return this.client.query(text);
    };
    const rowsOf = async (statement: string, values?: unknown) => (await run(statement, values)).rows;
    const first = async (statement: string, values?: unknown) => (await rowsOf(statement, values))[0] ?? null;
    return { one: first, oneOrNone: first, any: rowsOf, none: rowsOf, result: run };
  }

  private collect(node: PlanNode): void {
    this.nodes.push(node);
    for (const inner of node.Plans ?? []) {
      this.collect(inner);
    }
  }
}
