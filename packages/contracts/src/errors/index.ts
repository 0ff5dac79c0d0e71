export * from './catalogue';
export * from './millraceError';
