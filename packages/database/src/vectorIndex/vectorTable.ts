/** The tables with vectors: the one that is searched, and the one that replaces it at the end of a re-embedding. */
export type VectorTable = 'document_chunks' | 'document_chunks_next';
