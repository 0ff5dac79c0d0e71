export { inkOf } from './ocr/ink';
export { checkLanguages } from './ocr/languages';
export { Recognizer } from './ocr/recognizer';
export { openPdf } from './openPdf';
export { loadPdfium } from './pdfium';
export { ParserPool, type ParserPoolOptions, type RunOptions } from './pool/parserPool';
export type { PageStep } from './pool/protocol';
export { serveTasks, type TaskContext } from './pool/serve';
export * from './types';
