import { readFile } from 'node:fs/promises';
import { setFlagsFromString } from 'node:v8';
import { init } from '@embedpdf/pdfium';
import { MillraceError } from '@millrace/contracts';

type Pointer = number;

/**
 * The engine's functions as WebAssembly exports them. They are called raw because the package's own wrappers
 * (Emscripten's cwrap) halve the speed: a page of text takes some ten thousand calls.
 */
export interface PdfiumExports {
  malloc(size: number): Pointer;
  free(pointer: Pointer): void;
  FPDF_LoadCustomDocument(access: Pointer, password: Pointer): Pointer;
  FPDF_CloseDocument(document: Pointer): void;
  FPDF_SaveAsCopy(document: Pointer, writer: Pointer, flags: number): number;
  FPDF_GetLastError(): number;
  FPDF_DocumentHasValidCrossReferenceTable(document: Pointer): number;
  FPDF_GetPageCount(document: Pointer): number;
  FPDF_GetMetaText(document: Pointer, tag: Pointer, buffer: Pointer, size: number): number;
  FPDF_GetPageLabel(document: Pointer, index: number, buffer: Pointer, size: number): number;
  FPDF_GetPageSizeByIndexF(document: Pointer, index: number, size: Pointer): number;
  FPDF_LoadPage(document: Pointer, index: number): Pointer;
  FPDF_ClosePage(page: Pointer): void;
  FPDFPage_CountObjects(page: Pointer): number;
  FPDFPage_GetObject(page: Pointer, index: number): Pointer;
  FPDFPageObj_GetType(object: Pointer): number;
  FPDFPageObj_GetBounds(object: Pointer, left: Pointer, bottom: Pointer, right: Pointer, top: Pointer): number;
  FPDFPage_GetAnnotCount(page: Pointer): number;
  FPDFPage_GetAnnot(page: Pointer, index: number): Pointer;
  FPDFPage_CloseAnnot(annotation: Pointer): void;
  FPDFAnnot_GetSubtype(annotation: Pointer): number;
  FPDFPage_Flatten(page: Pointer, usage: number): number;
  FPDF_GetPageBoundingBox(page: Pointer, rectangle: Pointer): number;
  FPDFPage_GetRotation(page: Pointer): number;
  FPDFBitmap_CreateEx(width: number, height: number, format: number, firstScan: Pointer, stride: number): Pointer;
  FPDFBitmap_FillRect(bitmap: Pointer, left: number, top: number, width: number, height: number, argb: number): number;
  FPDFBitmap_GetBuffer(bitmap: Pointer): Pointer;
  FPDFBitmap_GetStride(bitmap: Pointer): number;
  FPDFBitmap_Destroy(bitmap: Pointer): void;
  FPDF_RenderPageBitmap(
    bitmap: Pointer,
    page: Pointer,
    left: number,
    top: number,
    width: number,
    height: number,
    rotate: number,
    flags: number,
  ): void;
  FPDFText_LoadPage(page: Pointer): Pointer;
  FPDFText_ClosePage(text: Pointer): void;
  FPDFText_CountChars(text: Pointer): number;
  FPDFText_GetUnicode(text: Pointer, index: number): number;
  FPDFText_GetTextObject(text: Pointer, index: number): Pointer;
  FPDFText_GetLooseCharBox(text: Pointer, index: number, rectangle: Pointer): number;
  FPDFText_GetCharOrigin(text: Pointer, index: number, x: Pointer, y: Pointer): number;
  FPDFText_GetFontSize(text: Pointer, index: number): number;
  FPDFText_GetMatrix(text: Pointer, index: number, matrix: Pointer): number;
  FPDFText_GetFontInfo(text: Pointer, index: number, buffer: Pointer, size: number, flags: Pointer): number;
  FPDFTextObj_GetFont(object: Pointer): Pointer;
  FPDFBookmark_GetFirstChild(document: Pointer, bookmark: Pointer): Pointer;
  FPDFBookmark_GetNextSibling(document: Pointer, bookmark: Pointer): Pointer;
  FPDFBookmark_GetTitle(bookmark: Pointer, buffer: Pointer, size: number): number;
  FPDFBookmark_GetDest(document: Pointer, bookmark: Pointer): Pointer;
  FPDFBookmark_GetAction(bookmark: Pointer): Pointer;
  FPDFAction_GetDest(document: Pointer, action: Pointer): Pointer;
  FPDFDest_GetDestPageIndex(document: Pointer, destination: Pointer): number;
}

/** Bytes of memory every caller may use for the out-parameters of one call. */
const scratchBytes = 1024;

/** Views of the engine's memory. They go stale when the memory grows. */
export interface MemoryViews {
  u8: Uint8Array;
  i32: Int32Array;
  f32: Float32Array;
  f64: Float64Array;
}

/** One instance of the engine: its functions and its memory. A process needs one. */
export class Pdfium {
  /** Address of scratchBytes bytes for out-parameters, aligned to 8. */
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

  /** Views of the memory as it is now. */
  get memory(): MemoryViews {
    // A grown memory has a new buffer, and views of the old one have no length.
    if (this.views.u8.length === 0) {
      this.views = viewsOf(this.heap());
    }
    return this.views;
  }

  /** Reads UTF-16LE text (ending in a NUL) from a function that fills (buffer, size) and returns the bytes needed. */
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
      return new TextDecoder('utf-16le').decode(bytes);
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

/** The process's engine, started on the first call; call it early to have the engine compiled before the first file. */
export function loadPdfium(): Promise<Pdfium> {
  loading ??= startPdfium().catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

async function startPdfium(): Promise<Pdfium> {
  // Measured: a fifth more pages a second, and the same text and boxes in every file of both corpora
  // (docs/decisions/0003-pdf-engine.md). It must be set before the module is compiled; a Node that no longer knows it
  // goes on without.
  setFlagsFromString('--experimental-wasm-inlining');
  const bytes = await readFile(require.resolve('@embedpdf/pdfium/pdfium.wasm'));
  const { buffer, byteOffset, byteLength } = bytes;
  const wrapped = await init({ wasmBinary: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer });
  wrapped.PDFiumExt_Init();
  // The package's types know neither the exports nor the memory without the DOM library.
  const pdfium = wrapped.pdfium as unknown as PdfiumModule;
  return new Pdfium(
    pdfium.wasmExports,
    () => pdfium.HEAPU8,
    (callback, signature) => pdfium.addFunction(callback, signature),
  );
}

/**
 * Runs calls into the engine. A trap leaves the instance in an unknown state, so it is given up: the next file is
 * opened with a new one.
 * @throws MillraceError DOCUMENT_UNREADABLE when the engine traps.
 */
export function guarded<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    // WebAssembly.RuntimeError, told by its name: its type belongs to the DOM library.
    if (error instanceof Error && (error.name === 'RuntimeError' || error instanceof RangeError)) {
      loading = null;
      throw new MillraceError('DOCUMENT_UNREADABLE', `The PDF engine broke: ${error.message}`, { cause: error });
    }
    throw error;
  }
}
