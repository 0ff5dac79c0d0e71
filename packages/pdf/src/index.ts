export { loadPdfium } from './engine/pdfium';
export { inkOf } from './ocr/ink';
export { checkLanguages } from './ocr/languages';
export { type Recognition, Recognizer } from './ocr/recognizer';
export { openPdf, openPdfBytes } from './openPdf';
export { isCutOff } from './repair/cutOff';
export type { RewriteLimits } from './repair/rewrite';
export * from './types';
export { type UnlockProtocol, unlockProgram } from './unlock/unlockProtocol';
