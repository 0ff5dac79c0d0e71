export * from './chunks';
export * from './database';
export * from './jobs';
export * from './lease';
export * from './rows';
