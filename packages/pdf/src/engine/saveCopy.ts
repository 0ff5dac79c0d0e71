import type { Pdfium } from './pdfium';

/** The flag of FPDF_SaveAsCopy that leaves out the encryption. */
const removeSecurity = 3;

/** Takes the pieces of a copy in order. The bytes change after the call. */
export type TakePiece = (piece: Uint8Array) => void;

interface Writer {
  /** The address of an FPDF_FILEWRITE. */
  address: number;
  take: TakePiece;
  fault: unknown;
}

/** Functions that the engine can call are never freed, so an instance has one. */
const writers = new WeakMap<Pdfium, Writer>();

/**
 * Writes an open document without its encryption, piece by piece, so that memory does not grow with the file.
 * @returns false when the engine cannot write it.
 * @throws what `take` throws.
 */
export function saveCopy(pdfium: Pdfium, document: number, take: TakePiece): boolean {
  const writer = writerOf(pdfium);
  writer.take = take;
  writer.fault = null;
  const saved = pdfium.fpdf.FPDF_SaveAsCopy(document, writer.address, removeSecurity) !== 0;
  if (writer.fault !== null) {
    throw writer.fault;
  }
  return saved;
}

function writerOf(pdfium: Pdfium): Writer {
  const known = writers.get(pdfium);
  if (known !== undefined) {
    return known;
  }
  const writer: Writer = { address: pdfium.fpdf.malloc(8), take: () => undefined, fault: null };
  const writeBlock = pdfium.addFunction((_self, data = 0, size = 0) => {
    try {
      const start = data >>> 0;
      writer.take(pdfium.memory.u8.subarray(start, start + (size >>> 0)));
      return 1;
    } catch (error) {
      writer.fault = error;
      return 0;
    }
  }, 'iiii');
  // FPDF_FILEWRITE: its version, and the function that takes the pieces.
  const { i32 } = pdfium.memory;
  i32[writer.address / 4] = 1;
  i32[writer.address / 4 + 1] = writeBlock;
  writers.set(pdfium, writer);
  return writer;
}
