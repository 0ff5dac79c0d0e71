import type { Slot } from '../signature/slots';
import { indexedSignature, type VectorIndexKind, vectorIndexKind } from './kinds';

/**
 * Returns the SQL that follows the table's name in CREATE INDEX.
 * @param slot the slot whose signatures an index over bits gets.
 */
export function indexDefinition(
  { kind, parameters }: { kind: VectorIndexKind; parameters: Record<string, number> },
  dimensions: number,
  slot: Slot,
): string {
  const { method, operatorClass, overBits } = vectorIndexKind[kind];
  const written = Object.entries(parameters).map(([name, value]) => `${name} = ${Math.trunc(value)}`);
  const options = written.length === 0 ? '' : ` WITH (${written.join(', ')})`;
  const indexed = overBits ? indexedSignature(slot, dimensions) : 'embedding';
  return `USING ${method} (${indexed} ${operatorClass})${options}`;
}
