/** Where vectors stand: those that searches find, and those that take their place once all are there. */
export type VectorTable = 'document_chunks' | 'document_chunks_next';
