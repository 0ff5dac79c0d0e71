export { chunkDocument, DocumentChunker } from './documentChunker';
export { countTokens } from './packing/tokens';
export * from './types';
