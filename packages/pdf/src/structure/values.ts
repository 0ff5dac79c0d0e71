/** A reference to an object. */
export class Reference {
  constructor(
    readonly number: number,
    readonly generation: number,
  ) {}
}

/** A name, such as /Type, without its slash. */
export class Name {
  constructor(readonly text: string) {}
}

export class Dictionary extends Map<string, Value> {}

/** A value in a PDF file. Strings are bytes. They stay encrypted where the file is. */
export type Value = null | boolean | number | Buffer | Name | Reference | Value[] | Dictionary;

/** Returns the text of a name, else null. */
export function nameOf(value: Value | undefined): string | null {
  return value instanceof Name ? value.text : null;
}

/** Writes a value as a PDF file has it. */
export function write(value: Value): string {
  if (value instanceof Name) {
    return `/${value.text.replace(/[^!-~]|[#()<>[\]{}/%]/g, hexOf)}`;
  }
  if (value instanceof Reference) {
    return `${value.number} ${value.generation} R`;
  }
  if (Buffer.isBuffer(value)) {
    return `<${value.toString('hex')}>`;
  }
  if (Array.isArray(value)) {
    return `[${value.map(write).join(' ')}]`;
  }
  if (value instanceof Dictionary) {
    return `<< ${[...value].map(([key, each]) => `${write(new Name(key))} ${write(each)}`).join(' ')} >>`;
  }
  return String(value);
}

function hexOf(character: string): string {
  return `#${character.charCodeAt(0).toString(16).padStart(2, '0')}`;
}
