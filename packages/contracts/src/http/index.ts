export * from './actions';
export { pageQuerySchema } from './common';
export * from './documents';
export * from './jobs';
export * from './models';
export * from './problem';
export * from './retries';
export * from './search';
export * from './service';
