import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { init } from '@embedpdf/pdfium';
import { MillraceError } from '@millrace/contracts/errors';
import { asSentence } from '@millrace/contracts/text';
import type { PdfiumExports, Pointer } from './pdfiumExports';

/** The size of the memory for the out-parameters of one call. */
const scratchBytes = 1024;
const utf16 = new TextDecoder('utf-16le');

/** Views of the engine's memory. They become useless when the memory grows. */
export interface MemoryViews {
  u8: Uint8Array;
  i32: Int32Array;
  f32: Float32Array;
  f64: Float64Array;
}

/** An instance of the engine: its functions and its memory. A process needs one. */
export class Pdfium {
  /** The address of 1024 bytes for out-parameters, aligned to 8. Any call may overwrite them. */
  readonly scratch: Pointer;
  private views: MemoryViews;

  constructor(
    readonly fpdf: PdfiumExports,
    private readonly heap: () => Uint8Array,
    /** Makes a JavaScript function callable from the engine. */
    readonly addFunction: (callback: (...args: number[]) => number, signature: string) => Pointer,
  ) {
    this.views = viewsOf(heap());
    this.scratch = fpdf.malloc(scratchBytes);
  }

  /** The current views of the memory. */
  get memory(): MemoryViews {
    // When the memory grows, it gets a new buffer, and views of the old one have the length 0.
    if (this.views.u8.length === 0) {
      this.views = viewsOf(this.heap());
    }
    return this.views;
  }

  /** Reads UTF-16LE text that ends in a NUL. `fill` writes it into a buffer of a size and returns the size that it needs. */
  readUtf16(fill: (buffer: Pointer, size: number) => number, maxBytes = 64 * 1024): string {
    const needed = Math.min(fill(0, 0), maxBytes);
    if (needed <= 2) {
      return '';
    }
    const buffer = this.fpdf.malloc(needed);
    try {
      const written = fill(buffer, needed);
      if (written < 2 || written > needed) {
        return '';
      }
      const bytes = this.memory.u8.slice(buffer, buffer + written - 2);
      return utf16.decode(bytes);
    } finally {
      this.fpdf.free(buffer);
    }
  }
}

function viewsOf(heap: Uint8Array): MemoryViews {
  const { buffer } = heap;
  return {
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
  };
}

interface PdfiumModule {
  wasmExports: PdfiumExports;
  HEAPU8: Uint8Array;
  addFunction(callback: (...args: number[]) => number, signature: string): Pointer;
}

let loading: Promise<Pdfium> | null = null;

/** Returns the engine of the process, which the first call starts. An early call compiles it before the first file comes. */
export function loadPdfium(): Promise<Pdfium> {
  loading ??= startPdfium().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

/**
 * True for versions of V8 that inline calls between WebAssembly functions only with a flag: those of Node 20 and 22. That of
 * Node 24 always does, and it prints an error when it gets the flag.
 */
export function needsInliningFlag(v8Version: string): boolean {
  return Number.parseInt(v8Version, 10) < 13;
}

async function startPdfium(): Promise<Pdfium> {
  // Measured: a fifth more pages a second, with the same text and boxes in every file of both corpora
  // (docs/decisions/0003-pdf-engine.md). The flag must be set before the module is compiled.
  if (needsInliningFlag(process.versions.v8)) {
    setFlagsFromString('--experimental-wasm-inlining');
  }
  const bytes = await readFile(require.resolve('@embedpdf/pdfium/pdfium.wasm'));
  const { buffer, byteOffset, byteLength } = bytes;
  const wrapped = await init({ wasmBinary: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer });
  wrapped.PDFiumExt_Init();
  // Without the DOM library, the package's types have neither the exports nor the memory.
  const pdfium = wrapped.pdfium as unknown as PdfiumModule;
  return new Pdfium(
    pdfium.wasmExports,
    () => pdfium.HEAPU8,
    (callback, signature) => pdfium.addFunction(callback, signature),
  );
}

/**
 * Runs calls into the engine. A trap leaves the instance in an unknown state, so the next file is opened with a new
 * instance.
 * @throws MillraceError DOCUMENT_UNREADABLE when the engine traps.
 */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // WebAssembly.RuntimeError is recognized by its name, because its type belongs to the DOM library.
    if (error instanceof Error && (error.name === 'RuntimeError' || error instanceof RangeError)) {
      loading = null;
      throw new MillraceError('DOCUMENT_UNREADABLE', `The PDF engine broke: ${asSentence(error.message)}`, {
        cause: error,
      });
    }
    throw error;
  }
}
