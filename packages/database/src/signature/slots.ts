/**
 * The columns that hold signatures. Usually one is in use. While signatures are made with a new mean, the other one gets
 * them, and searches use the old ones until the new index is there.
 */
export const slots = ['a', 'b'] as const;
export type Slot = (typeof slots)[number];

/** Returns the name of a slot's column. */
export function columnOf(slot: Slot): string {
  return `signature_${slot}`;
}

/** Returns the slot of the column with this name, or null for another column. */
export function slotOf(column: string | null): Slot | null {
  return slots.find((slot) => columnOf(slot) === column) ?? null;
}
