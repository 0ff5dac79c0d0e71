export { chunkDocument, DocumentChunker } from './documentChunker';
export { countTokens } from './tokens';
export * from './types';
