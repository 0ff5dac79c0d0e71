export * from './catalogue';
export type { ErrorEntry } from './entry';
export * from './millraceError';
