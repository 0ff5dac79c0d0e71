export { openPdf } from './engine';
export { ParserPool, type ParserPoolOptions, type RunOptions } from './pool/parserPool';
export { serveTasks, type TaskContext } from './pool/serve';
export * from './types';
