export { openPdf } from './engine';
export { loadPdfium } from './pdfium';
export { ParserPool, type ParserPoolOptions, type RunOptions } from './pool/parserPool';
export { serveTasks, type TaskContext } from './pool/serve';
export * from './types';
