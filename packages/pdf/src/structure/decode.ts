import { constants, inflateSync } from 'node:zlib';
import { Malformed } from './parser';
import { Dictionary, nameOf, type Value } from './values';

/** Larger tables and object streams are not decoded. */
const maxDecodedBytes = 64 * 2 ** 20;

/**
 * Decodes the data of a stream of the file's structure. These streams use Flate, perhaps with a predictor, or nothing.
 * @throws Malformed for other filters and for too much data; the error of zlib.
 */
export function decode(data: Buffer, dictionary: Dictionary): Buffer {
  const filter = only(dictionary.get('Filter'));
  const parameters = only(dictionary.get('DecodeParms'));
  if (filter === undefined || filter === null) {
    return data;
  }
  if (nameOf(filter) !== 'FlateDecode') {
    throw new Malformed('A stream of the structure has an unknown filter.');
  }
  const inflated = inflateSync(data, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxDecodedBytes });
  const predictor = parameters instanceof Dictionary ? numberOf(parameters.get('Predictor'), 1) : 1;
  if (predictor < 10 || !(parameters instanceof Dictionary)) {
    return inflated;
  }
  return unpredict(inflated, numberOf(parameters.get('Columns'), 1));
}

/** The value, or the only item of an array. */
function only(value: Value | undefined): Value | undefined {
  return Array.isArray(value) && value.length <= 1 ? value[0] : value;
}

export function numberOf(value: Value | undefined, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

/** Undoes the PNG predictors none, sub and up for rows of single bytes. Tables of objects use no others. */
function unpredict(data: Buffer, columns: number): Buffer {
  if (!Number.isInteger(columns) || columns < 1) {
    throw new Malformed('The columns of a predictor are no number.');
  }
  const rows = Math.floor(data.length / (columns + 1));
  const result = Buffer.alloc(rows * columns);
  for (let row = 0; row < rows; row++) {
    const from = row * (columns + 1);
    const kind = data[from] as number;
    if (kind > 2) {
      throw new Malformed('A row has an unknown predictor.');
    }
    for (let column = 0; column < columns; column++) {
      const at = row * columns + column;
      const left = kind === 1 && column > 0 ? (result[at - 1] as number) : 0;
      const above = kind === 2 && row > 0 ? (result[at - columns] as number) : 0;
      result[at] = (data[from + 1 + column] as number) + left + above;
    }
  }
  return result;
}
