import { type VectorIndexKind, vectorIndexKind } from './kinds';

/** Returns the SQL that follows the table's name in CREATE INDEX. */
export function indexDefinition(kind: VectorIndexKind, dimensions: number, parameters: Record<string, number>): string {
  const { method, operatorClass, indexed } = vectorIndexKind[kind];
  const written = Object.entries(parameters).map(([name, value]) => `${name} = ${Math.trunc(value)}`);
  const options = written.length === 0 ? '' : ` WITH (${written.join(', ')})`;
  return `USING ${method} (${indexed('embedding', dimensions)} ${operatorClass})${options}`;
}
