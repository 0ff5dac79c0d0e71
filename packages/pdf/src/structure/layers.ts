import type { Structure } from './structure';
import { type Dictionary, nameOf, Reference, type Value } from './values';

const maxDepth = 16;

/** Tells which layers (optional content, ISO 32000-2, 8.11) a viewer does not show when it opens the document. */
export class Layers {
  private readonly hiddenGroups = new Set<number>();

  constructor(private readonly structure: Structure) {
    const properties = structure.dictionary(structure.catalog?.get('OCProperties'));
    const configuration = structure.dictionary(properties?.get('D'));
    const groups = numbersOf(structure.array(properties?.get('OCGs')));
    if (structure.name(configuration?.get('BaseState')) === 'OFF') {
      this.hide(groups);
      for (const shown of numbersOf(structure.array(configuration?.get('ON')))) {
        this.hiddenGroups.delete(shown);
      }
    }
    this.hide(numbersOf(structure.array(configuration?.get('OFF'))));
    for (const usage of structure.array(configuration?.get('AS'))) {
      this.applyUsage(structure.dictionary(usage));
    }
  }

  /** True when at least one layer is hidden. */
  get hidesAny(): boolean {
    return this.hiddenGroups.size > 0;
  }

  /** True when what belongs to this group, or to this membership of groups, is not shown. */
  isHidden(value: Value | undefined): boolean {
    if (value instanceof Reference && this.hiddenGroups.has(value.number)) {
      return true;
    }
    const membership = this.structure.dictionary(value);
    if (membership === null || this.structure.name(membership.get('Type')) !== 'OCMD') {
      return false;
    }
    const expression = this.structure.resolve(membership.get('VE'));
    if (Array.isArray(expression)) {
      return !this.isTrue(expression, 0);
    }
    const entry = membership.get('OCGs');
    const listed = this.structure.resolve(entry);
    const groups = Array.isArray(listed) ? listed : listed === null ? [] : [entry ?? null];
    const hidden = groups
      .filter((group) => group instanceof Reference)
      .map(({ number }) => this.hiddenGroups.has(number));
    if (hidden.length === 0) {
      return false;
    }
    switch (this.structure.name(membership.get('P'))) {
      case 'AllOn':
        return hidden.includes(true);
      case 'AnyOff':
        return !hidden.includes(true);
      case 'AllOff':
        return hidden.includes(false);
      default:
        return !hidden.includes(false);
    }
  }

  private hide(groups: readonly number[]): void {
    for (const group of groups) {
      this.hiddenGroups.add(group);
    }
  }

  /** Some groups say themselves whether they are for viewing. */
  private applyUsage(usage: Dictionary | null): void {
    const { structure } = this;
    const categories = structure.array(usage?.get('Category')).map(nameOf);
    if (structure.name(usage?.get('Event')) !== 'View' || !categories.includes('View')) {
      return;
    }
    for (const number of numbersOf(structure.array(usage?.get('OCGs')))) {
      const own = structure.dictionary(structure.dictionary(structure.object(number))?.get('Usage'));
      const state = structure.name(structure.dictionary(own?.get('View'))?.get('ViewState'));
      if (state === 'OFF') {
        this.hiddenGroups.add(number);
      } else if (state === 'ON') {
        this.hiddenGroups.delete(number);
      }
    }
  }

  /** Evaluates a visibility expression: an operator and its operands. */
  private isTrue(value: Value, depth: number): boolean {
    if (value instanceof Reference && !Array.isArray(this.structure.resolve(value))) {
      return !this.hiddenGroups.has(value.number);
    }
    const [operator = null, ...operands] = this.structure.array(value);
    if (depth > maxDepth) {
      return true;
    }
    const holds = (operand: Value) => this.isTrue(operand, depth + 1);
    switch (nameOf(operator)) {
      case 'And':
        return operands.every(holds);
      case 'Or':
        return operands.some(holds);
      case 'Not':
        return !operands.some(holds);
      default:
        return true;
    }
  }
}

function numbersOf(values: readonly Value[]): number[] {
  return values.filter((value) => value instanceof Reference).map(({ number }) => number);
}
